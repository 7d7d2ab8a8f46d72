package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;

/** Generic access to the operands of an instruction, for semantics of kind {@code insn}. */
public final class Operands {
    private Operands() {}

    /** Semantics of everything that is no instruction. */
    public static void ud(Cpu c, Insn i) {
        throw c.ud();
    }

    /**
     * The linear address of the memory operand, after the segment checks that apply.
     *
     * @param size bytes that will be accessed
     * @param write whether they will be written
     */
    public static long address(Cpu c, Insn i, int size, boolean write) {
        long ea = i.effectiveAddress(c);
        return i.mode64
                ? c.effectiveBase[i.segment] + ea
                : Segmentation.linear(c, i.segment, ea, size, write);
    }

    /**
     * Reads operand {@code n} (counted from 1), zero-extended; immediates are sign-extended as the
     * row says.
     */
    public static long read(Cpu c, Insn i, int n) {
        Operand o = i.row.operands.get(n - 1);
        int size = i.operandSize(n - 1);
        return switch (o.kind()) {
            case RM ->
                    i.mem
                            ? c.mem.load(address(c, i, size, false), size)
                            : c.reg(i.register(n - 1), size);
            case REG, VVVV, OPCODE_REG, FIXED -> c.reg(i.register(n - 1), size);
            case OFFSET, MEMORY -> c.mem.load(address(c, i, size, false), size);
            case IMMEDIATE -> firstImmediate(i, n) ? i.immediate : i.immediate2;
            case ONE, JUMP, FAR -> i.immediate;
            case SEGMENT -> c.selector[i.register(n - 1)];
            case MMX_REG -> c.x87.significand[i.register(n - 1)];
            case MMX_RM ->
                    i.mem
                            ? c.mem.load(address(c, i, size, false), size)
                            : c.x87.significand[i.register(n - 1)];
            default -> throw new IllegalStateException("operand " + n + " of " + i.row);
        };
    }

    private static boolean firstImmediate(Insn i, int n) {
        for (int k = 0; k < n - 1; k++) {
            if (i.row.operands.get(k).kind() == Operand.Kind.IMMEDIATE) {
                return false;
            }
        }
        return true;
    }

    /** Writes operand {@code n} (counted from 1): a general register or memory. */
    public static void write(Cpu c, Insn i, int n, long value) {
        Operand o = i.row.operands.get(n - 1);
        int size = i.operandSize(n - 1);
        switch (o.kind()) {
            case RM -> {
                if (i.mem) {
                    c.mem.store(address(c, i, size, true), size, value);
                } else {
                    c.reg(i.register(n - 1), size, value);
                }
            }
            case REG, VVVV, OPCODE_REG, FIXED -> c.reg(i.register(n - 1), size, value);
            case OFFSET, MEMORY -> c.mem.store(address(c, i, size, true), size, value);
            default -> throw new IllegalStateException("operand " + n + " of " + i.row);
        }
    }
}
