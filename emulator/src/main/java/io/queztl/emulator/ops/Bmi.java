package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** BMI1 and BMI2; operands are of 4 or 8 bytes. */
public final class Bmi {
    private Bmi() {}

    /** ANDN. */
    public static long andn(Cpu c, long a, long b, int size) {
        long result = ~a & b;
        Flags.logic(c, result, size);
        return result;
    }

    /** BLSR: CF if the source is 0. */
    public static long blsr(Cpu c, long b, int size) {
        long result = b & b - 1;
        Flags.set(c, result, size, b == 0, false, false);
        return result;
    }

    /** BLSMSK: CF if the source is 0. */
    public static long blsmsk(Cpu c, long b, int size) {
        long result = b ^ b - 1;
        Flags.set(c, result, size, b == 0, false, false);
        return result;
    }

    /** BLSI: CF if the source is not 0. */
    public static long blsi(Cpu c, long b, int size) {
        long result = b & -b;
        Flags.set(c, result, size, b != 0, false, false);
        return result;
    }

    /**
     * BEXTR: start in bits 7:0 of the control, length in 15:8; AF and SF as AMD's CPUs leave them.
     */
    public static long bextr(Cpu c, long a, long control, int size) {
        int start = (int) control & 0xff;
        int length = (int) (control >>> 8) & 0xff;
        long result = start < 64 ? a >>> start : 0;
        if (length < 64) {
            result &= (1L << length) - 1;
        }
        // SF is always clear: the sign bit must not reach the flags.
        Flags.set(c, result & 0xff | (result >>> 8 != 0 ? 0x100 : 0), 8, false, false, true);
        return result;
    }

    /** BZHI: CF if the index in bits 7:0 is beyond the operand. */
    public static long bzhi(Cpu c, long a, long control, int size) {
        int n = (int) control & 0xff;
        boolean beyond = n >= size * 8;
        long result = beyond ? a : a & (1L << n) - 1;
        Flags.set(c, result, size, beyond, false, false);
        return result;
    }

    /** MULX: the high half goes to operand 1, which wins if both name one register. */
    public static void mulx(Cpu c, Insn i) {
        long b = Operands.read(c, i, 3);
        int size = i.size;
        long a = c.reg(Cpu.RDX, size);
        long low = a * b;
        long high = size == 8 ? Math.unsignedMultiplyHigh(a, b) : low >>> 32;
        c.reg(i.r2, size, low);
        c.reg(i.r1, size, high);
    }

    /** PDEP. */
    public static long pdep(Cpu c, long a, long mask, int size) {
        return Long.expand(a, mask);
    }

    /** PEXT. */
    public static long pext(Cpu c, long a, long mask, int size) {
        return Long.compress(a, mask);
    }

    /** RORX: no flags. */
    public static long rorx(Cpu c, long a, long count, int size) {
        return size == 8
                ? Long.rotateRight(a, (int) count)
                : Integer.rotateRight((int) a, (int) count) & 0xffff_ffffL;
    }

    /** SARX: no flags. */
    public static long sarx(Cpu c, long a, long count, int size) {
        return size == 8 ? a >> count : (int) a >> (int) count;
    }

    /** SHLX: no flags. */
    public static long shlx(Cpu c, long a, long count, int size) {
        return size == 8 ? a << count : (int) a << (int) count;
    }

    /** SHRX: no flags. */
    public static long shrx(Cpu c, long a, long count, int size) {
        return size == 8 ? a >>> count : (int) a >>> (int) count;
    }
}
