package io.queztl.emulator.fpu;

/**
 * IEEE 754 binary64 taken apart and put together with exact rounding, and the fused multiply-add.
 * Numbers are bit patterns.
 */
public final class Float64 {
    private static final long SIGN = 1L << 63;
    private static final long EXPONENT = 0x7FFL << 52;
    private static final long FRACTION = (1L << 52) - 1;
    private static final long QUIET = 1L << 51;

    private static final int DIGITS = 53;
    private static final int MIN = -1022;
    private static final int MAX = 1023;

    private Float64() {}

    /** True for any NaN. */
    public static boolean isNan(long x) {
        return (x & ~SIGN) > EXPONENT;
    }

    /** True for a signaling NaN. */
    public static boolean isSignaling(long x) {
        return isNan(x) && (x & QUIET) == 0;
    }

    /** Takes a number apart. NaNs keep their payload, aligned to the left. */
    static void unpack(FloatStatus s, Unpacked u, long x) {
        u.sign = x < 0;
        u.lo = 0;
        u.denormal = false;
        int e = (int) (x >>> 52) & 0x7FF;
        long f = x << 11 & Long.MAX_VALUE;
        if (e == 0) {
            if (f == 0 || s.denormalsAreZero) {
                u.zero(u.sign);
            } else {
                int zeros = Long.numberOfLeadingZeros(f);
                u.finite(u.sign, MIN - zeros, f << zeros, 0);
                u.denormal = true;
            }
        } else if (e == 2 * MAX + 1) {
            u.hi = f | 1L << 63;
            u.kind =
                    f == 0
                            ? Unpacked.INFINITE
                            : (x & QUIET) != 0 ? Unpacked.QUIET : Unpacked.SIGNALING;
        } else {
            u.finite(u.sign, e - MAX, f | 1L << 63, 0);
        }
    }

    /** Rounds {@code s.r} to this format. */
    static long pack(FloatStatus s) {
        Unpacked r = s.r;
        long sign = r.sign ? SIGN : 0;
        return switch (r.kind) {
            case Unpacked.ZERO -> sign;
            case Unpacked.FINITE -> {
                long fraction = SoftFloat.round(s, DIGITS, MIN, MAX) & FRACTION;
                yield sign | (long) s.field << DIGITS - 1 | fraction;
            }
            case Unpacked.INFINITE -> sign | EXPONENT;
            default -> sign | EXPONENT | QUIET | r.hi >>> 64 - DIGITS & FRACTION;
        };
    }

    /** The NaN that an operation on a NaN gives: the first operand that is one, made quiet. */
    private static long nan(FloatStatus s, long x, long y) {
        if (isSignaling(x) || isSignaling(y)) {
            s.raise(FloatStatus.INVALID);
        }
        return (isNan(x) ? x : y) | QUIET;
    }

    private static boolean unpackBoth(FloatStatus s, long x, long y) {
        if (isNan(x) || isNan(y)) {
            return false;
        }
        unpack(s, s.a, x);
        unpack(s, s.b, y);
        return true;
    }

    /** x + y. */
    public static long add(FloatStatus s, long x, long y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.add(s, false);
        return pack(s);
    }

    /** x - y. */
    public static long subtract(FloatStatus s, long x, long y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.add(s, true);
        return pack(s);
    }

    /** x × y. */
    public static long multiply(FloatStatus s, long x, long y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.multiply(s);
        return pack(s);
    }

    /** x / y. */
    public static long divide(FloatStatus s, long x, long y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.divide(s);
        return pack(s);
    }

    /** √x. */
    public static long squareRoot(FloatStatus s, long x) {
        if (isNan(x)) {
            return nan(s, x, x);
        }
        unpack(s, s.a, x);
        SoftFloat.squareRoot(s);
        return pack(s);
    }

    /** A signed integer, rounded. */
    public static long fromInteger(FloatStatus s, long x) {
        SoftFloat.fromMagnitude(s.r, x < 0, x < 0 ? -x : x);
        return pack(s);
    }

    /**
     * a × b + c, rounded once. A NaN among the operands is returned in the order a, b, c.
     *
     * @param negateProduct gives -(a × b) + c
     * @param negateAddend gives a × b - c
     */
    public static long fma(
            FloatStatus s, long a, long b, long c, boolean negateProduct, boolean negateAddend) {
        if (isNan(a) || isNan(b) || isNan(c)) {
            if (isSignaling(a) || isSignaling(b) || isSignaling(c)) {
                s.raise(FloatStatus.INVALID);
            }
            return (isNan(a) ? a : isNan(b) ? b : c) | QUIET;
        }
        unpack(s, s.a, a);
        unpack(s, s.b, b);
        unpack(s, s.c, c);
        SoftFloat.multiplyAdd(s, (negateProduct ? 1 : 0) | (negateAddend ? 2 : 0));
        return pack(s);
    }
}
