package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.ops.Shift;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Integer instructions on registers in locals. The commonest are emitted by hand, with flags as
 * pure functions of locals, which HotSpot drops or moves out of the way where nobody looks; the
 * others call the interpreter's semantics.
 */
final class IntegerRows {
    private static final ClassDesc SHIFT_CLASS = ClassDesc.of(Shift.class.getName());
    private static final String OPS = Shift.class.getPackageName() + ".";

    private static final MethodTypeDesc BIN =
            MethodTypeDesc.of(CD_long, Emitter.CPU_CLASS, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CMP =
            MethodTypeDesc.of(CD_void, Emitter.CPU_CLASS, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc UN =
            MethodTypeDesc.of(CD_long, Emitter.CPU_CLASS, CD_long, CD_int);
    private static final MethodTypeDesc TRI =
            MethodTypeDesc.of(CD_long, Emitter.CPU_CLASS, CD_long, CD_long, CD_long, CD_int);

    private final Emitter e;
    private final CodeBuilder b;

    IntegerRows(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    /** True if {@link #emit} emits a row of kind {@code insn} by hand. */
    static boolean knows(Insn i) {
        if (i.lock) {
            return false;
        }
        return switch (i.row.semantics) {
            case "Moves.lea", "Hints.nop", "Moves.xchgAccumulator" -> true;
            case "Moves.cbw", "Moves.cwd" -> true;
            case "Moves.xchg" -> !i.mem;
            case "Stack.pushRegister", "Stack.popRegister", "Stack.pushImmediate" ->
                    i.operandSize == 8;
            case "Stack.pushOperand", "Stack.leave" -> i.operandSize == 8;
            default -> i.row.semantics.startsWith("FlagOps.set");
        };
    }

    /** Emits an instruction, or returns false. */
    boolean emit(Insn i) {
        return switch (i.row.kind) {
            case INSN -> knows(i) && insn(i);
            case BIN -> bin(i);
            case CMP -> cmp(i);
            case UN -> un(i);
            case MOV -> mov(i);
            case MOV3 -> mov3(i);
            case TRI -> tri(i);
            default -> false;
        };
    }

    /** True if all operands can be pushed. */
    static boolean operands(Insn i) {
        for (int n = 0; n < i.row.operands.size(); n++) {
            if (!Emitter.pushable(i, n)) {
                return false;
            }
        }
        return !i.lock && !i.row.protectedOnly;
    }

    // --- two operands, the first of which is the result
    // -------------------------------------------

    private boolean bin(Insn i) {
        if (!operands(i)) {
            return false;
        }
        String s = i.row.semantics;
        if (s.startsWith("Moves.cmov")) {
            conditionalMove(i);
            return true;
        }
        if (Emitter.inMemory(i, 0)) {
            e.operand(i, 1);
            b.lstore(Emitter.SECOND);
            e.loadForUpdate(i);
        } else {
            e.operand(i, 0);
            b.lstore(Emitter.FIRST);
            if (i.row.operands.size() > 1) {
                e.operand(i, 1);
                b.lstore(Emitter.SECOND);
            }
        }
        compute(i);
        finish(i);
        return true;
    }

    /** Writes {@link Emitter#RESULT} to operand 1, and sees to what a store can mean. */
    private void finish(Insn i) {
        if (Emitter.inMemory(i, 0)) {
            e.update(i.size);
            e.leaveIfCodeWritten();
        } else {
            b.lload(Emitter.RESULT);
            e.setRegister(i.register(0), i.size);
        }
    }

    /** {@link Emitter#RESULT} and flags of the operands in FIRST and SECOND. */
    private void compute(Insn i) {
        int size = i.size;
        switch (i.row.semantics) {
            case "Alu.add" -> {
                operands().ladd().lstore(Emitter.RESULT);
                carryAndResult("addCarry", size);
            }
            case "Alu.sub" -> {
                operands().lsub().lstore(Emitter.RESULT);
                carryAndResult("subCarry", size);
            }
            case "Alu.adc" -> {
                operands().ladd();
                pushCarry();
                b.ladd().lstore(Emitter.RESULT);
                carryAndResult("addCarry", size);
            }
            case "Alu.sbb" -> {
                operands().lsub();
                pushCarry();
                b.lsub().lstore(Emitter.RESULT);
                carryAndResult("subCarry", size);
            }
            case "Alu.and" -> {
                operands().land().lstore(Emitter.RESULT);
                logic(size);
            }
            case "Alu.or" -> {
                operands().lor().lstore(Emitter.RESULT);
                logic(size);
            }
            case "Alu.xor" -> {
                operands().lxor().lstore(Emitter.RESULT);
                logic(size);
            }
            case "Shift.shl" -> shift(i, "shlCarry");
            case "Shift.shr" -> shift(i, "shrCarry");
            case "Shift.sar" -> shift(i, "sarCarry");
            case "Shift.rol", "Shift.ror" -> rotate(i);
            case "MulDiv.imulTruncated" -> {
                multiply(size);
                if (e.flagsSeen()) {
                    e.carryWord();
                    operands().loadConstant(size);
                    b.invokestatic(
                            ClassDesc.of(OPS + "MulDiv"),
                            "imulCarry",
                            MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_long, CD_int));
                    e.setCarryWord();
                }
            }
            case "Bits.bts", "Bits.btr", "Bits.btc" -> {
                bit(i.row.semantics, size);
                bitCarry(size);
            }
            default -> semantics(i);
        }
    }

    /** Calls a method of shape {@code bin} with flags through the CPU. */
    private void semantics(Insn i) {
        e.writeFlags();
        b.aload(Emitter.CPU).lload(Emitter.FIRST).lload(Emitter.SECOND).loadConstant(i.size);
        b.invokestatic(owner(i), method(i), BIN);
        b.lstore(Emitter.RESULT);
        e.readFlags();
    }

    static ClassDesc owner(Insn i) {
        String s = i.row.semantics;
        return ClassDesc.of(OPS + s.substring(0, s.indexOf('.')));
    }

    static String method(Insn i) {
        String s = i.row.semantics;
        return s.substring(s.indexOf('.') + 1);
    }

    private CodeBuilder operands() {
        return b.lload(Emitter.FIRST).lload(Emitter.SECOND);
    }

    /** The result word; and the carry word, if somebody may look. */
    private void carryAndResult(String carry, int size) {
        resultWord(size);
        e.setCarry(carry.equals("subCarry"), size);
    }

    private void logic(int size) {
        resultWord(size);
        b.lconst_0();
        e.setCarryWord();
    }

    private void resultWord(int size) {
        b.lload(Emitter.RESULT);
        e.signExtend(size);
        b.lstore(Emitter.FLAG_RESULT);
        e.flagsChange();
    }

    /** Pushes CF as 0 or 1. */
    private void pushCarry() {
        e.carryWord();
        b.bipush(63).lushr();
    }

    private void shift(Insn i, String carry) {
        int size = i.size;
        if (!FlagUse.constantShift(i)) {
            if (e.flagsSeen()) {
                semantics(i);
            } else {
                b.lload(Emitter.FIRST);
                if (carry.equals("sarCarry")) {
                    e.signExtend(size);
                }
                b.lload(Emitter.SECOND).l2i().loadConstant(size == 8 ? 63 : 31).iand();
                shiftBy(carry);
                b.lstore(Emitter.RESULT);
            }
            return;
        }
        int count = (int) i.immediate & (size == 8 ? 63 : 31);
        b.lload(Emitter.FIRST);
        if (carry.equals("sarCarry")) {
            e.signExtend(size);
        }
        b.loadConstant(count);
        shiftBy(carry);
        b.lstore(Emitter.RESULT);
        resultWord(size);
        if (e.flagsSeen()) {
            b.lload(Emitter.FIRST).loadConstant(count).lload(Emitter.RESULT).loadConstant(size);
            b.invokestatic(
                    SHIFT_CLASS,
                    carry,
                    MethodTypeDesc.of(CD_long, CD_long, CD_int, CD_long, CD_int));
            e.setCarryWord();
        }
    }

    private void shiftBy(String carry) {
        switch (carry) {
            case "shlCarry" -> b.lshl();
            case "shrCarry" -> b.lushr();
            default -> b.lshr();
        }
    }

    private void rotate(Insn i) {
        int size = i.size;
        if (!FlagUse.constantShift(i) || size < 4) {
            semantics(i);
            return;
        }
        int bits = size * 8;
        int count = (int) i.immediate & bits - 1;
        boolean left = i.row.semantics.equals("Shift.rol");
        int up = left ? count : bits - count;
        b.lload(Emitter.FIRST).loadConstant(up).lshl();
        b.lload(Emitter.FIRST).loadConstant(bits - up).lushr().lor();
        b.lstore(Emitter.RESULT);
        if (e.flagsSeen()) {
            e.carryWord();
            b.lload(Emitter.RESULT).loadConstant(size);
            b.invokestatic(
                    SHIFT_CLASS,
                    left ? "rolCarry" : "rorCarry",
                    MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_int));
            e.setCarryWord();
        }
    }

    private void multiply(int size) {
        b.lload(Emitter.FIRST);
        e.signExtend(size);
        b.lload(Emitter.SECOND);
        e.signExtend(size);
        b.lmul().lstore(Emitter.RESULT);
    }

    /** BTS, BTR, BTC: the changed value. */
    private void bit(String semantics, int size) {
        b.lload(Emitter.FIRST).lconst_1();
        bitIndex(size);
        b.lshl();
        switch (semantics) {
            case "Bits.bts" -> b.lor();
            case "Bits.btr" -> b.ldc(-1L).lxor().land();
            default -> b.lxor();
        }
        b.lstore(Emitter.RESULT);
    }

    private void bitIndex(int size) {
        b.lload(Emitter.SECOND).l2i().loadConstant(size * 8 - 1).iand();
    }

    /** The tested bit into {@link Emitter#FIRST}, and into CF if somebody may look. */
    private void bitCarry(int size) {
        b.lload(Emitter.FIRST);
        bitIndex(size);
        b.lushr().lconst_1().land().lstore(Emitter.FIRST);
        if (e.flagsSeen()) {
            e.carryWord();
            b.lload(Emitter.FIRST);
            b.invokestatic(
                    Emitter.FLAGS_CLASS, "withCf", MethodTypeDesc.of(CD_long, CD_long, CD_long));
            e.setCarryWord();
        }
    }

    // --- comparisons
    // ------------------------------------------------------------------------------

    private boolean cmp(Insn i) {
        if (!operands(i)) {
            return false;
        }
        int size = i.size;
        e.operand(i, 0);
        b.lstore(Emitter.FIRST);
        e.operand(i, 1);
        b.lstore(Emitter.SECOND);
        switch (i.row.semantics) {
            case "Alu.cmp" -> {
                operands().lsub().lstore(Emitter.RESULT);
                carryAndResult("subCarry", size);
            }
            case "Alu.test" -> {
                operands().land().lstore(Emitter.RESULT);
                logic(size);
            }
            case "Bits.bt" -> bitCarry(size);
            default -> {
                e.writeFlags();
                b.aload(Emitter.CPU);
                operands().loadConstant(size);
                b.invokestatic(owner(i), method(i), CMP);
                e.readFlags();
            }
        }
        return true;
    }

    // --- one operand
    // ------------------------------------------------------------------------------

    private boolean un(Insn i) {
        if (!operands(i)) {
            return false;
        }
        int size = i.size;
        if (Emitter.inMemory(i, 0)) {
            e.loadForUpdate(i);
        } else {
            e.operand(i, 0);
            b.lstore(Emitter.FIRST);
        }
        switch (i.row.semantics) {
            case "Alu.inc" -> count(size, true);
            case "Alu.dec" -> count(size, false);
            case "Alu.not" -> b.lload(Emitter.FIRST).ldc(-1L).lxor().lstore(Emitter.RESULT);
            case "Alu.neg" -> {
                b.lload(Emitter.FIRST).lstore(Emitter.SECOND);
                b.lconst_0().lstore(Emitter.FIRST);
                operands().lsub().lstore(Emitter.RESULT);
                carryAndResult("subCarry", size);
            }
            default -> {
                e.writeFlags();
                b.aload(Emitter.CPU).lload(Emitter.FIRST).loadConstant(size);
                b.invokestatic(owner(i), method(i), UN);
                b.lstore(Emitter.RESULT);
                e.readFlags();
            }
        }
        finish(i);
        return true;
    }

    private void count(int size, boolean up) {
        b.lload(Emitter.FIRST).lconst_1();
        if (up) {
            b.ladd();
        } else {
            b.lsub();
        }
        b.lstore(Emitter.RESULT);
        resultWord(size);
        if (e.flagsSeen()) {
            e.carryWord();
            b.lload(Emitter.FLAG_RESULT).loadConstant(size);
            b.invokestatic(
                    Emitter.FLAGS_CLASS,
                    up ? "incCarry" : "decCarry",
                    MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_int));
            e.setCarryWord();
        }
    }

    // --- moves
    // ------------------------------------------------------------------------------------

    private boolean mov(Insn i) {
        if (!operands(i)) {
            return false;
        }
        if (Emitter.inMemory(i, 0)) {
            value(i);
            b.lstore(Emitter.VALUE);
            e.store(() -> e.address(i), i.size, () -> b.lload(Emitter.VALUE));
            e.leaveIfCodeWritten();
        } else {
            value(i);
            e.setRegister(i.register(0), i.size);
        }
        return true;
    }

    /** Pushes what a row of kind {@code mov} moves. */
    private void value(Insn i) {
        int from = i.operandSize(1);
        switch (i.row.semantics) {
            case "Moves.mov" -> e.operand(i, 1);
            case "Moves.movsx" -> {
                e.operand(i, 1);
                e.signExtend(from);
            }
            default -> {
                e.operand(i, 1);
                b.lstore(Emitter.FIRST);
                boolean flags = FlagUse.effect(i) != FlagUse.Effect.NONE;
                if (flags) {
                    e.writeFlags();
                }
                b.aload(Emitter.CPU).lload(Emitter.FIRST).loadConstant(from);
                b.invokestatic(owner(i), method(i), UN);
                if (flags) {
                    e.readFlags();
                }
            }
        }
    }

    private boolean mov3(Insn i) {
        if (!operands(i)) {
            return false;
        }
        e.operand(i, 1);
        b.lstore(Emitter.FIRST);
        e.operand(i, 2);
        b.lstore(Emitter.SECOND);
        if (i.row.semantics.equals("MulDiv.imulTruncated")) {
            compute(i);
        } else if (FlagUse.effect(i) == FlagUse.Effect.NONE) {
            b.aload(Emitter.CPU);
            operands().loadConstant(i.size);
            b.invokestatic(owner(i), method(i), BIN);
            b.lstore(Emitter.RESULT);
        } else {
            semantics(i);
        }
        b.lload(Emitter.RESULT);
        e.setRegister(i.register(0), i.size);
        return true;
    }

    private boolean tri(Insn i) {
        if (!operands(i)) {
            return false;
        }
        e.operand(i, 2);
        b.lstore(Emitter.VALUE);
        e.operand(i, 1);
        b.lstore(Emitter.SECOND);
        if (Emitter.inMemory(i, 0)) {
            e.loadForUpdate(i);
        } else {
            e.operand(i, 0);
            b.lstore(Emitter.FIRST);
        }
        e.writeFlags();
        b.aload(Emitter.CPU);
        operands().lload(Emitter.VALUE).loadConstant(i.size);
        b.invokestatic(owner(i), method(i), TRI);
        b.lstore(Emitter.RESULT);
        e.readFlags();
        finish(i);
        return true;
    }

    private void conditionalMove(Insn i) {
        Label skip = b.newLabel();
        e.operand(i, 1);
        b.lstore(Emitter.VALUE);
        new Conditions(e).jump(Control.condition(i) ^ 1, skip);
        b.lload(Emitter.VALUE);
        e.setRegister(i.register(0), i.size);
        if (i.size == 4) {
            // The upper half is cleared whatever the condition.
            Label end = b.newLabel();
            b.goto_(end);
            b.labelBinding(skip);
            e.register(i.register(0), 4);
            e.setRegister(i.register(0), 4);
            b.labelBinding(end);
        } else {
            b.labelBinding(skip);
        }
    }

    // --- rows that do everything themselves
    // -------------------------------------------------------

    private boolean insn(Insn i) {
        switch (i.row.semantics) {
            case "Hints.nop" -> {}
            case "Moves.lea" -> {
                e.effectiveAddress(i);
                e.setRegister(i.r1, i.size);
            }
            case "Moves.cbw" -> {
                e.register(Cpu.RAX);
                e.signExtend(i.operandSize / 2);
                e.setRegister(Cpu.RAX, i.operandSize);
            }
            case "Moves.cwd" -> {
                e.register(Cpu.RAX);
                e.signExtend(i.operandSize);
                b.bipush(63).lshr();
                e.setRegister(Cpu.RDX, i.operandSize);
            }
            case "Moves.xchg" -> exchange(i, i.r1, i.r2);
            case "Moves.xchgAccumulator" -> {
                if (i.r1 != Cpu.RAX) {
                    exchange(i, i.r1, Cpu.RAX);
                }
            }
            case "Stack.pushRegister" -> push(i, () -> e.register(i.r1));
            case "Stack.pushImmediate" -> push(i, () -> b.ldc(i.immediate));
            case "Stack.pushOperand" -> push(i, () -> e.operand(i, 0));
            case "Stack.popRegister" -> {
                e.load(() -> e.register(Cpu.RSP), 8);
                b.lstore(Emitter.VALUE);
                moveStack(8);
                b.lload(Emitter.VALUE);
                e.setRegister(i.r1);
            }
            case "Stack.leave" -> {
                e.load(() -> e.register(Cpu.RBP), 8);
                b.lstore(Emitter.VALUE);
                e.register(Cpu.RBP);
                b.ldc(8L).ladd();
                e.setRegister(Cpu.RSP);
                b.lload(Emitter.VALUE);
                e.setRegister(Cpu.RBP);
            }
            default -> set(i);
        }
        return true;
    }

    private void exchange(Insn i, int first, int second) {
        e.register(first, i.size);
        b.lstore(Emitter.VALUE);
        e.register(second, i.size);
        e.setRegister(first, i.size);
        b.lload(Emitter.VALUE);
        e.setRegister(second, i.size);
    }

    /** Pushes 8 bytes; RSP changes once the store went well. */
    private void push(Insn i, Runnable value) {
        value.run();
        b.lstore(Emitter.VALUE);
        push();
        e.leaveIfCodeWritten();
    }

    /** Pushes {@link Emitter#VALUE} on the guest's stack. */
    void push() {
        e.register(Cpu.RSP);
        b.ldc(8L).lsub().lstore(Emitter.ADDRESS);
        e.store(() -> b.lload(Emitter.ADDRESS), 8, () -> b.lload(Emitter.VALUE));
        b.lload(Emitter.ADDRESS);
        e.setRegister(Cpu.RSP);
    }

    void moveStack(long bytes) {
        e.register(Cpu.RSP);
        b.ldc(bytes).ladd();
        e.setRegister(Cpu.RSP);
    }

    private void set(Insn i) {
        Label no = b.newLabel();
        b.lconst_0().lstore(Emitter.VALUE);
        new Conditions(e).jump(Control.condition(i) ^ 1, no);
        b.lconst_1().lstore(Emitter.VALUE);
        b.labelBinding(no);
        if (i.mem) {
            e.store(() -> e.address(i), 1, () -> b.lload(Emitter.VALUE));
            e.leaveIfCodeWritten();
        } else {
            b.lload(Emitter.VALUE);
            e.setRegister(i.r1, 1);
        }
    }
}
