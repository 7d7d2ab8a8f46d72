package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/**
 * IEEE 754 arithmetic of one element under MXCSR (SDM volume 1, 11.5), results and exception flags
 * exact. Java's own arithmetic serves while rounding is to nearest and no flag can change; what is
 * left goes through {@link #slow}. Flags gather in {@link Cpu#raised} until {@link #raise}.
 */
final class ScalarFloat {
    /** MXCSR exception flags. */
    static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;

    /** MXCSR: denormals are zeros. */
    static final int DAZ = 1 << 6;

    /** MXCSR: flush to zero. */
    static final int FTZ = 1 << 15;

    /** MXCSR: no denormals-are-zeros, rounding to nearest, inexactness masked. */
    private static final int MODE = 0x7040;

    private static final int NEAREST = 0x1000;

    /** Default NaNs. */
    static final int NAN32 = 0xFFC0_0000;

    static final long NAN64 = 0xFFF8_0000_0000_0000L;

    private static final int ADD = 0, SUB = 1, MUL = 2, DIV = 3, SQRT = 4;

    private ScalarFloat() {}

    // --- exceptions
    // -------------------------------------------------------------------------------

    /**
     * Ends an instruction: moves raised flags to MXCSR and throws #XM (or #UD without
     * CR4.OSXMMEXCPT) if one is unmasked. An unmasked exception of the operands hides those of the
     * results, of all elements.
     */
    static void raise(Cpu c) {
        if (c.raised != 0) {
            raiseSlow(c);
        }
    }

    private static void raiseSlow(Cpu c) {
        if (c.gathering) {
            return;
        }
        int flags = c.raised;
        c.raised = 0;
        int unmasked = flags & ~(c.mxcsr >> 7);
        if ((unmasked & (IE | DE | ZE)) != 0) {
            flags &= IE | DE | ZE;
        }
        c.mxcsr |= flags;
        if (unmasked != 0) {
            throw (c.cr4 & 1 << 10) != 0 ? c.fault(19, -1) : c.ud();
        }
    }

    /** Rounding control: 0 nearest even, 1 down, 2 up, 3 to zero. */
    static int rounding(Cpu c) {
        return c.mxcsr >> 13 & 3;
    }

    // --- classification
    // -------------------------------------------------------------------------------

    static boolean isNan32(int x) {
        return (x & 0x7fff_ffff) > 0x7f80_0000;
    }

    static boolean isNan64(long x) {
        return (x & Long.MAX_VALUE) > 0x7ff0_0000_0000_0000L;
    }

    static boolean isSignaling32(int x) {
        return isNan32(x) && (x & 0x40_0000) == 0;
    }

    static boolean isSignaling64(long x) {
        return isNan64(x) && (x & 1L << 51) == 0;
    }

    static boolean isDenormal32(int x) {
        return (x & 0x7f80_0000) == 0 && x << 1 != 0;
    }

    static boolean isDenormal64(long x) {
        return (x & 0x7ff0_0000_0000_0000L) == 0 && x << 1 != 0;
    }

    /** Normal or zero: raises nothing by itself. */
    private static boolean plain32(int x) {
        return Integer.compareUnsigned((x >>> 23 & 0xff) - 1, 0xfe) < 0 || x << 1 == 0;
    }

    private static boolean plain64(long x) {
        return Integer.compareUnsigned((int) (x >>> 52 & 0x7ff) - 1, 0x7fe) < 0 || x << 1 == 0;
    }

    /** Finite and so far from the smallest normal number that it was not rounded up to it. */
    private static boolean safe32(int r) {
        return Integer.compareUnsigned((r >>> 23 & 0xff) - 2, 0xfd) < 0;
    }

    private static boolean safe64(long r) {
        return Integer.compareUnsigned((int) (r >>> 52 & 0x7ff) - 2, 0x7fd) < 0;
    }

    private static float f(int x) {
        return Float.intBitsToFloat(x);
    }

    private static double d(long x) {
        return Double.longBitsToDouble(x);
    }

    /** A denormal becomes a zero of its sign if MXCSR says so. */
    static int daz32(Cpu c, int x) {
        return (c.mxcsr & DAZ) != 0 && isDenormal32(x) ? x & 0x8000_0000 : x;
    }

    static long daz64(Cpu c, long x) {
        return (c.mxcsr & DAZ) != 0 && isDenormal64(x) ? x & Long.MIN_VALUE : x;
    }

    // --- arithmetic: fast paths
    // -----------------------------------------------------------------------

    static int add32(Cpu c, int x, int y) {
        float a = f(x);
        float b = f(y);
        float s = a + b;
        int r = Float.floatToRawIntBits(s);
        if ((c.mxcsr & MODE) == NEAREST
                && plain32(x)
                && plain32(y)
                && (safe32(r) || s == 0)
                && ((c.mxcsr & PE) != 0 || exactSum(a, b, s))) {
            return r;
        }
        return (int) slow(c, ADD, x, y, true);
    }

    /** Knuth's two-sum error is zero; it is exact while nothing overflows. */
    private static boolean exactSum(float a, float b, float s) {
        float bb = s - a;
        return (a - (s - bb)) + (b - bb) == 0;
    }

    static int sub32(Cpu c, int x, int y) {
        float a = f(x);
        float b = f(y);
        float s = a - b;
        int r = Float.floatToRawIntBits(s);
        if ((c.mxcsr & MODE) == NEAREST
                && plain32(x)
                && plain32(y)
                && (safe32(r) || s == 0)
                && ((c.mxcsr & PE) != 0 || exactSum(a, -b, s))) {
            return r;
        }
        return (int) slow(c, SUB, x, y, true);
    }

    static int mul32(Cpu c, int x, int y) {
        float a = f(x);
        float b = f(y);
        float p = a * b;
        int r = Float.floatToRawIntBits(p);
        if ((c.mxcsr & MODE) == NEAREST
                && plain32(x)
                && plain32(y)
                && (safe32(r) || a == 0 || b == 0)
                && ((c.mxcsr & PE) != 0 || (double) a * b == p)) {
            return r;
        }
        return (int) slow(c, MUL, x, y, true);
    }

    static int div32(Cpu c, int x, int y) {
        float a = f(x);
        float b = f(y);
        int r = Float.floatToRawIntBits(a / b);
        if ((c.mxcsr & MODE) == NEAREST
                && plain32(x)
                && plain32(y)
                && b != 0
                && (safe32(r) || a == 0)
                && ((c.mxcsr & PE) != 0 || (double) f(r) * b == a)) {
            return r;
        }
        return (int) slow(c, DIV, x, y, true);
    }

    static int sqrt32(Cpu c, int x) {
        float a = f(x);
        // A double square root rounds to the same float: 53 >= 2 * 24 + 2.
        float s = (float) Math.sqrt(a);
        if ((c.mxcsr & MODE) == NEAREST
                && plain32(x)
                && a >= 0
                && ((c.mxcsr & PE) != 0 || (double) s * s == a)) {
            return Float.floatToRawIntBits(s);
        }
        return (int) slow(c, SQRT, x, x, true);
    }

    static long add64(Cpu c, long x, long y) {
        double a = d(x);
        double b = d(y);
        double s = a + b;
        long r = Double.doubleToRawLongBits(s);
        if ((c.mxcsr & MODE) == NEAREST
                && plain64(x)
                && plain64(y)
                && (safe64(r) || s == 0)
                && ((c.mxcsr & PE) != 0 || exactSum(a, b, s))) {
            return r;
        }
        return slow(c, ADD, x, y, false);
    }

    /** Knuth's two-sum error is zero; it is exact while nothing overflows. */
    private static boolean exactSum(double a, double b, double s) {
        double bb = s - a;
        return (a - (s - bb)) + (b - bb) == 0;
    }

    static long sub64(Cpu c, long x, long y) {
        double a = d(x);
        double b = d(y);
        double s = a - b;
        long r = Double.doubleToRawLongBits(s);
        if ((c.mxcsr & MODE) == NEAREST
                && plain64(x)
                && plain64(y)
                && (safe64(r) || s == 0)
                && ((c.mxcsr & PE) != 0 || exactSum(a, -b, s))) {
            return r;
        }
        return slow(c, SUB, x, y, false);
    }

    /** True if the error of an operation with this result can be had from one FMA. */
    private static boolean middling(double r) {
        double m = Math.abs(r);
        return m > 0x1p-900 && m < 0x1p900;
    }

    static long mul64(Cpu c, long x, long y) {
        double a = d(x);
        double b = d(y);
        double p = a * b;
        long r = Double.doubleToRawLongBits(p);
        if ((c.mxcsr & MODE) == NEAREST
                && plain64(x)
                && plain64(y)
                && (safe64(r) || a == 0 || b == 0)
                && ((c.mxcsr & PE) != 0 || middling(p) && Math.fma(a, b, -p) == 0)) {
            return r;
        }
        return slow(c, MUL, x, y, false);
    }

    static long div64(Cpu c, long x, long y) {
        double a = d(x);
        double b = d(y);
        long r = Double.doubleToRawLongBits(a / b);
        if ((c.mxcsr & MODE) == NEAREST
                && plain64(x)
                && plain64(y)
                && b != 0
                && (safe64(r) || a == 0)
                && ((c.mxcsr & PE) != 0 || middling(a) && Math.fma(-d(r), b, a) == 0)) {
            return r;
        }
        return slow(c, DIV, x, y, false);
    }

    static long sqrt64(Cpu c, long x) {
        double a = d(x);
        if ((c.mxcsr & MODE) == NEAREST && plain64(x) && a >= 0 && (c.mxcsr & PE) != 0) {
            return Double.doubleToRawLongBits(Math.sqrt(a));
        }
        return slow(c, SQRT, x, x, false);
    }

    // --- arithmetic: exact in any mode
    // ----------------------------------------------------------------

    /**
     * Any operation on any operands. Finite operands are scaled to significands of [1, 2) as
     * doubles; the rounded double result and the sign of its error then say all that rounding to
     * either format in any mode needs to know.
     */
    private static long slow(Cpu c, int op, long x, long y, boolean single) {
        if (single ? isNan32((int) x) || isNan32((int) y) : isNan64(x) || isNan64(y)) {
            return nan(c, x, y, single);
        }
        if ((c.mxcsr & DAZ) != 0) {
            x = single ? daz32(c, (int) x) : daz64(c, x);
            y = single ? daz32(c, (int) y) : daz64(c, y);
        }
        boolean denormal =
                single
                        ? isDenormal32((int) x) || isDenormal32((int) y)
                        : isDenormal64(x) || isDenormal64(y);
        double a = single ? f((int) x) : d(x);
        double b = single ? f((int) y) : d(y);
        int de = denormal ? DE : 0;
        boolean negative = (Double.doubleToRawLongBits(a) ^ Double.doubleToRawLongBits(b)) < 0;
        switch (op) {
            case ADD, SUB -> {
                if (op == SUB) {
                    b = -b;
                }
                if (Double.isInfinite(a) || Double.isInfinite(b)) {
                    if (a == -b) {
                        return invalid(c, single);
                    }
                    c.raised |= de;
                    return infinity(
                            a == Double.NEGATIVE_INFINITY || b == Double.NEGATIVE_INFINITY, single);
                }
                c.raised |= de;
                return sum(c, a, b, single);
            }
            case MUL -> {
                if (Double.isInfinite(a) || Double.isInfinite(b)) {
                    if (a == 0 || b == 0) {
                        return invalid(c, single);
                    }
                    c.raised |= de;
                    return infinity(negative, single);
                }
                c.raised |= de;
                if (a == 0 || b == 0) {
                    return zero(negative, single);
                }
                double m = significand(a);
                double n = significand(b);
                double p = m * n;
                return round(c, negative, exponent(a) + exponent(b), p, Math.fma(m, n, -p), single);
            }
            case DIV -> {
                if (Double.isInfinite(a)) {
                    if (Double.isInfinite(b)) {
                        return invalid(c, single);
                    }
                    c.raised |= de;
                    return infinity(negative, single);
                }
                if (b == 0) {
                    if (a == 0) {
                        return invalid(c, single);
                    }
                    c.raised |= ZE;
                    return infinity(negative, single);
                }
                c.raised |= de;
                if (a == 0 || Double.isInfinite(b)) {
                    return zero(negative, single);
                }
                double m = significand(a);
                double n = significand(b);
                double q = m / n;
                return round(c, negative, exponent(a) - exponent(b), q, Math.fma(-q, n, m), single);
            }
            default -> {
                if (a == 0) {
                    return x;
                }
                if (a < 0) {
                    return invalid(c, single);
                }
                c.raised |= de;
                if (Double.isInfinite(a)) {
                    return x;
                }
                int e = exponent(a);
                double m = significand(a) * (1 + (e & 1));
                double s = Math.sqrt(m);
                return round(c, false, e >> 1, s, Math.fma(-s, s, m), single);
            }
        }
    }

    private static long sum(Cpu c, double a, double b, boolean single) {
        if (a == 0 && b == 0) {
            boolean sameSign = (Double.doubleToRawLongBits(a) ^ Double.doubleToRawLongBits(b)) >= 0;
            return zero(sameSign ? 1 / a < 0 : rounding(c) == 1, single);
        }
        if (a == 0 || b != 0 && exponent(a) < exponent(b)) {
            double t = a;
            a = b;
            b = t;
        }
        double m = Math.copySign(significand(a), a);
        double hi = m;
        double lo = 0;
        if (b != 0) {
            double n = Math.copySign(significand(b), b);
            int apart = exponent(a) - exponent(b);
            if (apart > 120) {
                lo = n;
            } else {
                n = Math.scalb(n, -apart);
                hi = m + n;
                double nn = hi - m;
                lo = (m - (hi - nn)) + (n - nn);
            }
        }
        if (hi == 0) {
            return zero(rounding(c) == 1, single);
        }
        boolean negative = hi < 0;
        return round(c, negative, exponent(a), Math.abs(hi), negative ? -lo : lo, single);
    }

    /** Exponent of a finite number other than 0, denormals too. */
    private static int exponent(double x) {
        int e = Math.getExponent(x);
        return e >= Double.MIN_EXPONENT ? e : Math.getExponent(x * 0x1p54) - 54;
    }

    /** Magnitude of a finite number other than 0 scaled to [1, 2). */
    private static double significand(double x) {
        double normal = Math.getExponent(x) >= Double.MIN_EXPONENT ? x : x * 0x1p54;
        long bits = Double.doubleToRawLongBits(normal);
        return d(bits & 0x000f_ffff_ffff_ffffL | 0x3ff0_0000_0000_0000L);
    }

    /** Rounds (hi + something of the sign of lo, small against hi) times 2 to the exponent. */
    private static long round(
            Cpu c, boolean negative, int exponent, double hi, double lo, boolean single) {
        int e = Math.getExponent(hi);
        long s = (Double.doubleToRawLongBits(hi) & 0x000f_ffff_ffff_ffffL | 1L << 52) << 10;
        if (lo > 0) {
            s |= 1;
        } else if (lo < 0) {
            s--;
            if (s >>> 62 == 0) {
                s = s << 1 | 1;
                e--;
            }
        }
        return round(c, negative, exponent + e, s, single);
    }

    /**
     * Rounds to a format and packs.
     *
     * @param exponent of the leading bit
     * @param s significand with its leading bit at bit 62; bit 0 also stands for all bits below
     */
    static long round(Cpu c, boolean negative, int exponent, long s, boolean single) {
        int drop = single ? 39 : 10;
        int maximum = single ? 127 : 1023;
        int minimum = 1 - maximum;
        int rounding = rounding(c);
        long r = roundOff(s, drop, rounding, negative);
        boolean inexact = (s & (1L << drop) - 1) != 0;
        int e = exponent;
        int bits = 63 - drop;
        if (r >>> bits != 0) {
            r >>>= 1;
            e++;
        }
        if (e > maximum) {
            boolean masked = (c.mxcsr & OE << 7) != 0;
            c.raised |= OE | (masked || inexact ? PE : 0);
            boolean toInfinity = rounding == 0 || rounding == (negative ? 1 : 2);
            return toInfinity ? infinity(negative, single) : infinity(negative, single) - 1;
        }
        if (e < minimum) {
            if ((c.mxcsr & UE << 7) == 0) {
                c.raised |= UE | (inexact ? PE : 0);
                return zero(negative, single);
            }
            if ((c.mxcsr & FTZ) != 0) {
                c.raised |= UE | PE;
                return zero(negative, single);
            }
            int shift = minimum - exponent;
            long t = shift > 62 ? 1 : s >>> shift | ((s & (1L << shift) - 1) != 0 ? 1 : 0);
            if ((t & (1L << drop) - 1) != 0) {
                c.raised |= UE | PE;
            }
            return zero(negative, single) | roundOff(t, drop, rounding, negative);
        }
        if (inexact) {
            c.raised |= PE;
        }
        long biased = e + maximum;
        long fraction = r & (1L << bits - 1) - 1;
        return zero(negative, single) | biased << bits - 1 | fraction;
    }

    private static long roundOff(long s, int drop, int rounding, boolean negative) {
        long rest = s & (1L << drop) - 1;
        long r = s >>> drop;
        long half = 1L << drop - 1;
        boolean up =
                switch (rounding) {
                    case 0 -> rest > half || rest == half && (r & 1) != 0;
                    case 1 -> negative && rest != 0;
                    case 2 -> !negative && rest != 0;
                    default -> false;
                };
        return up ? r + 1 : r;
    }

    private static long zero(boolean negative, boolean single) {
        return negative ? single ? 1L << 31 : Long.MIN_VALUE : 0;
    }

    private static long infinity(boolean negative, boolean single) {
        return zero(negative, single) | (single ? 0x7f80_0000L : 0x7ff0_0000_0000_0000L);
    }

    private static long invalid(Cpu c, boolean single) {
        c.raised |= IE;
        return single ? NAN32 : NAN64;
    }

    /** The first operand that is a NaN, made quiet (SDM volume 1, table 4-7). */
    private static long nan(Cpu c, long x, long y, boolean single) {
        if (single) {
            if (isSignaling32((int) x) || isSignaling32((int) y)) {
                c.raised |= IE;
            }
            return (isNan32((int) x) ? x : y) | 0x40_0000;
        }
        if (isSignaling64(x) || isSignaling64(y)) {
            c.raised |= IE;
        }
        return (isNan64(x) ? x : y) | 1L << 51;
    }

    // --- minimum, maximum, comparison
    // -----------------------------------------------------------------

    /** MIN: the second operand if either is a NaN or both are zeros. */
    static int min32(Cpu c, int x, int y) {
        x = daz32(c, x);
        y = daz32(c, y);
        return relation32(c, x, y, true) == LESS ? x : y;
    }

    static int max32(Cpu c, int x, int y) {
        x = daz32(c, x);
        y = daz32(c, y);
        return relation32(c, x, y, true) == GREATER ? x : y;
    }

    static long min64(Cpu c, long x, long y) {
        x = daz64(c, x);
        y = daz64(c, y);
        return relation64(c, x, y, true) == LESS ? x : y;
    }

    static long max64(Cpu c, long x, long y) {
        x = daz64(c, x);
        y = daz64(c, y);
        return relation64(c, x, y, true) == GREATER ? x : y;
    }

    /** How two numbers compare: one bit each. */
    static final int LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8;

    /** Compares; {@code signaling}: quiet NaNs are invalid too. */
    static int relation32(Cpu c, int x, int y, boolean signaling) {
        if (isNan32(x) || isNan32(y)) {
            if (signaling || isSignaling32(x) || isSignaling32(y)) {
                c.raised |= IE;
            }
            return UNORDERED;
        }
        if (isDenormal32(x) || isDenormal32(y)) {
            if ((c.mxcsr & DAZ) == 0) {
                c.raised |= DE;
            }
            x = daz32(c, x);
            y = daz32(c, y);
        }
        float a = f(x);
        float b = f(y);
        return a < b ? LESS : a > b ? GREATER : EQUAL;
    }

    static int relation64(Cpu c, long x, long y, boolean signaling) {
        if (isNan64(x) || isNan64(y)) {
            if (signaling || isSignaling64(x) || isSignaling64(y)) {
                c.raised |= IE;
            }
            return UNORDERED;
        }
        if (isDenormal64(x) || isDenormal64(y)) {
            if ((c.mxcsr & DAZ) == 0) {
                c.raised |= DE;
            }
            x = daz64(c, x);
            y = daz64(c, y);
        }
        double a = d(x);
        double b = d(y);
        return a < b ? LESS : a > b ? GREATER : EQUAL;
    }

    // --- conversions
    // ----------------------------------------------------------------------------------

    /** Double to single. */
    static int narrow(Cpu c, long x) {
        if (isNan64(x)) {
            if (isSignaling64(x)) {
                c.raised |= IE;
            }
            return (int) (x >>> 32 & 0x8000_0000L) | 0x7fc0_0000 | (int) (x >>> 29) & 0x3f_ffff;
        }
        double a = d(daz64(c, x));
        boolean negative = x < 0;
        if (a == 0) {
            return (int) zero(negative, true);
        }
        if (Double.isInfinite(a)) {
            return (int) infinity(negative, true);
        }
        if (isDenormal64(x)) {
            c.raised |= DE;
        }
        return (int) round(c, negative, exponent(a), significand(a), 0, true);
    }

    /** Single to double. */
    static long widen(Cpu c, int x) {
        if (isNan32(x)) {
            if (isSignaling32(x)) {
                c.raised |= IE;
            }
            return (x & 0x8000_0000L) << 32 | 0x7ff8_0000_0000_0000L | (x & 0x3f_ffffL) << 29;
        }
        if (isDenormal32(x)) {
            if ((c.mxcsr & DAZ) != 0) {
                return (x & 0x8000_0000L) << 32;
            }
            c.raised |= DE;
        }
        return Double.doubleToRawLongBits(f(x));
    }

    /** Integer to single or double. */
    static long fromInteger(Cpu c, long x, boolean single) {
        if (x == 0) {
            return 0;
        }
        boolean negative = x < 0;
        long magnitude = negative ? -x : x;
        int lead = 63 - Long.numberOfLeadingZeros(magnitude);
        long s = lead == 63 ? magnitude >>> 1 : magnitude << 62 - lead;
        return round(c, negative, lead, s, single);
    }

    /** A number rounded to an integer, not yet checked for range; NaNs stay. */
    static double integral(double a, int rounding) {
        return switch (rounding) {
            case 0 -> Math.rint(a);
            case 1 -> Math.floor(a);
            case 2 -> Math.ceil(a);
            default -> a < 0 ? Math.ceil(a) : Math.floor(a);
        };
    }

    /** To a 32-bit integer; 0x80000000 if it does not fit. */
    static int toInt(Cpu c, double a, int rounding) {
        double r = integral(a, rounding);
        if (!(r >= -0x1p31 && r < 0x1p31)) {
            c.raised |= IE;
            return 0x8000_0000;
        }
        if (r != a) {
            c.raised |= PE;
        }
        return (int) r;
    }

    /** To a 64-bit integer; 1 shl 63 if it does not fit. */
    static long toLong(Cpu c, double a, int rounding) {
        double r = integral(a, rounding);
        if (!(r >= -0x1p63 && r < 0x1p63)) {
            c.raised |= IE;
            return Long.MIN_VALUE;
        }
        if (r != a) {
            c.raised |= PE;
        }
        return (long) r;
    }

    /** ROUNDSS: bits 1:0 of the immediate are the mode, 2 takes MXCSR's, 3 suppresses PE. */
    static int round32(Cpu c, int x, int imm) {
        if (isNan32(x)) {
            if (isSignaling32(x)) {
                c.raised |= IE;
            }
            return x | 0x40_0000;
        }
        float a = f(daz32(c, x));
        float r = (float) integral(a, (imm & 4) != 0 ? rounding(c) : imm & 3);
        if (r != a && (imm & 8) == 0) {
            c.raised |= PE;
        }
        return Float.floatToRawIntBits(r) | x & 0x8000_0000;
    }

    /** ROUNDSD. */
    static long round64(Cpu c, long x, int imm) {
        if (isNan64(x)) {
            if (isSignaling64(x)) {
                c.raised |= IE;
            }
            return x | 1L << 51;
        }
        double a = d(daz64(c, x));
        double r = integral(a, (imm & 4) != 0 ? rounding(c) : imm & 3);
        if (r != a && (imm & 8) == 0) {
            c.raised |= PE;
        }
        return Double.doubleToRawLongBits(r) | x & Long.MIN_VALUE;
    }
}
