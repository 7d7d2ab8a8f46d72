package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_double;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.ops.Packed;
import io.queztl.emulator.ops.SseInteger;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Vector instructions of hot regions, on quadwords in locals.
 *
 * <p>Arithmetic is Java's. Its result is the instruction's, and no flag changes, if MXCSR asks for
 * nothing special ({@link #askMode}) and operands and result are zeros or normal numbers of
 * middling size: the two top bits of their exponents differ, which one exclusive or of the number
 * with itself shifted tells. A result that is zero is exact then, except for fused multiply-add,
 * which gets no zeros. All else is left to the interpreter.
 */
final class LaneRows {
    /** The doubles that the last comparison compared. */
    static final int LEFT = HotMemory.NEXT;

    static final int RIGHT = LEFT + 2;

    /** All ones if rounding is to nearest and PE is masked and already set, else 0. */
    private static final int MODE = RIGHT + 2;

    /** Quadwords of the memory operand. */
    private static final int MEMORY = MODE + 2;

    /** Results: four doubles, or longs. */
    private static final int RESULTS = MEMORY + 8;

    private static final int BITS = RESULTS + 16;
    private static final int TWICE = BITS + 2;
    private static final int INTEGER = TWICE + 2;

    private static final ClassDesc PACKED = ClassDesc.of(Packed.class.getName());
    private static final ClassDesc MATH = ClassDesc.of("java.lang.Math");
    private static final MethodTypeDesc BINARY = MethodTypeDesc.of(CD_long, CD_long, CD_long);

    private final Emitter e;
    private final CodeBuilder b;

    LaneRows(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    /** Emits an instruction, or returns false. */
    boolean emit(Insn i) {
        LaneUse.Op op = LaneUse.op(i);
        if (op == LaneUse.Op.NONE) {
            return false;
        }
        if (i.vex) {
            e.checkAvx();
        } else {
            e.checkSse();
        }
        int d = i.row.operands.isEmpty() ? 0 : vector(i, 0);
        int a = d;
        if (i.row.operands.size() > 1 && i.row.operands.get(1).kind() == Operand.Kind.VEC_VVVV) {
            a = i.vvvv;
        }
        switch (op) {
            case MOVE -> {
                source(i, i.wide ? 4 : 2);
                write(i, d);
            }
            case MOVE_LOW -> {
                source(i, 1);
                constant(1);
                write(i, d);
            }
            case MERGE_LOW -> {
                source(i, 1);
                keep(a, 1, 1);
                write(i, d);
            }
            case HIGH_TO_LOW -> {
                keep(i.rm, 1, 0);
                keep(a, 1, 1);
                write(i, d);
            }
            case LOW_TO_HIGH -> {
                source(i, 1);
                b.lload(RESULTS).lstore(RESULTS + 2);
                keep(a, 0, 0);
                write(i, d);
            }
            case HIGHS -> {
                source(i, 2);
                keep(a, 1, 0);
                write(i, d);
            }
            case DUPLICATE -> {
                source(i, 1);
                b.lload(RESULTS).lstore(RESULTS + 2);
                write(i, d);
            }
            case BROADCAST -> {
                source(i, 1);
                for (int lane = 1; lane < 4; lane++) {
                    b.lload(RESULTS).lstore(RESULTS + 2 * lane);
                }
                write(i, d);
            }
            case SHUFFLE -> shuffle(i, d);
            case STORE -> store(i, i.wide ? 4 : 2);
            case STORE_LOW -> storeLow(i);
            case STORE_HIGH -> storeQuad(i, i.reg, 1);
            case STORE_QUAD -> {
                if (i.mem) {
                    storeQuad(i, i.reg, 0);
                } else {
                    keep(i.reg, 0, 0);
                    constant(1);
                    write(i, i.rm);
                }
            }
            case FROM_GENERAL -> {
                int size = (i.rex & 8) != 0 ? 8 : 4;
                general(i, size);
                b.lstore(RESULTS);
                constant(1);
                write(i, d);
            }
            case TO_GENERAL -> toGeneral(i);
            case ZERO_UPPER -> {
                b.aload(Emitter.CPU);
                e.pushInsn();
                b.invokestatic(
                        IntegerRows.owner(i),
                        IntegerRows.method(i),
                        MethodTypeDesc.of(CD_void, Emitter.CPU_CLASS, Emitter.INSN_CLASS));
                e.forget(LaneUse.lost(i));
            }
            case AND, AND_NOT, OR, XOR, PACKED -> pairs(i, op, a, d);
            case SHIFT -> shift(i, d);
            case MASK -> mask(i);
            case ADD, SUBTRACT, MULTIPLY, DIVIDE, ROOT, FUSED -> arithmetic(i, op, a, d);
            case COMPARE -> compare(i);
            case FROM_INTEGER -> fromInteger(i, a, d);
            case TO_INTEGER -> toInteger(i);
            case NONE -> {}
        }
        return true;
    }

    private static int vector(Insn i, int operand) {
        return LaneUse.vector(i, i.row.operands.get(operand).kind());
    }

    // --- operands
    // ---------------------------------------------------------------------------------

    private static int last(Insn i) {
        int n = i.row.operands.size() - 1;
        return i.row.operands.get(n).kind() == Operand.Kind.IMMEDIATE ? n - 1 : n;
    }

    /** Puts quadwords of the last operand that is no immediate into {@link #RESULTS}. */
    private void source(Insn i, int lanes) {
        if (i.mem) {
            loadMemory(i);
            for (int lane = 0; lane < lanes; lane++) {
                b.lload(MEMORY + 2 * lane).lstore(RESULTS + 2 * lane);
            }
        } else {
            int v = vector(i, last(i));
            for (int lane = 0; lane < lanes; lane++) {
                e.lane(v, lane);
                b.lstore(RESULTS + 2 * lane);
            }
        }
    }

    /** Puts the memory operand into {@link #MEMORY}, with zeros above. */
    private void loadMemory(Insn i) {
        int n = last(i);
        Operand o = i.row.operands.get(n);
        boolean full = i.operandSize(n) >= 16;
        int size = full ? i.wide ? 32 : 16 : i.operandSize(n);
        int alignment = 1;
        if (i.row.semantics.equals("AvxMove.loadAligned")) {
            alignment = i.wide ? 32 : 16;
            size = alignment;
        } else if (!i.vex && o.aligned() && full) {
            alignment = 16;
        }
        if (size < 16) {
            e.load(() -> e.address(i), size);
            b.lstore(MEMORY);
            b.lconst_0().lstore(MEMORY + 2);
        } else {
            e.memory.loadLanes(() -> e.address(i), size, alignment, MEMORY);
        }
    }

    /** Pushes a quadword of an operand: a register, or what is in {@link #MEMORY} for -1. */
    private void push(int v, int lane) {
        if (v < 0) {
            b.lload(MEMORY + 2 * lane);
        } else {
            e.lane(v, lane);
        }
    }

    private void pushDouble(int v, int lane) {
        if (v < 0) {
            b.lload(MEMORY + 2 * lane);
            e.toDouble();
        } else {
            e.laneAsDouble(v, lane);
        }
    }

    /** Result {@code to} is a quadword of a register. */
    private void keep(int v, int lane, int to) {
        e.lane(v, lane);
        b.lstore(RESULTS + 2 * to);
    }

    /** A result is 0; of 256 bits, that of the other half too. */
    private void constant(int lane) {
        b.lconst_0().lstore(RESULTS + 2 * lane);
        b.lconst_0().lstore(RESULTS + 2 * (lane ^ 2));
    }

    /** Results become a register; those of 128 bits clear what is above with VEX. */
    private void write(Insn i, int d) {
        for (int lane = 0; lane < (i.wide ? 4 : 2); lane++) {
            b.lload(RESULTS + 2 * lane);
            e.setLane(d, lane);
        }
        wrote(i, d);
    }

    private void wrote(Insn i, int d) {
        if (i.vex && !i.wide) {
            for (int lane = 2; lane < 4; lane++) {
                b.lconst_0();
                e.setLane(d, lane);
            }
        }
        e.wrote(LaneUse.low(d) | (i.vex ? LaneUse.high(d) : 0));
    }

    /** Pushes the general register or memory operand, zero-extended. */
    private void general(Insn i, int size) {
        if (i.mem) {
            e.load(() -> e.address(i), size);
        } else {
            e.register(i.rm, size);
        }
    }

    // --- stores
    // -----------------------------------------------------------------------------------

    private void store(Insn i, int lanes) {
        for (int lane = 0; lane < lanes; lane++) {
            keep(i.reg, lane, lane);
        }
        if (!i.mem) {
            write(i, i.rm);
            return;
        }
        int size = 8 * lanes;
        int alignment = i.row.semantics.endsWith("Aligned") ? size : 1;
        e.memory.storeLanes(() -> e.address(i), size, alignment, RESULTS);
        e.leaveIfCodeWritten();
    }

    private void storeLow(Insn i) {
        if (i.mem) {
            storeQuad(i, i.reg, 0);
        } else {
            e.lane(i.reg, 0);
            e.setLane(i.rm, 0);
            e.wrote(LaneUse.first(i.rm));
        }
    }

    private void storeQuad(Insn i, int v, int lane) {
        e.store(() -> e.address(i), 8, () -> e.lane(v, lane));
        e.leaveIfCodeWritten();
    }

    private void toGeneral(Insn i) {
        int size = (i.rex & 8) != 0 ? 8 : 4;
        if (i.mem) {
            e.store(() -> e.address(i), size, () -> e.lane(i.reg, 0));
            e.leaveIfCodeWritten();
        } else {
            e.lane(i.reg, 0);
            e.setRegister(i.rm, size);
        }
    }

    // --- integers
    // ---------------------------------------------------------------------------------

    private void pairs(Insn i, LaneUse.Op op, int a, int d) {
        int v = i.mem ? -1 : vector(i, last(i));
        if (i.mem) {
            loadMemory(i);
        }
        boolean zero = op == LaneUse.Op.XOR && LaneUse.zeroes(i);
        for (int lane = 0; lane < (i.wide ? 4 : 2); lane++) {
            if (zero) {
                b.lconst_0().lstore(RESULTS + 2 * lane);
                continue;
            }
            push(a, lane);
            if (op == LaneUse.Op.AND_NOT) {
                b.ldc(-1L).lxor();
            }
            push(v, lane);
            switch (op) {
                case AND, AND_NOT -> b.land();
                case OR -> b.lor();
                case XOR -> b.lxor();
                default -> b.invokestatic(PACKED, IntegerRows.method(i), BINARY);
            }
            b.lstore(RESULTS + 2 * lane);
        }
        write(i, d);
    }

    private void shift(Insn i, int d) {
        String name = IntegerRows.method(i);
        name = name.substring(0, name.length() - "Immediate".length());
        int v = vector(i, last(i));
        for (int lane = 0; lane < (i.wide ? 4 : 2); lane++) {
            e.lane(v, lane);
            b.ldc(i.immediate & 0xff).invokestatic(PACKED, name, BINARY);
            b.lstore(RESULTS + 2 * lane);
        }
        write(i, d);
    }

    /** PSHUFD. */
    private void shuffle(Insn i, int d) {
        int v = i.mem ? -1 : vector(i, last(i));
        if (i.mem) {
            loadMemory(i);
        }
        for (int lane = 0; lane < (i.wide ? 4 : 2); lane++) {
            int chosen = (int) i.immediate >> 4 * (lane & 1);
            doubleword(v, lane & 2, chosen & 3);
            doubleword(v, lane & 2, chosen >> 2 & 3);
            b.bipush(32).lshl().lor().lstore(RESULTS + 2 * lane);
        }
        write(i, d);
    }

    private void doubleword(int v, int from, int n) {
        push(v, from + (n >> 1));
        if ((n & 1) != 0) {
            b.bipush(32).lushr();
        } else {
            e.zeroExtend(4);
        }
    }

    /** PMOVMSKB. */
    private void mask(Insn i) {
        for (int lane = 0; lane < (i.wide ? 4 : 2); lane++) {
            e.lane(i.rm, lane);
            b.invokestatic(
                    ClassDesc.of(SseInteger.class.getName()),
                    "signs",
                    MethodTypeDesc.of(CD_int, CD_long));
            b.i2l();
            e.zeroExtend(1);
            if (lane > 0) {
                b.bipush(8 * lane).lshl().lor();
            }
        }
        e.setRegister(i.reg);
    }

    // --- doubles
    // ----------------------------------------------------------------------------------

    /** Finds out what MXCSR asks for. */
    void askMode() {
        b.aload(Emitter.CPU).getfield(Emitter.CPU_CLASS, "mxcsr", CD_int);
        b.ldc(0x7020).iand().ldc(0x1020).ixor();
        b.iconst_1().isub().bipush(31).ishr().i2l().lstore(MODE);
    }

    private void arithmetic(Insn i, LaneUse.Op op, int a, int d) {
        String name = IntegerRows.method(i);
        boolean scalar = name.endsWith("sd");
        int lanes = scalar ? 1 : i.wide ? 4 : 2;
        int v = i.mem ? -1 : vector(i, last(i));
        if (i.mem) {
            loadMemory(i);
        }
        for (int lane = 0; lane < lanes; lane++) {
            compute(op, name, d, a, v, lane);
            b.dstore(RESULTS + 2 * lane);
        }
        boolean zeroes = op != LaneUse.Op.FUSED;
        b.lload(MODE);
        for (int lane = 0; lane < lanes; lane++) {
            if (op == LaneUse.Op.FUSED) {
                ordinary(d, lane);
            }
            if (op != LaneUse.Op.ROOT) {
                ordinary(a, lane);
            }
            if (v != a) {
                ordinary(v, lane);
            }
            b.dload(RESULTS + 2 * lane);
            e.toBits();
            ordinary(zeroes);
        }
        leaveUnlessOrdinary();
        for (int lane = 0; lane < lanes; lane++) {
            b.dload(RESULTS + 2 * lane);
            e.setLaneFromDouble(d, lane);
        }
        if (scalar && a != d && op != LaneUse.Op.FUSED) {
            e.lane(a, 1);
            e.setLane(d, 1);
            wrote(i, d);
        } else if (scalar && !i.vex) {
            e.wrote(LaneUse.first(d));
        } else {
            wrote(i, d);
        }
    }

    /** Pushes an element's result. */
    private void compute(LaneUse.Op op, String name, int d, int a, int v, int lane) {
        switch (op) {
            case ROOT -> {
                pushDouble(v, lane);
                b.invokestatic(MATH, "sqrt", MethodTypeDesc.of(CD_double, CD_double));
            }
            case FUSED -> {
                boolean product = name.startsWith("fn");
                int x = name.contains("213") ? a : name.contains("231") ? a : d;
                int y = name.contains("132") ? v : name.contains("213") ? d : v;
                int z = name.contains("132") ? a : name.contains("213") ? v : d;
                pushDouble(x, lane);
                if (product) {
                    b.dneg();
                }
                pushDouble(y, lane);
                pushDouble(z, lane);
                if (name.contains("sub")) {
                    b.dneg();
                }
                b.invokestatic(
                        MATH, "fma", MethodTypeDesc.of(CD_double, CD_double, CD_double, CD_double));
            }
            default -> {
                pushDouble(a, lane);
                pushDouble(v, lane);
                switch (op) {
                    case ADD -> b.dadd();
                    case SUBTRACT -> b.dsub();
                    case MULTIPLY -> b.dmul();
                    default -> b.ddiv();
                }
            }
        }
    }

    private void ordinary(int v, int lane) {
        push(v, lane);
        ordinary(true);
    }

    /** Of the double whose bits are on the stack, ANDs what tells its size to what is below it. */
    private void ordinary(boolean zeroes) {
        b.lstore(BITS);
        b.lload(BITS).iconst_1().lshl().lstore(TWICE);
        b.lload(BITS).lload(TWICE).lxor();
        if (zeroes) {
            b.lload(TWICE).ldc(-1L).lxor().lload(TWICE).lconst_1().lsub().land().lor();
        }
        b.land();
    }

    private void leaveUnlessOrdinary() {
        b.ldc(1L << 62).land();
        e.rarelyZero(e.unusual());
    }

    /** UCOMISD, COMISD. */
    private void compare(Insn i) {
        int v = i.mem ? -1 : i.rm;
        if (i.mem) {
            loadMemory(i);
        }
        pushDouble(i.reg, 0);
        b.dstore(LEFT);
        pushDouble(v, 0);
        b.dstore(RIGHT);
        odd(i.reg);
        odd(v);
        b.lor().bipush(63).lushr().l2i();
        e.rarely(e.unusual());
        // The words: 2 and nothing, 2 and CF, 0 and no PF, or 0 and CF.
        b.dload(LEFT).dload(RIGHT).dcmpl().istore(INTEGER);
        b.iload(INTEGER).dload(LEFT).dload(RIGHT).dcmpg().iadd().iconst_2().iand().i2l();
        b.lstore(Emitter.FLAG_RESULT);
        b.iload(INTEGER).bipush(31).ishr().i2l().ldc(3L << 62).land();
        b.iload(INTEGER).iconst_1().iand().iconst_1().ixor().bipush(8).ishl().i2l().lor();
        e.setCarryWord();
    }

    /** Pushes a number that is negative if a double is a denormal or none. */
    private void odd(int v) {
        push(v, 0);
        b.lstore(BITS);
        b.lload(BITS).iconst_1().lshl().lconst_1().lsub().bipush(53).lushr().lconst_1().lsub();
        b.lload(BITS).ldc(Long.MAX_VALUE).land().ldc(0x000f_ffff_ffff_ffffL).ladd().lor();
    }

    /** CVTSI2SD. */
    private void fromInteger(Insn i, int a, int d) {
        int size = (i.rex & 8) != 0 ? 8 : 4;
        general(i, size);
        e.signExtend(size);
        b.lstore(BITS);
        b.lload(BITS);
        if (size == 4) {
            b.l2i().i2d();
        } else {
            b.l2d();
        }
        b.dstore(RESULTS);
        if (size == 8) {
            b.lload(MODE);
            e.rarelyZero(e.unusual());
        }
        b.dload(RESULTS);
        e.setLaneFromDouble(d, 0);
        if (a != d) {
            e.lane(a, 1);
            e.setLane(d, 1);
        }
        if (i.vex) {
            wrote(i, d);
        } else {
            e.wrote(LaneUse.first(d));
        }
    }

    /** CVTTSD2SI. */
    private void toInteger(Insn i) {
        int size = (i.rex & 8) != 0 ? 8 : 4;
        int v = i.mem ? -1 : i.rm;
        if (i.mem) {
            loadMemory(i);
        }
        pushDouble(v, 0);
        b.dstore(RESULTS);
        b.dload(RESULTS).d2l().lstore(BITS);
        b.dload(RESULTS).dload(RESULTS).dcmpl();
        e.rarely(e.unusual());
        b.lload(MODE);
        e.rarelyZero(e.unusual());
        if (size == 8) {
            b.lload(BITS).ldc(Long.MIN_VALUE).lxor();
            e.rarelyZero(e.unusual());
            b.lload(BITS).ldc(Long.MAX_VALUE).lxor();
            e.rarelyZero(e.unusual());
        } else {
            b.lload(BITS).lload(BITS).l2i().i2l().lcmp();
            e.rarely(e.unusual());
        }
        b.lload(BITS);
        e.setRegister(i.reg, size);
    }
}
