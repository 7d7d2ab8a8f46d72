package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Multiplication and division. Flags the manuals leave open are as on AMD's Zen: multiplication
 * leaves SF, ZF, AF and PF; division leaves CF and OF, sets AF and clears the others.
 */
public final class MulDiv {
    private MulDiv() {}

    /** Stores a double-width product in AX, or in DX:AX, EDX:EAX, RDX:RAX. */
    private static void product(Cpu c, int size, long low, long high) {
        if (size == 1) {
            c.reg(Cpu.RAX, 2, low);
        } else {
            c.reg(Cpu.RAX, size, low);
            c.reg(Cpu.RDX, size, high);
        }
    }

    /** MUL: CF and OF if the high half is not 0. */
    public static void mul(Cpu c, Insn i) {
        int size = i.size;
        long b = Operands.read(c, i, 1);
        long a = c.reg(Cpu.RAX, size);
        long low = a * b;
        long high = size == 8 ? Math.unsignedMultiplyHigh(a, b) : low >>> size * 8;
        product(c, size, low, high);
        Flags.setCfOf(c, high != 0, high != 0);
    }

    /** IMUL with one operand: CF and OF if the product does not fit the low half. */
    public static void imul(Cpu c, Insn i) {
        int size = i.size;
        long b = Flags.signExtend(Operands.read(c, i, 1), size);
        long a = Flags.signExtend(c.reg(Cpu.RAX, size), size);
        long low = a * b;
        long high = size == 8 ? Math.multiplyHigh(a, b) : low >> size * 8;
        product(c, size, low, high);
        boolean overflow = high != Flags.signExtend(low, size) >> 63;
        Flags.setCfOf(c, overflow, overflow);
    }

    /** IMUL with two or three operands. */
    public static long imulTruncated(Cpu c, long a, long b, int size) {
        c.flagCarry = imulCarry(c.flagCarry, a, b, size);
        return Flags.signExtend(a, size) * Flags.signExtend(b, size);
    }

    /** The carry word after IMUL: CF and OF say if the product did not fit. */
    public static long imulCarry(long before, long a, long b, int size) {
        long x = Flags.signExtend(a, size);
        long y = Flags.signExtend(b, size);
        long low = x * y;
        boolean overflow =
                size == 8
                        ? Math.multiplyHigh(x, y) != low >> 63
                        : low != Flags.signExtend(low, size);
        return Flags.withCfOf(before, overflow, overflow);
    }

    private static void divisionFlags(Cpu c) {
        Flags.arithmetic(c, (Flags.cf(c) ? Flags.CF : 0) | (Flags.of(c) ? Flags.OF : 0) | Flags.AF);
    }

    private static void quotient(Cpu c, int size, long quotient, long remainder) {
        if (size == 1) {
            c.reg(Cpu.RAX, 2, (remainder & 0xff) << 8 | quotient & 0xff);
        } else {
            c.reg(Cpu.RAX, size, quotient);
            c.reg(Cpu.RDX, size, remainder);
        }
        divisionFlags(c);
    }

    /** The dividend of up to 64 bits, in AX, DX:AX or EDX:EAX. */
    private static long dividend(Cpu c, int size) {
        return size == 1
                ? c.reg(Cpu.RAX, 2)
                : c.reg(Cpu.RDX, size) << size * 8 | c.reg(Cpu.RAX, size);
    }

    /** DIV; #DE if the divisor is 0 or the quotient does not fit. */
    public static void div(Cpu c, Insn i) {
        int size = i.size;
        long d = Operands.read(c, i, 1);
        if (d == 0) {
            throw c.de();
        }
        if (size == 8) {
            divide128(c, d);
            return;
        }
        long n = dividend(c, size);
        long q = Long.divideUnsigned(n, d);
        if ((q & ~Flags.mask(size)) != 0) {
            throw c.de();
        }
        quotient(c, size, q, n - q * d);
    }

    private static void divide128(Cpu c, long d) {
        long high = c.r[Cpu.RDX];
        long low = c.r[Cpu.RAX];
        if (Long.compareUnsigned(high, d) >= 0) {
            throw c.de();
        }
        long q = divide(high, low, d);
        quotient(c, 8, q, low - q * d);
    }

    /** IDIV; #DE if the divisor is 0 or the quotient does not fit. Truncates towards 0. */
    public static void idiv(Cpu c, Insn i) {
        int size = i.size;
        long d = Flags.signExtend(Operands.read(c, i, 1), size);
        if (d == 0) {
            throw c.de();
        }
        if (size == 8) {
            divideSigned128(c, d);
            return;
        }
        long n = Flags.signExtend(dividend(c, size), size * 2);
        // Only -2^63 / -1 overflows long; its quotient, -2^63 again, does not fit 32 bits either.
        long q = n / d;
        if (q != Flags.signExtend(q, size)) {
            throw c.de();
        }
        quotient(c, size, q, n - q * d);
    }

    private static void divideSigned128(Cpu c, long d) {
        long high = c.r[Cpu.RDX];
        long low = c.r[Cpu.RAX];
        boolean negative = high < 0;
        long magnitudeLow = negative ? -low : low;
        long magnitudeHigh = negative ? ~high + (low == 0 ? 1 : 0) : high;
        long magnitude = Math.abs(d); // of -2^63 is 2^63 as an unsigned number, which is right
        if (Long.compareUnsigned(magnitudeHigh, magnitude) >= 0) {
            throw c.de();
        }
        long q = divide(magnitudeHigh, magnitudeLow, magnitude);
        long r = magnitudeLow - q * magnitude;
        boolean negativeQuotient = negative != d < 0;
        // Up to 2^63 - 1, or 2^63 where the quotient is negative.
        if (q < 0 && !(negativeQuotient && q == Long.MIN_VALUE)) {
            throw c.de();
        }
        quotient(c, 8, negativeQuotient ? -q : q, negative ? -r : r);
    }

    /**
     * Unsigned high:low / d for high &lt; d: schoolbook division with two 32-bit digits, each
     * estimated from the divisor's top digit and corrected (Knuth, volume 2, 4.3.1, algorithm D).
     */
    static long divide(long high, long low, long d) {
        if (high == 0) {
            return Long.divideUnsigned(low, d);
        }
        int shift = Long.numberOfLeadingZeros(d);
        long divisor = d << shift;
        long upper = shift == 0 ? high : high << shift | low >>> 64 - shift;
        long lower = low << shift;
        long first = digit(upper, lower >>> 32, divisor);
        long rest = (upper << 32 | lower >>> 32) - first * divisor;
        long second = digit(rest, lower & 0xffff_ffffL, divisor);
        return (first << 32) + second;
    }

    /** One digit of the quotient (upper:next) / divisor; the divisor's top bit is set. */
    private static long digit(long upper, long next, long divisor) {
        long top = divisor >>> 32;
        long bottom = divisor & 0xffff_ffffL;
        long q = Long.divideUnsigned(upper, top);
        long r = upper - q * top;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * bottom, r << 32 | next) > 0) {
            q--;
            r += top;
            if (r >>> 32 != 0) {
                break;
            }
        }
        return q;
    }
}
