package io.queztl.emulator.fpu;

/**
 * IEEE 754 binary32 taken apart and put together with exact rounding, and the fused multiply-add.
 * Numbers are bit patterns.
 */
public final class Float32 {
    private static final int SIGN = 1 << 31;
    private static final int EXPONENT = 0xFF << 23;
    private static final int FRACTION = (1 << 23) - 1;
    private static final int QUIET = 1 << 22;

    private static final int DIGITS = 24;
    private static final int MIN = -126;
    private static final int MAX = 127;

    private Float32() {}

    /** True for any NaN. */
    public static boolean isNan(int x) {
        return (x & ~SIGN) > EXPONENT;
    }

    /** True for a signaling NaN. */
    public static boolean isSignaling(int x) {
        return isNan(x) && (x & QUIET) == 0;
    }

    /** Takes a number apart. NaNs keep their payload, aligned to the left. */
    static void unpack(FloatStatus s, Unpacked u, int x) {
        u.sign = x < 0;
        u.lo = 0;
        u.denormal = false;
        int e = x >>> 23 & 0xFF;
        long f = (long) x << 40 & Long.MAX_VALUE;
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
    static int pack(FloatStatus s) {
        Unpacked r = s.r;
        int sign = r.sign ? SIGN : 0;
        return switch (r.kind) {
            case Unpacked.ZERO -> sign;
            case Unpacked.FINITE -> {
                int fraction = (int) SoftFloat.round(s, DIGITS, MIN, MAX) & FRACTION;
                yield sign | s.field << DIGITS - 1 | fraction;
            }
            case Unpacked.INFINITE -> sign | EXPONENT;
            default -> sign | EXPONENT | QUIET | (int) (r.hi >>> 64 - DIGITS) & FRACTION;
        };
    }

    /** The NaN that an operation on a NaN gives: the first operand that is one, made quiet. */
    private static int nan(FloatStatus s, int x, int y) {
        if (isSignaling(x) || isSignaling(y)) {
            s.raise(FloatStatus.INVALID);
        }
        return (isNan(x) ? x : y) | QUIET;
    }

    private static boolean unpackBoth(FloatStatus s, int x, int y) {
        if (isNan(x) || isNan(y)) {
            return false;
        }
        unpack(s, s.a, x);
        unpack(s, s.b, y);
        return true;
    }

    /** x + y. */
    public static int add(FloatStatus s, int x, int y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.add(s, false);
        return pack(s);
    }

    /** x - y. */
    public static int subtract(FloatStatus s, int x, int y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.add(s, true);
        return pack(s);
    }

    /** x × y. */
    public static int multiply(FloatStatus s, int x, int y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.multiply(s);
        return pack(s);
    }

    /** x / y. */
    public static int divide(FloatStatus s, int x, int y) {
        if (!unpackBoth(s, x, y)) {
            return nan(s, x, y);
        }
        SoftFloat.divide(s);
        return pack(s);
    }

    /** √x. */
    public static int squareRoot(FloatStatus s, int x) {
        if (isNan(x)) {
            return nan(s, x, x);
        }
        unpack(s, s.a, x);
        SoftFloat.squareRoot(s);
        return pack(s);
    }

    /** A signed integer, rounded. */
    public static int fromInteger(FloatStatus s, long x) {
        SoftFloat.fromMagnitude(s.r, x < 0, x < 0 ? -x : x);
        return pack(s);
    }

    /** A binary64 number, rounded; a NaN keeps the upper part of its payload. */
    public static int fromFloat64(FloatStatus s, long x) {
        if (Float64.isNan(x)) {
            if (Float64.isSignaling(x)) {
                s.raise(FloatStatus.INVALID);
            }
            return (int) (x >>> 32) & SIGN | EXPONENT | QUIET | (int) (x >>> 29) & FRACTION;
        }
        Float64.unpack(s, s.a, x);
        if (s.a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        s.r.copy(s.a, s.a.sign);
        return pack(s);
    }

    /**
     * a × b + c, rounded once. A NaN among the operands is returned in the order a, b, c.
     *
     * @param negateProduct gives -(a × b) + c
     * @param negateAddend gives a × b - c
     */
    public static int fma(
            FloatStatus s, int a, int b, int c, boolean negateProduct, boolean negateAddend) {
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
