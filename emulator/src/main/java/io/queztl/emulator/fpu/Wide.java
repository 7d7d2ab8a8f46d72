package io.queztl.emulator.fpu;

import java.math.BigInteger;

/**
 * Arithmetic on finite numbers with 128-bit significands, accurate to some 120 bits, from which the
 * transcendental functions are made. Numbers are {@link Unpacked}; a result may be an operand.
 */
final class Wide {
    private static final int BITS = 128;

    /** Bits that the sum of a series must have. */
    private static final int ACCURACY = 104;

    /** Terms of the longest series: that of 2^x. */
    private static final int TERMS = 40;

    /** Coefficients as pairs of longs, high first, in units of 2^-127. */
    static final long[] EXPONENTIAL = new long[2 * TERMS],
            SINE = new long[2 * TERMS],
            COSINE = new long[2 * TERMS],
            ARC_TANGENT = new long[2 * TERMS];

    static {
        BigInteger factorial = BigInteger.ONE;
        for (int n = 0; n < TERMS; n++) {
            coefficient(ARC_TANGENT, n, BigInteger.valueOf(2L * n + 1));
        }
        for (int n = 0; n < 2 * TERMS; n++) {
            factorial = n == 0 ? factorial : factorial.multiply(BigInteger.valueOf(n));
            coefficient((n & 1) == 0 ? COSINE : SINE, n >> 1, factorial);
            if (n > 0 && n <= TERMS) {
                coefficient(EXPONENTIAL, n - 1, factorial);
            }
        }
    }

    private static void coefficient(long[] table, int n, BigInteger divisor) {
        BigInteger c = BigInteger.ONE.shiftLeft(BITS - 1).divide(divisor);
        table[2 * n] = c.shiftRight(64).longValue();
        table[2 * n + 1] = c.longValue();
    }

    private Wide() {}

    /** r = a × b. */
    static void multiply(Unpacked r, Unpacked a, Unpacked b) {
        long hi = productHigh(a.hi, a.lo, b.hi, b.lo);
        long lo = productLow(a.hi, a.lo, b.hi, b.lo);
        int exponent = a.exponent + b.exponent + 1;
        if (hi >= 0) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            exponent--;
        }
        r.finite(a.sign ^ b.sign, exponent, hi, lo);
    }

    /** The second 64 bits of a 256-bit product, give or take 2. */
    private static long productLow(long aHi, long aLo, long bHi, long bLo) {
        return aHi * bHi
                + Math.unsignedMultiplyHigh(aHi, bLo)
                + Math.unsignedMultiplyHigh(aLo, bHi);
    }

    /** The first 64 bits of a 256-bit product. */
    private static long productHigh(long aHi, long aLo, long bHi, long bLo) {
        long middle = aHi * bHi;
        long x = middle + Math.unsignedMultiplyHigh(aHi, bLo);
        long carry = SoftFloat.below(x, middle) ? 1 : 0;
        long y = x + Math.unsignedMultiplyHigh(aLo, bHi);
        carry += SoftFloat.below(y, x) ? 1 : 0;
        return Math.unsignedMultiplyHigh(aHi, bHi) + carry;
    }

    /** r = a / b. */
    static void divide(Unpacked r, Unpacked a, Unpacked b) {
        long restHigh = a.hi;
        long restLow = a.lo;
        long dHigh = b.hi;
        long dLow = b.lo;
        int exponent = a.exponent - b.exponent;
        boolean carry = false;
        if (SoftFloat.below(restHigh, dHigh)
                || restHigh == dHigh && SoftFloat.below(restLow, dLow)) {
            exponent--;
            carry = restHigh < 0;
            restHigh = restHigh << 1 | restLow >>> 63;
            restLow <<= 1;
        }
        long hi = 0;
        long lo = 0;
        for (int n = 0; n < BITS; n++) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            if (carry
                    || SoftFloat.below(dHigh, restHigh)
                    || restHigh == dHigh && !SoftFloat.below(restLow, dLow)) {
                restHigh -= dHigh + (SoftFloat.below(restLow, dLow) ? 1 : 0);
                restLow -= dLow;
                lo |= 1;
            }
            carry = restHigh < 0;
            restHigh = restHigh << 1 | restLow >>> 63;
            restLow <<= 1;
        }
        r.finite(a.sign ^ b.sign, exponent, hi, lo);
    }

    /** r = an integer that is not 0. */
    static void integer(Unpacked r, long n) {
        SoftFloat.fromMagnitude(r, n < 0, Math.abs(n));
    }

    /**
     * r = c0 ± c1·t + c2·t² ± …, with coefficients that fall at least as fast as 1 / (2n + 1).
     *
     * @param t not negative, below 1
     * @param alternate every other term is subtracted
     */
    static void series(Unpacked r, long[] coefficients, Unpacked t, boolean alternate) {
        int shift = t.kind == Unpacked.ZERO ? BITS : -1 - t.exponent;
        long tHi = SoftFloat.shiftRightHigh(t.hi, Math.min(shift, BITS));
        long tLo = SoftFloat.shiftRightLow(t.hi, t.lo, Math.min(shift, BITS));
        int n = shift == 0 ? TERMS - 1 : Math.min(TERMS - 1, ACCURACY / shift + 1);
        long hi = coefficients[2 * n];
        long lo = coefficients[2 * n + 1];
        while (--n >= 0) {
            long productHi = productHigh(hi, lo, tHi, tLo);
            long productLo = productLow(hi, lo, tHi, tLo);
            hi = coefficients[2 * n];
            lo = coefficients[2 * n + 1];
            if (alternate) {
                hi -= productHi + (SoftFloat.below(lo, productLo) ? 1 : 0);
                lo -= productLo;
            } else {
                lo += productLo;
                hi += productHi + (SoftFloat.below(lo, productLo) ? 1 : 0);
            }
        }
        if (alternate && (hi & Long.MAX_VALUE | lo) == 0) {
            // However small t is, the sum is below c0.
            hi--;
            lo = -1;
        }
        int zeros = Long.numberOfLeadingZeros(hi);
        if (zeros > 0) {
            hi = hi << zeros | lo >>> 64 - zeros;
            lo <<= zeros;
        }
        r.finite(false, -zeros, hi, lo);
    }
}
