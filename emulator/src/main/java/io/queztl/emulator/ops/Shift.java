package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;

/**
 * Shifts and rotates. Counts are taken modulo 64 for 64-bit operands, else modulo 32. A count of 0
 * leaves all flags. Flags the manuals leave open are as AMD's Zen sets them: AF becomes 1 with a
 * shift, and OF follows the rule for a count of 1 whatever the count.
 */
public final class Shift {
    private Shift() {}

    private static int count(long count, int size) {
        return (int) count & (size == 8 ? 63 : 31);
    }

    /** The bit at {@code index}; indices above 63 read 0. */
    private static boolean bit(long value, int index) {
        return index < 64 && (value >>> index & 1) != 0;
    }

    /** OF of shifts and rotates to the right: the two top bits differ. */
    private static boolean topBitsDiffer(long result, int bits) {
        return bit(result ^ result << 1, bits - 1);
    }

    /** SHL, SAL. */
    public static long shl(Cpu c, long a, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        long result = a << n;
        c.flagResult = Flags.signExtend(result, size);
        c.flagCarry = shlCarry(a, n, result, size);
        return result;
    }

    /** The carry word of SHL by {@code n}, which is not 0. */
    public static long shlCarry(long a, int n, long result, int size) {
        int bits = size * 8;
        boolean cf = n <= bits && bit(a, bits - n);
        return Flags.carry(cf, cf != bit(result, bits - 1), true);
    }

    /** SHR. */
    public static long shr(Cpu c, long a, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        long result = a >>> n;
        c.flagResult = Flags.signExtend(result, size);
        c.flagCarry = shrCarry(a, n, result, size);
        return result;
    }

    /** The carry word of SHR by {@code n}, which is not 0. */
    public static long shrCarry(long a, int n, long result, int size) {
        return Flags.carry(bit(a, n - 1), topBitsDiffer(result, size * 8), true);
    }

    /** SAR. */
    public static long sar(Cpu c, long a, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        long signed = Flags.signExtend(a, size);
        long result = signed >> n;
        c.flagResult = Flags.signExtend(result, size);
        c.flagCarry = sarCarry(a, n, result, size);
        return result;
    }

    /** The carry word of SAR by {@code n}, which is not 0. */
    public static long sarCarry(long a, int n, long result, int size) {
        return Flags.carry(bit(Flags.signExtend(a, size), n - 1), false, true);
    }

    /** ROL. */
    public static long rol(Cpu c, long a, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        int bits = size * 8;
        int k = n & bits - 1;
        long result = k == 0 ? a : a << k | a >>> (bits - k);
        c.flagCarry = rolCarry(c.flagCarry, result, size);
        return result;
    }

    /** The carry word after ROL. */
    public static long rolCarry(long before, long result, int size) {
        boolean cf = (result & 1) != 0;
        return Flags.withCfOf(before, cf, cf != bit(result, size * 8 - 1));
    }

    /** The carry word after ROR. */
    public static long rorCarry(long before, long result, int size) {
        int bits = size * 8;
        return Flags.withCfOf(before, bit(result, bits - 1), topBitsDiffer(result, bits));
    }

    /** ROR. */
    public static long ror(Cpu c, long a, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        int bits = size * 8;
        int k = n & bits - 1;
        long result = k == 0 ? a : a >>> k | a << (bits - k);
        c.flagCarry = rorCarry(c.flagCarry, result, size);
        return result;
    }

    /** RCL: rotates through CF, so 8 and 16 bits have a period of 9 and 17. */
    public static long rcl(Cpu c, long a, long count, int size) {
        int bits = size * 8;
        if (count(count, size) == 0) {
            return a;
        }
        int n = count(count, size) % (bits + 1);
        if (n == 0) {
            // A full turn: the value stays, OF is set as after any other.
            Flags.setCfOf(c, Flags.cf(c), Flags.cf(c) != bit(a, bits - 1));
            return a;
        }
        long carry = Flags.cf(c) ? 1 : 0;
        long result = a << n | carry << (n - 1);
        if (n > 1) {
            result |= a >>> (bits + 1 - n);
        }
        boolean cf = bit(a, bits - n);
        Flags.setCfOf(c, cf, cf != bit(result, bits - 1));
        return result;
    }

    /** RCR. */
    public static long rcr(Cpu c, long a, long count, int size) {
        int bits = size * 8;
        if (count(count, size) == 0) {
            return a;
        }
        int n = count(count, size) % (bits + 1);
        if (n == 0) {
            Flags.setCfOf(c, Flags.cf(c), topBitsDiffer(a, bits));
            return a;
        }
        long carry = Flags.cf(c) ? 1 : 0;
        long result = a >>> n | carry << (bits - n);
        if (n > 1) {
            result |= a << (bits + 1 - n);
        }
        Flags.setCfOf(c, bit(a, n - 1), topBitsDiffer(result, bits));
        return result;
    }

    /**
     * SHLD. 16-bit operands with a count above 16 go on with the second operand's bits again, as
     * AMD's CPUs do; the manuals leave that open.
     */
    public static long shld(Cpu c, long a, long b, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        int bits = size * 8;
        long result =
                size == 2
                        ? (a << 32 | b << 16 | b) << n >>> 32 & 0xffff
                        : a << n | b >>> (bits - n);
        // The flags are of the first operand's bits only.
        boolean cf = n <= bits && bit(a, bits - n);
        boolean top = n < bits && bit(a, bits - 1 - n);
        Flags.set(c, result, size, cf, cf != top, true);
        return result;
    }

    /** SHRD; see {@link #shld}. */
    public static long shrd(Cpu c, long a, long b, long count, int size) {
        int n = count(count, size);
        if (n == 0) {
            return a;
        }
        int bits = size * 8;
        long result;
        boolean cf;
        if (size == 2) {
            long wide = b << 32 | b << 16 | a;
            result = wide >>> n & 0xffff;
            cf = n <= bits && bit(a, n - 1);
        } else {
            result = a >>> n | b << (bits - n);
            cf = bit(a, n - 1);
        }
        Flags.set(c, result, size, cf, topBitsDiffer(result, bits), true);
        return result;
    }
}
