package io.queztl.emulator.fpu;

import static io.queztl.emulator.fpu.Unpacked.FINITE;
import static io.queztl.emulator.fpu.Unpacked.INFINITE;
import static io.queztl.emulator.fpu.Unpacked.ZERO;

/**
 * The transcendental functions of the x87 unit (SDM volume 1, 8.3.7–8.3.10), computed with 128 bits
 * and rounded once, so that results are within one unit in the last place of any CPU's. As on CPUs,
 * arguments of the trigonometric functions are reduced with a π of 66 bits.
 */
public final class Transcendental {
    /** Trigonometric functions are defined below 2 to this power. */
    private static final int RANGE = 63;

    /** π × 2^64 with 66 bits, high and low. */
    private static final long PI_HIGH = 3, PI_LOW = 0x243F6A8885A308D3L;

    private static final long LN2_HIGH = 0xB17217F7D1CF79ABL, LN2_LOW = 0xC9E3B39803F2F6AFL;
    private static final long LOG2E_HIGH = 0xB8AA3B295C17F0BBL, LOG2E_LOW = 0xBE87FED0691D3E88L;
    private static final long HALF_PI_HIGH = 0xC90FDAA22168C234L, HALF_PI_LOW = 0xC4C6628B80DC1CD1L;
    private static final long THREE_QUARTERS_PI_HIGH = 0x96CBE3F9990E91A7L,
            THREE_QUARTERS_PI_LOW = 0x9394C9E8A0A5159CL;

    /** Significand of √2 / 2 and, one exponent higher, of √2. */
    private static final long ROOT_HALF = 0xB504F333F9DE6484L;

    /** Arc tangents of 1/8 … 8/8: exponent, significand high and low. */
    private static final long[] ARC_TANGENT = {
        -4, 0xFEADD4D5617B6E32L, 0xC897989F3E888EF7L,
        -3, 0xFADBAFC96406EB15L, 0x6DC79EF5F7A217E5L,
        -2, 0xB7B0CA0F26F78473L, 0x8AA32122DCFE4483L,
        -2, 0xED63382B0DDA7B45L, 0x6FE445ECBC3A8D03L,
        -1, 0x8F005D5EF7F59F9BL, 0x5C835E1665C43747L,
        -1, 0xA4BC7D1934F70924L, 0x19A87F2A457DAC9EL,
        -1, 0xB8053E2BC2319E73L, 0xCB2DA55210A4443DL,
        -1, 0xC90FDAA22168C234L, 0xC4C6628B80DC1CD1L
    };

    private Transcendental() {}

    /** Stores an irrational result, computed in {@code s.r}. */
    private static void inexact(FloatStatus s) {
        s.r.lo |= 1;
        Float80.pack(s, 64);
    }

    private static void exact(FloatStatus s) {
        Float80.pack(s, 64);
    }

    /** Stores an exact result that CPUs report as rounded all the same. */
    private static void calledInexact(FloatStatus s) {
        exact(s);
        s.raise(FloatStatus.PRECISION);
        if ((s.signExponent & Float80.EXPONENT) == 0) {
            s.raise(FloatStatus.UNDERFLOW);
        }
    }

    // --- 2^x - 1
    // ----------------------------------------------------------------------------------------

    /** F2XM1: 2^x - 1 for x from -1 to 1; outside, where it is undefined, x. */
    public static void f2xm1(FloatStatus s, int se, long sig) {
        Float80.unpack(s.a, se, sig);
        if (Float80.nanOnly(s)) {
            return;
        }
        Unpacked a = s.a;
        if (a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        Unpacked r = s.r;
        if (a.kind == INFINITE && a.sign) {
            r.finite(true, 0, 1L << 63, 0);
            exact(s);
        } else if (a.kind != FINITE || a.exponent >= 0) {
            r.copy(a, a.sign);
            if (a.kind == FINITE && a.exponent == 0 && a.sign && a.hi << 1 == 0) {
                r.exponent = -1; // 2^-1 - 1
            } else if (a.kind == FINITE) {
                s.raise(FloatStatus.PRECISION);
            }
            exact(s);
        } else {
            r.finite(false, -1, LN2_HIGH, LN2_LOW);
            Wide.multiply(s.b, a, r);
            boolean negative = s.b.sign;
            s.b.sign = false;
            Wide.series(r, Wide.EXPONENTIAL, s.b, negative);
            s.b.sign = negative;
            Wide.multiply(r, r, s.b);
            inexact(s);
        }
    }

    // --- logarithms
    // -------------------------------------------------------------------------------------

    /** FYL2X: y × log2(x). */
    public static void fyl2x(FloatStatus s, int xSe, long xSig, int ySe, long ySig) {
        Float80.unpack(s.a, xSe, xSig);
        Float80.unpack(s.b, ySe, ySig);
        if (Float80.nan(s)) {
            return;
        }
        Unpacked x = s.a;
        Unpacked y = s.b;
        if (x.kind == ZERO) {
            logarithmOfZero(s);
            return;
        }
        if (x.sign) {
            Float80.invalid(s);
            return;
        }
        s.denormals();
        boolean one = x.kind == FINITE && x.exponent == 0 && x.hi << 1 == 0;
        boolean negative = x.kind == FINITE && x.exponent < 0;
        if (x.kind == INFINITE ? y.kind == ZERO : one && y.kind == INFINITE) {
            Float80.invalid(s);
        } else if (x.kind == INFINITE || y.kind == INFINITE) {
            s.r.infinity(y.sign ^ negative);
            exact(s);
        } else if (one || y.kind == ZERO) {
            s.r.zero(y.sign ^ negative);
            exact(s);
        } else if (x.hi << 1 == 0) {
            // A power of 2: the logarithm is an integer.
            Wide.integer(s.a, x.exponent);
            Wide.multiply(s.r, s.a, y);
            calledInexact(s);
        } else {
            logarithm(s, x);
            Wide.multiply(s.r, s.r, y);
            inexact(s);
        }
    }

    private static void logarithmOfZero(FloatStatus s) {
        Unpacked y = s.b;
        if (y.kind == ZERO) {
            Float80.invalid(s);
            return;
        }
        if (y.kind == FINITE) {
            s.raise(FloatStatus.ZERO_DIVIDE);
        }
        s.r.infinity(!y.sign);
        exact(s);
    }

    /** r = log2(x) for a positive x that is no power of 2. Leaves s.b alone. */
    private static void logarithm(FloatStatus s, Unpacked x) {
        int e = x.exponent;
        // m = x / 2^e between √2 / 2 and √2.
        int exponentOfM = 0;
        if (SoftFloat.below(ROOT_HALF, x.hi)) {
            e++;
            exponentOfM = -1;
        }
        Unpacked c = s.c;
        Unpacked m = s.a;
        m.finite(false, exponentOfM, x.hi, x.lo);
        c.finite(false, 0, 1L << 63, 0);
        SoftFloat.addFinite(s, m, false, c, false);
        Unpacked t = s.t;
        t.copy(s.r, false);
        SoftFloat.addFinite(s, m, false, c, true);
        c.copy(s.r, s.r.sign);
        Wide.divide(c, c, t);
        logarithmOf(s);
        if (e != 0) {
            t.copy(s.r, s.r.sign);
            Wide.integer(c, e);
            SoftFloat.addFinite(s, c, c.sign, t, t.sign);
        }
    }

    /** r = log2((1 + z) / (1 - z)) = 2 × log2(e) × artanh(z), with z in s.c. Changes s.t. */
    private static void logarithmOf(FloatStatus s) {
        Unpacked z = s.c;
        Unpacked t = s.t;
        Wide.multiply(t, z, z);
        Wide.series(s.r, Wide.ARC_TANGENT, t, false);
        Wide.multiply(s.r, s.r, z);
        t.finite(false, 1, LOG2E_HIGH, LOG2E_LOW);
        Wide.multiply(s.r, s.r, t);
    }

    /** FYL2XP1: y × log2(x + 1); for x of -1 and below, where it is undefined, x. */
    public static void fyl2xp1(FloatStatus s, int xSe, long xSig, int ySe, long ySig) {
        Float80.unpack(s.a, xSe, xSig);
        Float80.unpack(s.b, ySe, ySig);
        if (Float80.nan(s)) {
            return;
        }
        Unpacked x = s.a;
        Unpacked y = s.b;
        if (x.kind == INFINITE && x.sign) {
            Float80.invalid(s);
            return;
        }
        s.denormals();
        boolean sign = x.sign ^ y.sign;
        if (x.kind == INFINITE ? y.kind == ZERO : x.kind == ZERO && y.kind == INFINITE) {
            Float80.invalid(s);
        } else if (x.kind == INFINITE || y.kind == INFINITE) {
            s.r.infinity(sign);
            exact(s);
        } else if (x.kind == ZERO || y.kind == ZERO) {
            s.r.zero(sign);
            exact(s);
        } else if (x.sign && x.exponent >= 0) {
            s.r.copy(x, true);
            s.raise(FloatStatus.PRECISION);
            exact(s);
        } else {
            Unpacked c = s.c;
            if (x.exponent < -1) {
                // z = x / (x + 2)
                c.finite(false, 1, 1L << 63, 0);
                SoftFloat.addFinite(s, x, x.sign, c, false);
                c.copy(x, x.sign);
                Wide.divide(c, c, s.r);
                logarithmOf(s);
            } else {
                c.finite(false, 0, 1L << 63, 0);
                SoftFloat.addFinite(s, x, x.sign, c, false);
                x.copy(s.r, false);
                if ((x.hi << 1 | x.lo) == 0) {
                    Wide.integer(s.r, x.exponent);
                    Wide.multiply(s.r, s.r, y);
                    calledInexact(s);
                    return;
                }
                logarithm(s, x);
            }
            Wide.multiply(s.r, s.r, y);
            inexact(s);
        }
    }

    // --- arc tangent
    // ------------------------------------------------------------------------------------

    /** FPATAN: the angle of the point (x, y). */
    public static void fpatan(FloatStatus s, int ySe, long ySig, int xSe, long xSig) {
        Float80.unpack(s.a, ySe, ySig);
        Float80.unpack(s.b, xSe, xSig);
        if (Float80.nan(s)) {
            return;
        }
        Unpacked y = s.a;
        Unpacked x = s.b;
        s.denormals();
        boolean sign = y.sign;
        Unpacked r = s.r;
        if (y.kind == INFINITE && x.kind == INFINITE) {
            if (x.sign) {
                r.finite(sign, 1, THREE_QUARTERS_PI_HIGH, THREE_QUARTERS_PI_LOW);
            } else {
                r.finite(sign, -1, HALF_PI_HIGH, HALF_PI_LOW);
            }
            inexact(s);
        } else if (y.kind == ZERO || x.kind == INFINITE) {
            if (x.sign) {
                r.finite(sign, 1, HALF_PI_HIGH, HALF_PI_LOW);
                inexact(s);
            } else {
                r.zero(sign);
                exact(s);
            }
        } else if (y.kind == INFINITE || x.kind == ZERO) {
            r.finite(sign, 0, HALF_PI_HIGH, HALF_PI_LOW);
            inexact(s);
        } else {
            angle(s, sign, x.sign);
            inexact(s);
        }
    }

    /** r = the angle of (s.b, s.a), both finite and not 0. */
    private static void angle(FloatStatus s, boolean sign, boolean left) {
        boolean steep =
                s.a.exponent != s.b.exponent
                        ? s.a.exponent > s.b.exponent
                        : SoftFloat.below(s.b.hi, s.a.hi);
        Unpacked small = steep ? s.b : s.a;
        Unpacked big = steep ? s.a : s.b;
        Unpacked c = s.c;
        Unpacked t = s.t;
        // The tangent is k / 8 and a little: its arc tangent is that of k / 8 and of
        // (8 small - k big) / (8 big + k small).
        int k = 0;
        int d = small.exponent - big.exponent;
        if (d > -6) {
            double ratio = (double) (small.hi >>> 11) / (double) (big.hi >>> 11);
            k = (int) (Math.scalb(ratio, d + 3) + 0.5);
        }
        small.sign = false;
        big.sign = false;
        if (k == 0) {
            Wide.divide(c, small, big);
            arcTangent(s);
        } else {
            Wide.integer(c, k);
            Wide.multiply(t, c, small);
            Wide.multiply(c, c, big);
            small.exponent += 3;
            big.exponent += 3;
            SoftFloat.addFinite(s, big, false, t, false);
            t.copy(s.r, false);
            SoftFloat.addFinite(s, small, false, c, true);
            if (s.r.kind == FINITE) {
                c.copy(s.r, s.r.sign);
                Wide.divide(c, c, t);
                arcTangent(s);
                t.copy(s.r, s.r.sign);
                table(c, k);
                SoftFloat.addFinite(s, c, false, t, t.sign);
            } else {
                table(s.r, k);
            }
        }
        if (steep || left) {
            t.copy(s.r, false);
            c.finite(false, steep ? 0 : 1, HALF_PI_HIGH, HALF_PI_LOW);
            SoftFloat.addFinite(s, c, false, t, steep != left);
        }
        s.r.sign = sign;
    }

    private static void table(Unpacked r, int k) {
        int at = 3 * (k - 1);
        r.finite(false, (int) ARC_TANGENT[at], ARC_TANGENT[at + 1], ARC_TANGENT[at + 2]);
    }

    /** r = artan(z), with a small z in s.c. Changes s.t. */
    private static void arcTangent(FloatStatus s) {
        Unpacked z = s.c;
        Wide.multiply(s.t, z, z);
        Wide.series(s.r, Wide.ARC_TANGENT, s.t, true);
        Wide.multiply(s.r, s.r, z);
    }

    // --- trigonometry
    // -----------------------------------------------------------------------------------

    /**
     * What the trigonometric functions do first: true if the operand is finite, not 0 and below
     * 2^63. Otherwise the result is stored, or {@code s.incomplete} set.
     *
     * @param one the result for 0 is 1
     */
    private static boolean argument(FloatStatus s, int se, long sig, boolean one) {
        Float80.unpack(s.a, se, sig);
        if (Float80.nanOnly(s)) {
            return false;
        }
        Unpacked a = s.a;
        if (a.kind == INFINITE) {
            Float80.invalid(s);
            return false;
        }
        if (a.kind == ZERO) {
            if (one) {
                s.r.finite(false, 0, 1L << 63, 0);
            } else {
                s.r.zero(a.sign);
            }
            exact(s);
            return false;
        }
        if (a.exponent >= RANGE) {
            s.incomplete = true;
            return false;
        }
        if (a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        return true;
    }

    /**
     * Reduces |s.a| by multiples of π / 2 to at most π / 4 in magnitude, into s.c.
     *
     * @return the multiple, modulo 4
     */
    private static int reduce(FloatStatus s) {
        Unpacked a = s.a;
        Unpacked c = s.c;
        // In units of 2^-65 the argument and π / 2 are integers.
        if (a.exponent < -1) {
            c.finite(false, a.exponent, a.hi, 0);
            return 0;
        }
        long high = 0;
        long low = a.hi;
        int q = 0;
        for (int k = a.exponent + 2; k > 0; k--) {
            high = high << 1 | low >>> 63;
            low <<= 1;
            q <<= 1;
            if (high > PI_HIGH || high == PI_HIGH && !SoftFloat.below(low, PI_LOW)) {
                high -= PI_HIGH + (SoftFloat.below(low, PI_LOW) ? 1 : 0);
                low -= PI_LOW;
                q |= 1;
            }
        }
        // The nearer multiple.
        long twiceHigh = high << 1 | low >>> 63;
        boolean negative = false;
        if (twiceHigh > PI_HIGH || twiceHigh == PI_HIGH && SoftFloat.below(PI_LOW, low << 1)) {
            high = PI_HIGH - high - (SoftFloat.below(PI_LOW, low) ? 1 : 0);
            low = PI_LOW - low;
            negative = true;
            q++;
        }
        // π × 2^64 is odd and longer than the argument: the rest is never 0.
        if (high != 0) {
            int zeros = Long.numberOfLeadingZeros(high);
            c.finite(negative, 62 - zeros, high << zeros | low >>> 64 - zeros, low << zeros);
        } else {
            int zeros = Long.numberOfLeadingZeros(low);
            c.finite(negative, -2 - zeros, low << zeros, 0);
        }
        return q & 3;
    }

    /** r = sin(c). Changes s.t. */
    private static void sineSeries(FloatStatus s, Unpacked r) {
        Wide.multiply(s.t, s.c, s.c);
        Wide.series(r, Wide.SINE, s.t, true);
        Wide.multiply(r, r, s.c);
    }

    /** r = cos(c). Changes s.t. */
    private static void cosineSeries(FloatStatus s, Unpacked r) {
        Wide.multiply(s.t, s.c, s.c);
        Wide.series(r, Wide.COSINE, s.t, true);
    }

    /** FSIN. */
    public static void fsin(FloatStatus s, int se, long sig) {
        if (argument(s, se, sig, false)) {
            boolean sign = s.a.sign;
            quadrant(s, reduce(s), sign);
        }
    }

    /** FCOS. */
    public static void fcos(FloatStatus s, int se, long sig) {
        if (argument(s, se, sig, true)) {
            quadrant(s, reduce(s) + 1, false);
        }
    }

    /** Stores the sine of c plus a multiple of π / 2. */
    private static void quadrant(FloatStatus s, int multiple, boolean negate) {
        if ((multiple & 1) == 0) {
            sineSeries(s, s.r);
        } else {
            cosineSeries(s, s.r);
        }
        s.r.sign ^= negate ^ (multiple & 2) != 0;
        inexact(s);
    }

    /** FPTAN. */
    public static void fptan(FloatStatus s, int se, long sig) {
        if (!argument(s, se, sig, false)) {
            return;
        }
        boolean sign = s.a.sign;
        int multiple = reduce(s);
        sineSeries(s, s.r);
        cosineSeries(s, s.b);
        if ((multiple & 1) == 0) {
            Wide.divide(s.r, s.r, s.b);
        } else {
            Wide.divide(s.r, s.b, s.r);
            sign = !sign;
        }
        s.r.sign ^= sign;
        inexact(s);
    }
}
