package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_double;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.mmu.Mmu;
import io.queztl.emulator.ops.Semantics;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The frame of a region's method: what lives in which Java local, how operands are had, and how
 * registers go to the CPU and come back.
 */
final class Emitter {
    static final ClassDesc CPU_CLASS = ClassDesc.of(Cpu.class.getName());
    static final ClassDesc MMU_CLASS = ClassDesc.of(Mmu.class.getName());
    static final ClassDesc INSN_CLASS = ClassDesc.of(Insn.class.getName());
    static final ClassDesc REGION_CLASS = ClassDesc.of(Region.class.getName());
    private static final ClassDesc ENTRY_CLASS = ClassDesc.of(RegionEntry.class.getName());
    private static final MethodTypeDesc CALLEE =
            MethodTypeDesc.of(ENTRY_CLASS, CPU_CLASS, REGION_CLASS, CD_int, CD_long);
    private static final MethodTypeDesc JUMP =
            MethodTypeDesc.of(CD_int, CPU_CLASS, REGION_CLASS, CD_int, CD_long);
    static final ClassDesc FLAGS_CLASS = ClassDesc.of(Flags.class.getName());
    static final ClassDesc EXEC_CLASS =
            ClassDesc.of(Semantics.class.getName()).nested(Semantics.Exec.class.getSimpleName());
    private static final ClassDesc EXCEPTION_CLASS = ClassDesc.of(GuestException.class.getName());
    private static final ClassDesc ODDS = ClassDesc.of(Odds.class.getName());
    static final ClassDesc LONGS = CD_long.arrayType();
    private static final ClassDesc DOUBLE = ConstantDescs.CD_Double;

    private static final MethodTypeDesc LOAD =
            MethodTypeDesc.of(CD_long, MMU_CLASS, LONGS, CD_long, CD_long, CD_long, CD_boolean);
    private static final MethodTypeDesc STORE =
            MethodTypeDesc.of(
                    CD_boolean, MMU_CLASS, LONGS, CD_long, CD_long, CD_long, CD_long, CD_boolean);

    // Java locals. The first two are the method's own.
    static final int THIS = 0;
    static final int CPU = 1;
    private static final int ENTRY = 2;
    static final int PAGE = 2;
    static final int MEM = 4;
    private static final int REGISTERS = 5;
    private static final int COUNT = 7;
    private static final int AT = 8;
    private static final int GENERAL = 10;
    static final int FLAG_RESULT = 42;
    static final int FLAG_CARRY = 44;

    /** Operands of the last instruction that set flags, zero-extended. */
    static final int FIRST = 46;

    static final int SECOND = 48;

    /** Its result, not cut to size. */
    static final int RESULT = 50;

    static final int ADDRESS = 52;
    static final int OFFSET = 54;
    static final int VALUE = 56;
    static final int RIP = 58;
    private static final int LINK = 60;
    static final int CODE_WRITTEN = 61;
    static final int EXCEPTION = 62;
    private static final int OUTCOME = 63;
    static final int READ_TLB = 64;
    static final int WRITE_TLB = 65;
    static final int VECTORS = 66;

    // Of hot regions alone. What the carry word is made of, if it is not made yet.
    private static final int CARRY_FIRST = 68;
    private static final int CARRY_SECOND = 70;
    private static final int CARRY_RESULT = 72;
    private static final int CARRY_KIND = 74;

    /** The local of the first lane of vector register 0; eight a register. */
    static final int LANES = 76;

    /** Locals from here on are free for whoever needs some. */
    static final int FREE = LANES + 16 * 8;

    /** How the carry word is had: it is in {@link #FLAG_CARRY}. */
    private static final int WORD = 0;

    /** An exit for the interpreter to have its way. */
    private static final int UNUSUAL = -2;

    /** It is known at run time only. */
    static final int DYNAMIC = -1;

    private static final MethodTypeDesc CARRY =
            MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_long, CD_int);

    final CodeBuilder b;
    final Plan plan;
    private final Label leave;
    private final Label returned;
    private final List<Runnable> stubs = new ArrayList<>();
    private final Map<Spill, Label> spills = new LinkedHashMap<>();

    /** {@link #unusual()} of the instruction at work, once something has asked for it. */
    private @Nullable Label unusual;

    /** What the CPU does not have. */
    private record Spill(long dirty, int carry) {}

    /** Exits to other regions so far. */
    int links;

    // The instruction at work.
    Part part;
    int index;
    FlagUse.Source source = FlagUse.Source.WORDS;

    /** Operand size of the instruction that {@link #source} speaks of. */
    int flagSize = 8;

    /** Registers whose locals hold the guest's values, as {@link RegisterUse} has them. */
    private long available;

    /** Those of them that the CPU does not have yet. */
    private long dirty;

    /** How the carry word is had: {@link #WORD}, {@link #DYNAMIC}, or as {@link Flags#carry}. */
    private int carry;

    /** The CPU has the flags of now. */
    private boolean flagsShown;

    /** Whether SSE and AVX instructions are known to be allowed, as bits 0 and 1. */
    private int checked;

    final boolean hot;
    final HotMemory memory;

    Emitter(CodeBuilder b, Plan plan) {
        this.b = b;
        this.plan = plan;
        this.part = plan.entry;
        hot = plan.hot;
        memory = new HotMemory(this);
        leave = b.newLabel();
        returned = b.newLabel();
    }

    // --- the method
    // -------------------------------------------------------------------------------

    void method() {
        Label start = b.newLabel();
        Label end = b.newLabel();
        Label handler = b.newLabel();
        warmUp();
        prologue();
        for (Part p : plan.parts) {
            p.label = b.newLabel();
        }
        enter();
        b.labelBinding(start);
        for (Part p : plan.parts) {
            part(p);
        }
        for (int k = 0; k < stubs.size(); k++) {
            stubs.get(k).run();
        }
        spills();
        b.labelBinding(end);
        leave();
        returned();
        // The CPU has all registers wherever an instruction can fault.
        b.labelBinding(handler);
        b.astore(EXCEPTION);
        if (!hot) {
            writeFlags();
        }
        fault();
        b.exceptionCatch(start, end, handler, EXCEPTION_CLASS);
    }

    /** Returns to the caller with what the exception in its local says. */
    private void fault() {
        b.aload(CPU).aload(THIS).iload(AT).iload(COUNT).lload(PAGE).aload(EXCEPTION);
        b.invokestatic(
                REGION_CLASS,
                "fault",
                MethodTypeDesc.of(
                        CD_int, CPU_CLASS, REGION_CLASS, CD_int, CD_int, CD_long, EXCEPTION_CLASS));
        b.ireturn();
    }

    /** Without a CPU it returns at once: see {@link Region#warmUp}. */
    private void warmUp() {
        Label real = b.newLabel();
        b.aload(CPU).ifnonnull(real);
        for (int k = HotSpot.available() ? Region.WARM_UP_NOPS : 0; k < Region.WARM_UP_NOPS; k++) {
            b.nop();
        }
        b.loadConstant(Region.LEFT).ireturn();
        b.labelBinding(real);
    }

    private void prologue() {
        b.aload(CPU).getfield(CPU_CLASS, "mem", MMU_CLASS).astore(MEM);
        b.aload(CPU).getfield(CPU_CLASS, "r", LONGS).astore(REGISTERS);
        b.iconst_0().istore(COUNT);
        b.iconst_0().istore(AT);
        if (hot) {
            b.aload(CPU).getfield(CPU_CLASS, "vec", LONGS).astore(VECTORS);
            b.lconst_0().lstore(CARRY_FIRST).lconst_0().lstore(CARRY_SECOND);
            b.lconst_0().lstore(CARRY_RESULT).iconst_0().istore(CARRY_KIND);
            memory.prepare();
        }
        reload();
    }

    /** Goes to the part that the region is entered at. */
    private void enter() {
        List<SwitchCase> cases = new ArrayList<>();
        for (int k = 1; k < plan.entries.size(); k++) {
            cases.add(SwitchCase.of(k, b.newLabel()));
        }
        Label first = b.newLabel();
        if (!cases.isEmpty()) {
            b.iload(ENTRY).tableswitch(1, cases.size(), first, cases);
        }
        for (int k = 0; k < plan.entries.size(); k++) {
            Part p = plan.entries.get(k);
            b.labelBinding(k == 0 ? first : cases.get(k - 1).target());
            b.aload(CPU).getfield(CPU_CLASS, "rip", CD_long);
            b.ldc((long) p.distance).lsub().lstore(PAGE);
            available = 0;
            dirty = 0;
            carry = WORD;
            load(p.available);
            arriveAt(p);
            b.goto_(label(p));
        }
    }

    private void load(long registers) {
        for (int r = 0; r < 16; r++) {
            if ((registers >> r & 1) != 0) {
                fromCpu(r);
                b.lstore(GENERAL + 2 * r);
            }
        }
        vectors(registers, this::loadLane);
    }

    private void vectors(long registers, LaneAction action) {
        for (int v = 0; registers >>> 16 != 0 && v < 16; v++) {
            if ((registers >> 16 + v & 1) != 0) {
                action.on(v, 0);
            }
            if ((registers >> 48 + v & 1) != 0) {
                action.on(v, 1);
            }
            if ((registers >> 32 + v & 1) != 0) {
                action.on(v, 2);
                action.on(v, 3);
            }
        }
    }

    /** What is done with a lane of a vector register. */
    private interface LaneAction {
        void on(int v, int lane);
    }

    private void loadLane(int v, int lane) {
        b.aload(VECTORS).loadConstant(v * Cpu.VEC_STRIDE + lane).laload();
        setLane(v, lane);
    }

    private void storeLane(int v, int lane) {
        b.aload(VECTORS).loadConstant(v * Cpu.VEC_STRIDE + lane);
        lane(v, lane);
        b.lastore();
    }

    // --- lanes of vector registers in hot regions
    // ------------------------------------------------------

    private static int local(int v, int lane) {
        return LANES + 8 * v + 2 * lane;
    }

    /** Pushes a quadword of a vector register. */
    void lane(int v, int lane) {
        if (plan.isDouble(v)) {
            b.dload(local(v, lane));
            b.invokestatic(DOUBLE, "doubleToRawLongBits", MethodTypeDesc.of(CD_long, CD_double));
        } else {
            b.lload(local(v, lane));
        }
    }

    /** Pushes a quadword of a vector register as a double. */
    void laneAsDouble(int v, int lane) {
        if (plan.isDouble(v)) {
            b.dload(local(v, lane));
        } else {
            b.lload(local(v, lane));
            toDouble();
        }
    }

    /** The long on the stack becomes the double of the same bits. */
    void toDouble() {
        b.invokestatic(DOUBLE, "longBitsToDouble", MethodTypeDesc.of(CD_double, CD_long));
    }

    /** The double on the stack becomes the long of the same bits. */
    void toBits() {
        b.invokestatic(DOUBLE, "doubleToRawLongBits", MethodTypeDesc.of(CD_long, CD_double));
    }

    /** Pops a quadword into the local of a lane; {@link #wrote} says that it is the guest's. */
    void setLane(int v, int lane) {
        if (plan.isDouble(v)) {
            toDouble();
            b.dstore(local(v, lane));
        } else {
            b.lstore(local(v, lane));
        }
    }

    /** As {@link #setLane}, from a double. */
    void setLaneFromDouble(int v, int lane) {
        if (plan.isDouble(v)) {
            b.dstore(local(v, lane));
        } else {
            toBits();
            b.lstore(local(v, lane));
        }
    }

    /** Takes lanes of a vector register from the CPU, which has newer ones. */
    void reloadLanes(int v, int from, int to) {
        for (int lane = from; lane < to; lane++) {
            loadLane(v, lane);
        }
    }

    /** Notes that locals of registers hold what the guest has written. */
    void wrote(long registers) {
        available |= registers;
        dirty |= registers;
    }

    /** Forgets what locals say of registers, which the CPU has now. */
    void forget(long registers) {
        available &= ~registers;
        dirty &= ~registers;
    }

    /** Before an SSE instruction: it may be forbidden. */
    void checkSse() {
        if ((checked & 1) == 0) {
            checked |= 1;
            b.aload(CPU).getfield(CPU_CLASS, "sseTrap", CD_int);
            rarely(unusual());
        }
    }

    /** Before an AVX instruction: it may be forbidden. */
    void checkAvx() {
        if ((checked & 2) == 0) {
            checked |= 2;
            b.aload(CPU).invokevirtual(CPU_CLASS, "avxForbidden", MethodTypeDesc.of(CD_boolean));
            rarely(unusual());
        }
    }

    private void leave() {
        b.labelBinding(leave);
        if (!hot) {
            writeFlags();
        }
        ripAndCount();
        b.aload(CPU).aload(THIS).iload(LINK).lload(RIP);
        b.invokestatic(REGION_CLASS, "jump", JUMP).ireturn();
    }

    private void returned() {
        b.labelBinding(returned);
        if (!hot) {
            writeFlags();
        }
        ripAndCount();
        b.loadConstant(Region.RETURNED).ireturn();
    }

    private void ripAndCount() {
        b.aload(CPU).lload(RIP).putfield(CPU_CLASS, "rip", CD_long);
        flushCount();
    }

    private void flushCount() {
        b.aload(CPU).dup().getfield(CPU_CLASS, "instructions", CD_long);
        b.iload(COUNT).i2l().ladd().putfield(CPU_CLASS, "instructions", CD_long);
    }

    private static Label label(Part p) {
        Label l = p.label;
        if (l == null) {
            throw new IllegalStateException("part without label");
        }
        return l;
    }

    private void part(Part p) {
        part = p;
        source = FlagUse.Source.WORDS;
        available = p.available;
        dirty = p.dirty;
        carry = p.carry == Part.NOT_TOLD ? WORD : p.carry;
        checked = 0;
        flagsShown = false;
        b.labelBinding(label(p));
        b.iinc(COUNT, p.insns.length);
        for (index = 0; index < p.insns.length; index++) {
            Insn i = p.insns[index];
            if (index == p.insns.length - 1 && i.row.end) {
                new ControlRows(this).emit(i);
                return;
            }
            instruction(i);
        }
        index = p.insns.length - 1;
        if (!hot) {
            writeBack();
        }
        continueAt(p.next());
    }

    private void instruction(Insn i) {
        mark(i);
        if (!(hot && new LaneRows(this).emit(i))
                && !new IntegerRows(this).emit(i)
                && !new VectorRows(this).emit(i)
                && !new CallRows(this).emit(i)) {
            general(i);
        }
        if (FlagUse.effect(i) != FlagUse.Effect.NONE && Control.condition(i) < 0) {
            flagSize = i.size;
        }
        source = FlagUse.after(i, source, hot);
    }

    /** Gets what an instruction needs, and notes which it is, for faults. */
    void mark(Insn i) {
        if (!hot && (FlagUse.faults(i) || i.row.end)) {
            writeBack();
            b.loadConstant(part.first + index).istore(AT);
        }
        obtain(plan.needed(i));
        unusual = null;
    }

    /** Has registers in locals. */
    private void obtain(long registers) {
        long missing = registers & ~available;
        load(missing);
        available |= missing;
    }

    /**
     * In a hot region, where something can be seen: gives the CPU what it does not have yet, and
     * says which instruction it is, for faults. What is in locals stays valid.
     */
    void show() {
        b.loadConstant(part.first + index).istore(AT);
        writeBack();
        if (!flagsShown) {
            writeFlags();
            flagsShown = true;
        }
    }

    /** The flags are others from here on. */
    void flagsChange() {
        flagsShown = false;
    }

    private void fromCpu(int r) {
        b.aload(REGISTERS).loadConstant(r).laload();
    }

    boolean flagsSeen() {
        return part.flagsSeen[index];
    }

    // --- going on
    // ---------------------------------------------------------------------------------

    /** Goes to a part of the region, or leaves towards it; nothing is on the stack. */
    void continueAt(int distance) {
        Part to = plan.at(distance);
        if (to == null) {
            b.goto_(exit(distance, links++));
            return;
        }
        arriveAt(to);
        if (to.distance <= part.distance) {
            attention(distance);
        } else if (to.distance == part.next() && nextInOrder() == to) {
            return;
        }
        b.goto_(label(to));
    }

    /** Before execution goes to a part: it finds in locals what it counts on. */
    private void arriveAt(Part to) {
        if (!hot) {
            return;
        }
        obtain(to.available);
        long lost = dirty & ~to.available;
        plan.bring(to, dirty, lost, to.flagsSeenOnEntry ? carry : Part.NOT_TOLD);
        writeBack(lost);
        dirty &= ~lost;
        if (to.carry == DYNAMIC && carry != DYNAMIC) {
            b.loadConstant(carry).istore(CARRY_KIND);
        }
    }

    private Part nextInOrder() {
        int k = plan.parts.indexOf(part);
        return k + 1 < plan.parts.size() ? plan.parts.get(k + 1) : plan.entry;
    }

    /** Where a taken forward or backward branch goes. */
    Label branchTarget(int distance) {
        Part to = plan.at(distance);
        if (to == null) {
            return exit(distance, links++);
        }
        arriveAt(to);
        if (to.distance > part.distance) {
            return label(to);
        }
        Label l = b.newLabel();
        later(() -> {
            b.labelBinding(l);
            attention(distance);
            b.goto_(label(to));
        });
        return l;
    }

    /** Jumps if the int on the stack is not 0, which is rare. */
    void rarely(Label target) {
        if (hot) {
            b.invokestatic(ODDS, "mostlyZero", MethodTypeDesc.of(CD_boolean, CD_int));
            b.ifeq(target);
        } else {
            b.ifne(target);
        }
    }

    /** Jumps if the long on the stack is 0, which is rare; hot regions only. */
    void rarelyZero(Label target) {
        b.invokestatic(ODDS, "mostlySet", MethodTypeDesc.of(CD_boolean, CD_long));
        b.ifeq(target);
    }

    /** Leaves if something needs attention. */
    private void attention(int distance) {
        Label go = exit(distance, -1);
        if (hot) {
            b.aload(CPU).getfield(CPU_CLASS, "attention", CD_int);
        } else {
            b.aload(CPU);
            b.invokevirtual(CPU_CLASS, "attentionOpaque", MethodTypeDesc.of(CD_int));
        }
        rarely(go);
    }

    /** A stub that leaves with RIP at a distance from the entry's page. */
    Label exit(int distance, int link) {
        return exit(distance, link, 0);
    }

    private Label exit(int distance, int link, int notDone) {
        Label l = b.newLabel();
        Label spill = hot ? spill() : leave;
        later(() -> {
            b.labelBinding(l);
            if (!hot) {
                writeBack();
            }
            if (link == UNUSUAL) {
                b.aload(CPU).iconst_1().putfield(CPU_CLASS, "passing", CD_boolean);
                b.aload(THIS).dup().getfield(REGION_CLASS, "unusual", CD_int);
                b.iconst_1().iadd().putfield(REGION_CLASS, "unusual", CD_int);
            }
            if (notDone > 0) {
                b.iinc(COUNT, -notDone);
            }
            rip(distance);
            b.lstore(RIP);
            b.loadConstant(link).istore(LINK);
            b.goto_(spill);
        });
        return l;
    }

    /**
     * In a hot region: where it is left for the interpreter to run the instruction at work, of
     * which nothing is done yet, and those behind it in its block.
     */
    Label unusual() {
        Label l = unusual;
        if (l == null) {
            Insn i = part.insns[index];
            l = exit(part.distance + i.offset, UNUSUAL, part.insns.length - index);
            unusual = l;
        }
        return l;
    }

    /** Where exits go that leave the CPU behind by the same registers as things are now. */
    private Label spill() {
        return spills.computeIfAbsent(new Spill(dirty, carry), s -> b.newLabel());
    }

    private void spills() {
        spills.forEach((s, l) -> {
            b.labelBinding(l);
            carry = s.carry;
            writeBack(s.dirty);
            writeFlags();
            b.goto_(leave);
        });
    }

    /** Leaves towards the address in {@link #RIP} by a link. */
    void leaveTo(int link) {
        writeBack();
        if (hot) {
            writeFlags();
        }
        b.loadConstant(link).istore(LINK);
        b.goto_(leave);
    }

    /** Returns with the address in {@link #RIP}. */
    void returnToCaller() {
        writeBack();
        if (hot) {
            writeFlags();
        }
        b.goto_(returned);
    }

    /** Pushes the linear address at a distance from the entry's page. */
    void rip(int distance) {
        b.lload(PAGE).ldc((long) distance).ladd();
    }

    /** Leaves behind the current instruction if the flag in {@link #CODE_WRITTEN} is set. */
    void leaveIfCodeWritten() {
        if (!hot) {
            b.iload(CODE_WRITTEN).ifne(exitBehind());
        }
    }

    /** Code that is out of the way, for the state of things as it is now. */
    void later(Runnable stub) {
        Part part = this.part;
        int index = this.index;
        FlagUse.Source source = this.source;
        int flagSize = this.flagSize;
        long available = this.available;
        long dirty = this.dirty;
        int carry = this.carry;
        stubs.add(() -> {
            this.part = part;
            this.index = index;
            this.source = source;
            this.flagSize = flagSize;
            this.available = available;
            this.dirty = dirty;
            this.carry = carry;
            stub.run();
        });
    }

    // --- registers
    // --------------------------------------------------------------------------------

    /** Pushes all 64 bits of a general register. */
    void register(int r) {
        if (r == Cpu.ZERO) {
            b.lconst_0();
        } else if (r == Cpu.BLOCK_RIP) {
            rip(part.distance);
        } else if ((available >> r & 1) != 0) {
            b.lload(GENERAL + 2 * r);
        } else {
            fromCpu(r);
        }
    }

    /** Pushes a general register, zero-extended; 20–23 are AH, CH, DH, BH. */
    void register(int r, int size) {
        if (r >= 20) {
            register(r - 20);
            b.bipush(8).lushr();
        } else {
            register(r);
        }
        zeroExtend(size);
    }

    /** Cuts the value on the stack to a size. */
    void zeroExtend(int size) {
        if (size < 8) {
            b.ldc(Flags.mask(size)).land();
        }
    }

    /** Sign-extends the value on the stack. */
    void signExtend(int size) {
        switch (size) {
            case 4 -> b.l2i().i2l();
            case 2 -> b.l2i().i2s().i2l();
            case 1 -> b.l2i().i2b().i2l();
            default -> {}
        }
    }

    /** Pops a value into all of a general register. */
    void setRegister(int r) {
        b.lstore(GENERAL + 2 * r);
        wrote(1L << r);
    }

    /** Pops a value, with anything above its size, into a general register. */
    void setRegister(int r, int size) {
        switch (size) {
            case 8 -> setRegister(r);
            case 4 -> {
                zeroExtend(4);
                setRegister(r);
            }
            default -> {
                zeroExtend(size);
                int full = r;
                long hole = Flags.mask(size);
                if (r >= 20) {
                    full = r - 20;
                    b.bipush(8).lshl();
                    hole <<= 8;
                }
                register(full);
                b.ldc(~hole).land().lor();
                setRegister(full);
            }
        }
    }

    /** Puts changed registers into the CPU. */
    void writeBack() {
        writeBack(dirty);
        dirty = 0;
    }

    private void writeBack(long registers) {
        for (int r = 0; r < 16; r++) {
            if ((registers >> r & 1) != 0) {
                b.aload(REGISTERS).loadConstant(r).lload(GENERAL + 2 * r).lastore();
            }
        }
        vectors(registers, this::storeLane);
    }

    void writeFlags() {
        b.aload(CPU).lload(FLAG_RESULT).putfield(CPU_CLASS, "flagResult", CD_long);
        b.aload(CPU);
        carryWord();
        b.putfield(CPU_CLASS, "flagCarry", CD_long);
    }

    void readFlags() {
        b.aload(CPU).getfield(CPU_CLASS, "flagResult", CD_long).lstore(FLAG_RESULT);
        b.aload(CPU).getfield(CPU_CLASS, "flagCarry", CD_long);
        setCarryWord();
    }

    /** Pushes the carry word. */
    void carryWord() {
        if (carry == WORD) {
            b.lload(FLAG_CARRY);
            return;
        }
        b.lload(CARRY_FIRST).lload(CARRY_SECOND).lload(CARRY_RESULT);
        if (carry == DYNAMIC) {
            b.lload(FLAG_CARRY).iload(CARRY_KIND);
            b.invokestatic(
                    REGION_CLASS,
                    "carry",
                    MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_long, CD_long, CD_int));
        } else {
            b.loadConstant(carry >> 1);
            b.invokestatic(REGION_CLASS, (carry & 1) != 0 ? "subCarry" : "addCarry", CARRY);
        }
    }

    /** Pops the carry word. */
    void setCarryWord() {
        b.lstore(FLAG_CARRY);
        carry = WORD;
        flagsShown = false;
    }

    /** The carry word is that of an addition or subtraction of what is in the operands' locals. */
    void setCarry(boolean subtraction, int size) {
        if (hot) {
            b.lload(FIRST).lstore(CARRY_FIRST);
            b.lload(SECOND).lstore(CARRY_SECOND);
            b.lload(RESULT).lstore(CARRY_RESULT);
            carry = size << 1 | (subtraction ? 1 : 0);
            flagsShown = false;
        } else if (flagsSeen()) {
            b.lload(FIRST).lload(SECOND).lload(RESULT).loadConstant(size);
            b.invokestatic(FLAGS_CLASS, subtraction ? "subCarry" : "addCarry", CARRY);
            b.lstore(FLAG_CARRY);
        }
    }

    /** The CPU has the registers; takes the flags from it. */
    void reload() {
        available = 0;
        dirty = 0;
        checked = 0;
        readFlags();
        b.aload(MEM).getfield(MMU_CLASS, "readTlb", LONGS).astore(READ_TLB);
        b.aload(MEM).getfield(MMU_CLASS, "writeTlb", LONGS).astore(WRITE_TLB);
        if (plan.floating) {
            new LaneRows(this).askMode();
        }
    }

    // --- operands
    // ---------------------------------------------------------------------------------

    /** Pushes the linear address of the memory operand. */
    void address(Insn i) {
        effectiveAddress(i);
        if (i.segment >= Cpu.FS) {
            b.aload(CPU).getfield(CPU_CLASS, "effectiveBase", LONGS);
            b.loadConstant(i.segment).laload().ladd();
        }
    }

    /** Pushes the offset of the memory operand in its segment. */
    void effectiveAddress(Insn i) {
        boolean any = false;
        long displacement = i.displacement;
        if (i.base == Cpu.BLOCK_RIP) {
            rip((int) (part.distance + displacement));
            displacement = 0;
            any = true;
        } else if (i.base != Cpu.ZERO) {
            register(i.base);
            any = true;
        }
        if (i.index != Cpu.ZERO) {
            register(i.index);
            if (i.scale != 0) {
                b.loadConstant(i.scale).lshl();
            }
            if (any) {
                b.ladd();
            }
            any = true;
        }
        if (displacement != 0 || !any) {
            b.ldc(displacement);
            if (any) {
                b.ladd();
            }
        }
        if (i.addressSize == 4) {
            zeroExtend(4);
        }
    }

    /** Loads, zero-extended, from the address that {@code address} pushes. */
    void load(Runnable address, int size) {
        if (hot) {
            memory.load(address, size);
            return;
        }
        b.aload(MEM).aload(READ_TLB).ldc(plan.ram).ldc(plan.mask);
        address.run();
        b.loadConstant(plan.smp ? 1 : 0);
        b.invokestatic(MMU_CLASS, "load" + size * 8, LOAD);
    }

    /** Stores what {@code value} pushes; {@link #CODE_WRITTEN} says if that was code. */
    void store(Runnable address, int size, Runnable value) {
        if (hot) {
            memory.store(address, size, value);
            return;
        }
        b.aload(MEM).aload(WRITE_TLB).ldc(plan.ram).ldc(plan.mask);
        address.run();
        value.run();
        b.loadConstant(plan.smp ? 1 : 0);
        b.invokestatic(MMU_CLASS, "store" + size * 8, STORE);
        b.istore(CODE_WRITTEN);
    }

    /**
     * Puts the memory operand of an update into {@link #FIRST}, and what {@link #update} needs into
     * {@link #ADDRESS} and {@link #OFFSET}; a fault is that of a write.
     */
    void loadForUpdate(Insn i) {
        if (hot) {
            memory.loadForUpdate(() -> address(i), i.size);
            return;
        }
        address(i);
        b.lstore(ADDRESS);
        b.aload(MEM).lload(ADDRESS).loadConstant(i.size);
        b.invokevirtual(MMU_CLASS, "writeOffset", MethodTypeDesc.of(CD_long, CD_long, CD_int));
        b.lstore(OFFSET);
        b.aload(MEM).lload(OFFSET).lload(ADDRESS).loadConstant(i.size);
        b.invokevirtual(
                MMU_CLASS, "updateLoad", MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_int));
        b.lstore(FIRST);
    }

    /** Ends an update with {@link #RESULT}; {@link #CODE_WRITTEN} says if that was code. */
    void update(int size) {
        if (hot) {
            memory.update(size);
            return;
        }
        b.aload(MEM).lload(OFFSET).lload(ADDRESS);
        b.loadConstant(size).lload(RESULT);
        b.invokevirtual(
                MMU_CLASS,
                "updateStore",
                MethodTypeDesc.of(CD_boolean, CD_long, CD_long, CD_int, CD_long));
        b.istore(CODE_WRITTEN);
    }

    /** True if operand {@code n}, counted from 0, is in memory. */
    static boolean inMemory(Insn i, int n) {
        Operand.Kind k = i.row.operands.get(n).kind();
        return i.mem
                && (k == Operand.Kind.RM || k == Operand.Kind.MEMORY || k == Operand.Kind.OFFSET);
    }

    /** Pushes operand {@code n}, counted from 0, as semantics get it. */
    void operand(Insn i, int n) {
        Operand o = i.row.operands.get(n);
        int size = i.operandSize(n);
        switch (o.kind()) {
            case IMMEDIATE, ONE -> b.ldc(i.immediate);
            default -> {
                if (inMemory(i, n)) {
                    load(() -> address(i), size);
                } else {
                    register(i.register(n), size);
                }
            }
        }
    }

    /** True if the translator can push an operand. */
    static boolean pushable(Insn i, int n) {
        return switch (i.row.operands.get(n).kind()) {
            case RM, REG, VVVV, OPCODE_REG, FIXED, OFFSET, MEMORY, IMMEDIATE, ONE -> true;
            default -> false;
        };
    }

    // --- semantics called as they are
    // -------------------------------------------------------------

    /** Runs an instruction as the interpreter does, with all registers in the CPU. */
    void general(Insn i) {
        run(i);
        reload();
        // It may have written to the code of this region.
        Label l = exit(part.distance + i.end, -1, part.insns.length - index - 1);
        b.aload(THIS).getfield(REGION_CLASS, "valid", CD_boolean).ifeq(l);
    }

    /** Tells the CPU where the instruction's block begins. */
    void blockRip() {
        b.aload(REGISTERS).loadConstant(Cpu.BLOCK_RIP);
        rip(part.distance);
        b.lastore();
    }

    /** Pushes the instruction at work. */
    void pushInsn() {
        b.aload(THIS).getfield(REGION_CLASS, "insns", INSN_CLASS.arrayType());
        b.loadConstant(part.first + index).aaload();
    }

    /** Forgets what a local says of a general register, which the CPU has now; or of none, -1. */
    void lose(int r) {
        if (r >= 0) {
            int full = r >= 20 ? r - 20 : r;
            forget(1L << full);
        }
    }

    /** Where to leave behind the instruction at work. */
    Label exitBehind() {
        Insn i = part.insns[index];
        return exit(part.distance + i.end, -1, part.insns.length - index - 1);
    }

    /** Runs the executor of an instruction; locals are stale afterwards. */
    void run(Insn i) {
        Label start = b.newLabel();
        Label end = b.newLabel();
        Label after = b.newLabel();
        Label handler = b.newLabel();
        b.loadConstant(part.first + index).istore(AT);
        writeBack();
        writeFlags();
        if (i.row.semantics.equals("Moves.pause")) {
            // It tells spinning from work by the instructions in between.
            flushCount();
            b.iconst_0().istore(COUNT);
        }
        blockRip();
        if (i.row.end) {
            b.aload(CPU);
            rip(part.distance + i.end);
            b.putfield(CPU_CLASS, "rip", CD_long);
        }
        pushInsn();
        b.astore(EXCEPTION);
        b.aload(EXCEPTION).getfield(INSN_CLASS, "exec", EXEC_CLASS);
        b.aload(CPU).aload(EXCEPTION);
        b.labelBinding(start);
        b.invokeinterface(EXEC_CLASS, "exec", MethodTypeDesc.of(CD_void, CPU_CLASS, INSN_CLASS));
        b.labelBinding(end);
        b.labelBinding(after);
        b.exceptionCatch(start, end, handler, EXCEPTION_CLASS);
        later(() -> {
            b.labelBinding(handler);
            b.astore(EXCEPTION);
            fault();
        });
    }

    /** Behind a general {@code end} row: goes on, or leaves as the CPU is. */
    void passOrLeave(Insn i) {
        Label out = b.newLabel();
        b.aload(CPU).getfield(CPU_CLASS, "rip", CD_long);
        rip(part.distance + i.end);
        b.lcmp().ifne(out);
        b.aload(CPU).getfield(CPU_CLASS, "attention", CD_int).ifne(out);
        b.aload(THIS).getfield(REGION_CLASS, "valid", CD_boolean).ifeq(out);
        later(() -> {
            b.labelBinding(out);
            leaveAsIs();
        });
        reload();
        continueAt(part.next());
    }

    /** Leaves with the CPU's registers and RIP as they are. */
    void leaveAsIs() {
        flushCount();
        b.loadConstant(Region.LEFT).ireturn();
    }

    // --- calls
    // ------------------------------------------------------------------------------------

    /** Calls the region at the address in {@link #RIP}, and goes on behind the call. */
    void call(Insn i) {
        Label out = b.newLabel();
        writeBack();
        writeFlags();
        ripAndCount();
        b.iconst_0().istore(COUNT);
        Label slow = b.newLabel();
        Label odd = b.newLabel();
        Label returned = b.newLabel();
        int behind = part.distance + i.end;
        b.aload(CPU).aload(THIS).loadConstant(links++).lload(RIP);
        b.invokestatic(REGION_CLASS, "callee", CALLEE);
        b.astore(EXCEPTION);
        b.aload(EXCEPTION).ifnull(slow);
        runEntry();
        b.dup().istore(OUTCOME);
        rarely(odd);
        b.aload(CPU).getfield(CPU_CLASS, "rip", CD_long);
        rip(behind);
        b.lcmp();
        rarely(odd);
        b.aload(THIS).getfield(REGION_CLASS, "valid", CD_boolean).ifeq(odd);
        shallower();
        b.aload(CPU).aload(THIS).putfield(CPU_CLASS, "running", REGION_CLASS);
        b.labelBinding(returned);
        later(() -> {
            b.labelBinding(slow);
            b.loadConstant(Region.LEFT).istore(OUTCOME);
            b.labelBinding(odd);
            b.aload(CPU).aload(THIS).aload(EXCEPTION).checkcast(ENTRY_CLASS).iload(OUTCOME);
            b.lload(GENERAL + 2 * Cpu.RSP);
            rip(behind);
            rip(plan.entry.distance);
            b.invokestatic(
                    REGION_CLASS,
                    "afterCall",
                    MethodTypeDesc.of(
                            CD_int,
                            CPU_CLASS,
                            REGION_CLASS,
                            ENTRY_CLASS,
                            CD_int,
                            CD_long,
                            CD_long,
                            CD_long));
            b.dup().istore(OUTCOME).ifeq(returned);
            b.iload(OUTCOME).ireturn();
        });
        reload();
        continueAt(part.next());
    }

    /** Runs the entry in {@link #EXCEPTION}, and pushes what it ends with. */
    private void runEntry() {
        b.aload(EXCEPTION).getfield(ENTRY_CLASS, "region", REGION_CLASS);
        b.aload(CPU).aload(EXCEPTION).getfield(ENTRY_CLASS, "index", CD_int);
        b.invokevirtual(REGION_CLASS, "run", MethodTypeDesc.of(CD_int, CPU_CLASS, CD_int));
    }

    private void shallower() {
        b.aload(CPU).dup().getfield(CPU_CLASS, "depth", CD_int);
        b.iconst_1().isub().putfield(CPU_CLASS, "depth", CD_int);
    }
}
