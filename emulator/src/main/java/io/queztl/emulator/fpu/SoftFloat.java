package io.queztl.emulator.fpu;

import static io.queztl.emulator.fpu.Unpacked.FINITE;
import static io.queztl.emulator.fpu.Unpacked.INFINITE;
import static io.queztl.emulator.fpu.Unpacked.ZERO;

/**
 * IEEE 754 arithmetic on unpacked numbers, the same for all formats. Operands are {@code s.a},
 * {@code s.b} and {@code s.c}, which are no NaNs; the exact result, or one with its lowest bit
 * standing for all that is lost, goes to {@code s.r}; {@link #round} makes it fit a format.
 */
final class SoftFloat {
    private static final long MSB = 1L << 63;
    private static final long LOW32 = 0xffff_ffffL;

    /**
     * What x87 adds to or takes from the exponent when a trap on underflow or overflow is wanted.
     */
    private static final int TRAP_BIAS = 24576;

    /** Bits of significand, for which results with trapped exceptions carry a biased exponent. */
    private static final int EXTENDED_MIN = -16382;

    private SoftFloat() {}

    // --- 128-bit helpers
    // ----------------------------------------------------------------------------

    static boolean below(long a, long b) {
        return a + Long.MIN_VALUE < b + Long.MIN_VALUE;
    }

    /** The low half of hi:lo >>> d, with the lowest bit set if bits are lost. */
    static long shiftRightLow(long hi, long lo, int d) {
        if (d == 0) {
            return lo;
        }
        if (d < 64) {
            return lo >>> d | hi << 64 - d | (lo << 64 - d != 0 ? 1 : 0);
        }
        if (d == 64) {
            return hi | (lo != 0 ? 1 : 0);
        }
        if (d < 128) {
            return hi >>> d - 64 | ((hi << 128 - d | lo) != 0 ? 1 : 0);
        }
        return (hi | lo) != 0 ? 1 : 0;
    }

    /** The high half of hi:lo >>> d. */
    static long shiftRightHigh(long hi, int d) {
        return d < 64 ? hi >>> d : 0;
    }

    /**
     * hi:lo / d for hi below d and a divisor with bit 63 set. The remainder is lo - quotient × d.
     */
    static long divide(long hi, long lo, long d) {
        long dh = d >>> 32;
        long dl = d & LOW32;
        long q1 = Long.divideUnsigned(hi, dh);
        long rest = hi - q1 * dh;
        while (q1 > LOW32 || below(rest << 32 | lo >>> 32, q1 * dl)) {
            q1--;
            rest += dh;
            if (rest > LOW32) {
                break;
            }
        }
        long middle = (hi << 32 | lo >>> 32) - q1 * d;
        long q0 = Long.divideUnsigned(middle, dh);
        rest = middle - q0 * dh;
        while (q0 > LOW32 || below(rest << 32 | lo & LOW32, q0 * dl)) {
            q0--;
            rest += dh;
            if (rest > LOW32) {
                break;
            }
        }
        return (q1 << 32) + q0;
    }

    // --- rounding
    // -------------------------------------------------------------------------------------

    /**
     * Whether to add 1 to a significand.
     *
     * @param rest what was cut off, its most significant bit first; not 0
     */
    static boolean increment(int rounding, boolean sign, long significand, long rest) {
        return switch (rounding) {
            case FloatStatus.NEAREST -> rest < 0 && (rest << 1 != 0 || (significand & 1) != 0);
            case FloatStatus.DOWN -> sign;
            case FloatStatus.UP -> !sign;
            default -> false;
        };
    }

    /**
     * Rounds the finite {@code s.r} to {@code p} bits and an exponent range, with all that x86 does
     * about overflow and underflow (SDM volume 1, 4.9.1.4–6). Tininess is detected after rounding.
     *
     * @param min exponent of the smallest normal number
     * @param max exponent of the largest
     * @return the significand of p bits, integer bit included; its exponent field is {@code
     *     s.field}
     */
    static long round(FloatStatus s, int p, int min, int max) {
        Unpacked r = s.r;
        int exponent = r.exponent;
        if (exponent < min) {
            return roundTiny(s, p, min, max);
        }
        long sig = r.hi >>> 64 - p;
        long rest = p == 64 ? r.lo : r.hi << p | (r.lo != 0 ? 1 : 0);
        boolean up = rest != 0 && increment(s.rounding, r.sign, sig, rest);
        if (up) {
            sig++;
            if (p == 64 ? sig == 0 : sig >>> p != 0) {
                sig = 1L << p - 1;
                exponent++;
            }
        }
        if (exponent > max) {
            return overflow(s, p, min, max, sig, exponent, rest != 0, up);
        }
        if (rest != 0) {
            s.flags |= FloatStatus.PRECISION;
            s.roundedUp = up;
        }
        s.field = exponent - min + 1;
        return sig;
    }

    private static long overflow(
            FloatStatus s,
            int p,
            int min,
            int max,
            long sig,
            int exponent,
            boolean inexact,
            boolean up) {
        s.flags |= FloatStatus.OVERFLOW;
        if ((s.unmasked & FloatStatus.OVERFLOW) != 0 && exponent - TRAP_BIAS <= max) {
            if (inexact) {
                s.flags |= FloatStatus.PRECISION;
                s.roundedUp = up;
            }
            s.field = (min == EXTENDED_MIN ? exponent - TRAP_BIAS : max) - min + 1;
            return sig;
        }
        s.flags |= FloatStatus.PRECISION;
        boolean sign = s.r.sign;
        // FSCALE can overflow even the biased exponent.
        boolean infinite =
                (s.unmasked & FloatStatus.OVERFLOW) != 0
                        || s.rounding == FloatStatus.NEAREST
                        || s.rounding == (sign ? FloatStatus.DOWN : FloatStatus.UP);
        s.roundedUp = infinite;
        if (infinite) {
            s.field = max - min + 2;
            return 1L << p - 1;
        }
        s.field = max - min + 1;
        return -1L >>> 64 - p;
    }

    private static long roundTiny(FloatStatus s, int p, int min, int max) {
        Unpacked r = s.r;
        long sig = r.hi >>> 64 - p;
        long rest = p == 64 ? r.lo : r.hi << p | (r.lo != 0 ? 1 : 0);
        boolean up = rest != 0 && increment(s.rounding, r.sign, sig, rest);
        boolean carry = up && sig == -1L >>> 64 - p;
        boolean tiny = r.exponent != min - 1 || !carry;
        if (tiny && (s.unmasked & FloatStatus.UNDERFLOW) != 0) {
            s.flags |= FloatStatus.UNDERFLOW;
            int exponent = r.exponent + TRAP_BIAS;
            if (min != EXTENDED_MIN) {
                if (rest != 0) {
                    s.flags |= FloatStatus.PRECISION;
                }
                s.field = 0;
                return 0;
            }
            if (exponent >= min) {
                if (rest != 0) {
                    s.flags |= FloatStatus.PRECISION;
                    s.roundedUp = up;
                }
                if (up) {
                    sig++;
                    if (carry) {
                        sig = 1L << p - 1;
                        exponent++;
                    }
                }
                s.field = exponent - min + 1;
                return sig;
            }
            // FSCALE can underflow even the biased exponent.
            s.flags |= FloatStatus.PRECISION;
            s.field = 0;
            return 0;
        } else if (tiny && s.flushToZero) {
            s.flags |= FloatStatus.UNDERFLOW | FloatStatus.PRECISION;
            s.field = 0;
            return 0;
        }
        int d = min - r.exponent;
        long lo = shiftRightLow(r.hi, r.lo, d);
        long hi = shiftRightHigh(r.hi, d);
        sig = hi >>> 64 - p;
        rest = p == 64 ? lo : hi << p | (lo != 0 ? 1 : 0);
        if (rest != 0) {
            up = increment(s.rounding, r.sign, sig, rest);
            s.flags |= FloatStatus.PRECISION;
            if (tiny) {
                s.flags |= FloatStatus.UNDERFLOW;
            }
            s.roundedUp = up;
            if (up) {
                sig++;
            }
        }
        s.field = sig >>> p - 1 != 0 ? 1 : 0;
        return sig;
    }

    // --- arithmetic
    // -----------------------------------------------------------------------------------

    /** r = a + b, or a - b. */
    static void add(FloatStatus s, boolean subtract) {
        Unpacked a = s.a;
        Unpacked b = s.b;
        boolean signB = b.sign ^ subtract;
        s.denormals();
        if (a.kind == INFINITE) {
            if (b.kind == INFINITE && a.sign != signB) {
                s.invalid();
            } else {
                s.r.infinity(a.sign);
            }
        } else if (b.kind == INFINITE) {
            s.r.infinity(signB);
        } else if (a.kind == ZERO) {
            if (b.kind == ZERO) {
                s.r.zero(a.sign == signB ? a.sign : s.rounding == FloatStatus.DOWN);
            } else {
                s.r.copy(b, signB);
            }
        } else if (b.kind == ZERO) {
            s.r.copy(a, a.sign);
        } else {
            addFinite(s, a, a.sign, b, signB);
        }
    }

    /** r = x + y for finite numbers with these signs; r may be x or y. */
    static void addFinite(FloatStatus s, Unpacked x, boolean signX, Unpacked y, boolean signY) {
        Unpacked r = s.r;
        boolean swap =
                x.exponent < y.exponent
                        || x.exponent == y.exponent
                                && (below(x.hi, y.hi) || x.hi == y.hi && below(x.lo, y.lo));
        Unpacked big = swap ? y : x;
        Unpacked small = swap ? x : y;
        boolean sign = swap ? signY : signX;
        int exponent = big.exponent;
        int d = exponent - small.exponent;
        if (d < 0 || d > 200) {
            d = 200;
        }
        long lowBits = shiftRightLow(small.hi, small.lo, d);
        long highBits = shiftRightHigh(small.hi, d);
        long hi;
        long lo;
        if (signX == signY) {
            lo = big.lo + lowBits;
            long carry = below(lo, lowBits) ? 1 : 0;
            hi = big.hi + highBits + carry;
            if ((big.hi & highBits | (big.hi | highBits) & ~hi) < 0) {
                lo = lo >>> 1 | lo & 1 | hi << 63;
                hi = hi >>> 1 | MSB;
                exponent++;
            }
        } else {
            lo = big.lo - lowBits;
            hi = big.hi - highBits - (below(big.lo, lowBits) ? 1 : 0);
            if ((hi | lo) == 0) {
                r.zero(s.rounding == FloatStatus.DOWN);
                return;
            }
            if (hi == 0) {
                hi = lo;
                lo = 0;
                exponent -= 64;
            }
            int n = Long.numberOfLeadingZeros(hi);
            if (n != 0) {
                hi = hi << n | lo >>> 64 - n;
                lo <<= n;
                exponent -= n;
            }
        }
        r.finite(sign, exponent, hi, lo);
    }

    /** r = a × b. */
    static void multiply(FloatStatus s) {
        Unpacked a = s.a;
        Unpacked b = s.b;
        boolean sign = a.sign ^ b.sign;
        s.denormals();
        if (a.kind == INFINITE || b.kind == INFINITE) {
            if (a.kind == ZERO || b.kind == ZERO) {
                s.invalid();
            } else {
                s.r.infinity(sign);
            }
        } else if (a.kind == ZERO || b.kind == ZERO) {
            s.r.zero(sign);
        } else {
            multiplyFinite(s.r, sign, a, b);
        }
    }

    private static void multiplyFinite(Unpacked r, boolean sign, Unpacked a, Unpacked b) {
        int exponent = a.exponent + b.exponent + 1;
        long hi = Math.unsignedMultiplyHigh(a.hi, b.hi);
        long lo = a.hi * b.hi;
        if (hi >= 0) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            exponent--;
        }
        r.finite(sign, exponent, hi, lo);
    }

    /** r = a / b. */
    static void divide(FloatStatus s) {
        Unpacked a = s.a;
        Unpacked b = s.b;
        boolean sign = a.sign ^ b.sign;
        if (b.kind == ZERO && a.kind == FINITE) {
            s.raise(FloatStatus.ZERO_DIVIDE);
            s.r.infinity(sign);
            return;
        }
        s.denormals();
        if (a.kind == INFINITE) {
            if (b.kind == INFINITE) {
                s.invalid();
            } else {
                s.r.infinity(sign);
            }
        } else if (b.kind == INFINITE) {
            s.r.zero(sign);
        } else if (a.kind == ZERO) {
            if (b.kind == ZERO) {
                s.invalid();
            } else {
                s.r.zero(sign);
            }
        } else {
            int exponent = a.exponent - b.exponent;
            long hi = a.hi;
            long lo = 0;
            long d = b.hi;
            if (below(hi, d)) {
                exponent--;
            } else {
                lo = hi << 63;
                hi >>>= 1;
            }
            long q = divide(hi, lo, d);
            long rest = lo - q * d;
            long guard = rest < 0 || !below(rest << 1, d) ? MSB : 0;
            boolean half = rest >= 0 && rest << 1 == d;
            s.r.finite(sign, exponent, q, guard | (rest != 0 && !half ? 1 : 0));
        }
    }

    /** r = √a. */
    static void squareRoot(FloatStatus s) {
        Unpacked a = s.a;
        if (a.kind == ZERO) {
            s.r.zero(a.sign);
            return;
        }
        if (a.sign) {
            s.invalid();
            return;
        }
        if (a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        if (a.kind == INFINITE) {
            s.r.infinity(false);
            return;
        }
        boolean odd = (a.exponent & 1) != 0;
        // The root of this 128-bit integer has 64 bits.
        long hi = odd ? a.hi : a.hi >>> 1;
        long lo = odd ? 0 : a.hi << 63;
        double x = Math.sqrt((double) (hi >>> 11) * 0x1p11) * 0x1p32;
        long root = (long) (x * 0.5);
        root = root == Long.MAX_VALUE ? -1 : root << 1;
        long restLow = lo - root * root;
        long restHigh =
                hi - Math.unsignedMultiplyHigh(root, root) - (below(lo, root * root) ? 1 : 0);
        double rest = (double) restHigh * 0x1p64 + ((double) (restLow >>> 1) * 2.0);
        long better = root + (long) (rest / (((double) (root >>> 1)) * 4.0));
        root = better >= 0 ? -1 : better;
        restLow = lo - root * root;
        restHigh = hi - Math.unsignedMultiplyHigh(root, root) - (below(lo, root * root) ? 1 : 0);
        while (restHigh < 0) {
            root--;
            long add = root << 1 | 1;
            restLow += add;
            restHigh += (root >>> 63) + (below(restLow, add) ? 1 : 0);
        }
        // While the rest is above 2 × root, the next root is not too large.
        while (restHigh > root >>> 63 || restHigh == root >>> 63 && below(root << 1, restLow)) {
            long take = root << 1 | 1;
            restHigh -= (root >>> 63) + (below(restLow, take) ? 1 : 0);
            restLow -= take;
            root++;
        }
        long guard = restHigh != 0 || below(root, restLow) ? MSB : 0;
        s.r.finite(false, a.exponent >> 1, root, guard | ((restHigh | restLow) != 0 ? 1 : 0));
    }

    /** r = a × b + c, rounded once; {@code flip} bit 0 negates the product, bit 1 negates c. */
    static void multiplyAdd(FloatStatus s, int flip) {
        Unpacked a = s.a;
        Unpacked b = s.b;
        Unpacked c = s.c;
        boolean sign = a.sign ^ b.sign ^ (flip & 1) != 0;
        boolean signC = c.sign ^ (flip & 2) != 0;
        boolean infinite = a.kind == INFINITE || b.kind == INFINITE;
        boolean zero = a.kind == ZERO || b.kind == ZERO;
        if (infinite && (zero || c.kind == INFINITE && signC != sign)) {
            s.invalid();
            return;
        }
        if (a.denormal || b.denormal || c.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        if (infinite) {
            s.r.infinity(sign);
        } else if (c.kind == INFINITE) {
            s.r.infinity(signC);
        } else if (zero) {
            if (c.kind == ZERO) {
                s.r.zero(sign == signC ? sign : s.rounding == FloatStatus.DOWN);
            } else {
                s.r.copy(c, signC);
            }
        } else {
            multiplyFinite(s.r, sign, a, b);
            if (c.kind != ZERO) {
                addFinite(s, s.r, sign, c, signC);
            }
        }
    }

    /** -1, 0 or 1 as a is below, equal to or above b. */
    static int compare(Unpacked a, Unpacked b) {
        if (a.kind == ZERO && b.kind == ZERO) {
            return 0;
        }
        boolean signA = a.sign && a.kind != ZERO;
        boolean signB = b.sign && b.kind != ZERO;
        if (a.kind == ZERO) {
            return signB ? 1 : -1;
        }
        if (b.kind == ZERO || signA != signB) {
            return signA ? -1 : 1;
        }
        int magnitude;
        if (a.kind == INFINITE || b.kind == INFINITE) {
            magnitude = Integer.compare(a.kind, b.kind);
        } else if (a.exponent != b.exponent) {
            magnitude = Integer.compare(a.exponent, b.exponent);
        } else {
            magnitude = Long.compareUnsigned(a.hi, b.hi);
        }
        return signA ? -magnitude : magnitude;
    }

    // --- integers
    // -------------------------------------------------------------------------------------

    /** The integer part of a finite number below 2^63 in magnitude. */
    private static long whole(Unpacked a) {
        return a.exponent < 0 ? 0 : a.hi >>> 63 - a.exponent;
    }

    /** The fraction that {@link #whole} leaves, its most significant bit first, sticky. */
    private static long fraction(Unpacked a) {
        int e = a.exponent;
        if (e >= 0) {
            return a.hi << e << 1;
        }
        return e < -64 ? 1 : shiftRightLow(0, a.hi, -1 - e);
    }

    /**
     * Converts {@code a}, which may be anything, to a signed integer of 16, 32 or 64 bits; what
     * does not fit is INVALID and gives the integer indefinite, the most negative one.
     */
    static long toInteger(FloatStatus s, Unpacked a, int bits, int rounding) {
        long most = 1L << bits - 1;
        if (a.kind == ZERO) {
            return 0;
        }
        if (a.kind != FINITE || a.exponent > 63) {
            s.raise(FloatStatus.INVALID);
            return -most;
        }
        if (a.exponent == 63) {
            if (!a.sign || a.hi != MSB || bits != 64) {
                s.raise(FloatStatus.INVALID);
            }
            return -most;
        }
        long n = whole(a);
        long rest = fraction(a);
        boolean up = rest != 0 && increment(rounding, a.sign, n, rest);
        if (up) {
            n++;
        }
        if (below(a.sign ? most : most - 1, n)) {
            s.raise(FloatStatus.INVALID);
            return -most;
        }
        if (rest != 0) {
            s.raise(FloatStatus.PRECISION);
            s.roundedUp = up;
        }
        return a.sign ? -n : n;
    }

    /** r = a rounded to an integral value; returns whether that changed it. a is no NaN. */
    static boolean roundToIntegral(FloatStatus s, int rounding) {
        Unpacked a = s.a;
        if (a.kind != FINITE || a.exponent >= 63) {
            s.r.copy(a, a.sign);
            return false;
        }
        long n = whole(a);
        long rest = fraction(a);
        boolean up = rest != 0 && increment(rounding, a.sign, n, rest);
        if (up) {
            n++;
        }
        s.roundedUp = up;
        fromMagnitude(s.r, a.sign, n);
        return rest != 0;
    }

    /** r = an unsigned integer with a sign. */
    static void fromMagnitude(Unpacked r, boolean sign, long n) {
        if (n == 0) {
            r.zero(sign);
        } else {
            int zeros = Long.numberOfLeadingZeros(n);
            r.finite(sign, 63 - zeros, n << zeros, 0);
        }
    }
}
