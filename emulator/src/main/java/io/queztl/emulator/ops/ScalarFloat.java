package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.fpu.Float32;
import io.queztl.emulator.fpu.Float64;
import io.queztl.emulator.fpu.FloatStatus;

/**
 * IEEE 754 arithmetic of one element under MXCSR (SDM volume 1, 11.5), results and exception flags
 * exact, in three layers. {@link SseFloat} and its kin compute with Java's arithmetic and look here
 * whether that was all ({@link #usual}); else they take the elements one by one ({@link #add64} …),
 * where Java's arithmetic still serves if it can be seen that no flag changes; the rest is package
 * {@code fpu}. Flags gather in {@link Cpu#raised} until {@link #raise}.
 */
final class ScalarFloat {
    /** MXCSR exception flags. */
    static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;

    /** MXCSR: denormals are zeros. */
    static final int DAZ = 1 << 6;

    /** MXCSR: rounding to nearest, inexactness masked. */
    private static final int MODE = 0x7000;

    private static final int NEAREST = 0x1000;

    /** Default NaNs. */
    static final int NAN32 = 0xFFC0_0000;

    static final long NAN64 = 0xFFF8_0000_0000_0000L;

    /** Operations. */
    static final int ADD = 0, SUB = 1, MUL = 2, DIV = 3, SQRT = 4;

    private static final long SIGNS = 0x8000_0000_8000_0000L;
    private static final long MAGNITUDES = 0x7fff_ffff_7fff_ffffL;

    private ScalarFloat() {}

    // --- the usual case
    // -------------------------------------------------------------------------------

    /**
     * True if Java's result is the instruction's and no flag changes: rounding is to nearest, PE is
     * masked and already set, no operand is a denormal and no result is anything but an ordinary
     * number. The operands then are ordinary numbers or zeros too, and neither DAZ nor FTZ matters.
     *
     * @param unusual {@link #denormal} of all operands and {@link #extreme} of all results, ORed
     */
    static boolean usual(Cpu c, long unusual) {
        return (c.mxcsr & (MODE | PE)) == (NEAREST | PE) && unusual >= 0;
    }

    /** As {@link #usual}, for pairs of singles. */
    static boolean usualPairs(Cpu c, long unusual) {
        return (c.mxcsr & (MODE | PE)) == (NEAREST | PE) && (unusual & SIGNS) == 0;
    }

    /** Negative if a double is a denormal; also for the smallest normal number. */
    static long denormal(long x) {
        return ((x << 1) - 1 >>> 53) - 1;
    }

    /** Negative if a double is no normal number or its exponent is one of the outermost. */
    static long extreme(long r) {
        return ((r >>> 52) + 2 & 0x7fc) - 1;
    }

    /** Negative if a single is a denormal; also for the smallest normal number. */
    static int denormal(int x) {
        return ((x << 1) - 1 >>> 24) - 1;
    }

    /** Negative if a single is no normal number or its exponent is one of the outermost. */
    static int extreme(int r) {
        return ((r >>> 23) + 2 & 0xfc) - 1;
    }

    /** {@link #denormal} of operands and {@link #extreme} of the result. */
    static long unusual(long x, long y, long r) {
        return denormal(x) | denormal(y) | extreme(r);
    }

    static int unusual(int x, int y, int r) {
        return denormal(x) | denormal(y) | extreme(r);
    }

    /** Sign bits of the singles of a quadword that are denormals; other bits mean nothing. */
    static long denormals(long q) {
        long m = q & MAGNITUDES;
        return m + MAGNITUDES & ~(m + 0x7f80_0000_7f80_0000L);
    }

    /** Sign bits of the singles that are no normal numbers or have the outermost exponents. */
    static long extremes(long q) {
        long m = q & MAGNITUDES;
        return m + 0x0100_0000_0100_0000L | ~(m + 0x7f00_0000_7f00_0000L);
    }

    static long unusualPairs(long x, long y, long r) {
        return denormals(x) | denormals(y) | extremes(r);
    }

    /** Negative if a double is a denormal or a NaN. */
    private static long odd(long x) {
        return denormal(x) | (x & Long.MAX_VALUE) + 0x000f_ffff_ffff_ffffL;
    }

    private static int odd(int x) {
        return denormal(x) | (x & Integer.MAX_VALUE) + 0x007f_ffff;
    }

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

    // --- arithmetic: elements one by one
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
        return exact32(c, ADD, x, y);
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
        return exact32(c, SUB, x, y);
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
        return exact32(c, MUL, x, y);
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
        return exact32(c, DIV, x, y);
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
        return exact32(c, SQRT, x, x);
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
        return exact64(c, ADD, x, y);
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
        return exact64(c, SUB, x, y);
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
        return exact64(c, MUL, x, y);
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
        return exact64(c, DIV, x, y);
    }

    static long sqrt64(Cpu c, long x) {
        double a = d(x);
        if ((c.mxcsr & MODE) == NEAREST && plain64(x) && a >= 0 && (c.mxcsr & PE) != 0) {
            return Double.doubleToRawLongBits(Math.sqrt(a));
        }
        return exact64(c, SQRT, x, x);
    }

    /** One of the operations, on doubles. */
    static long apply64(Cpu c, int op, long x, long y) {
        return switch (op) {
            case ADD -> add64(c, x, y);
            case SUB -> sub64(c, x, y);
            case MUL -> mul64(c, x, y);
            case DIV -> div64(c, x, y);
            default -> sqrt64(c, y);
        };
    }

    /** One of the operations, on singles. */
    static int apply32(Cpu c, int op, int x, int y) {
        return switch (op) {
            case ADD -> add32(c, x, y);
            case SUB -> sub32(c, x, y);
            case MUL -> mul32(c, x, y);
            case DIV -> div32(c, x, y);
            default -> sqrt32(c, y);
        };
    }

    private static long exact64(Cpu c, int op, long x, long y) {
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long r =
                switch (op) {
                    case ADD -> Float64.add(s, x, y);
                    case SUB -> Float64.subtract(s, x, y);
                    case MUL -> Float64.multiply(s, x, y);
                    case DIV -> Float64.divide(s, x, y);
                    default -> Float64.squareRoot(s, x);
                };
        c.raised |= s.flags;
        return r;
    }

    private static int exact32(Cpu c, int op, int x, int y) {
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        int r =
                switch (op) {
                    case ADD -> Float32.add(s, x, y);
                    case SUB -> Float32.subtract(s, x, y);
                    case MUL -> Float32.multiply(s, x, y);
                    case DIV -> Float32.divide(s, x, y);
                    default -> Float32.squareRoot(s, x);
                };
        c.raised |= s.flags;
        return r;
    }

    /** x × y + z; bit 0 of the signs negates the product, bit 1 the addend. */
    static long fma64(Cpu c, long x, long y, long z, int signs) {
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long r = Float64.fma(s, x, y, z, (signs & 1) != 0, (signs & 2) != 0);
        c.raised |= s.flags;
        return r;
    }

    /** x × y + z; bit 0 of the signs negates the product, bit 1 the addend. */
    static int fma32(Cpu c, int x, int y, int z, int signs) {
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        int r = Float32.fma(s, x, y, z, (signs & 1) != 0, (signs & 2) != 0);
        c.raised |= s.flags;
        return r;
    }

    // --- minimum, maximum, comparison
    // -----------------------------------------------------------------

    /** MIN: the second operand if either is a NaN or both are zeros. */
    static int min32(Cpu c, int x, int y) {
        if ((odd(x) | odd(y)) >= 0) {
            return f(x) < f(y) ? x : y;
        }
        return oddRelation32(c, x, y, true) == LESS ? daz32(c, x) : daz32(c, y);
    }

    static int max32(Cpu c, int x, int y) {
        if ((odd(x) | odd(y)) >= 0) {
            return f(x) > f(y) ? x : y;
        }
        return oddRelation32(c, x, y, true) == GREATER ? daz32(c, x) : daz32(c, y);
    }

    static long min64(Cpu c, long x, long y) {
        if ((odd(x) | odd(y)) >= 0) {
            return d(x) < d(y) ? x : y;
        }
        return oddRelation64(c, x, y, true) == LESS ? daz64(c, x) : daz64(c, y);
    }

    static long max64(Cpu c, long x, long y) {
        if ((odd(x) | odd(y)) >= 0) {
            return d(x) > d(y) ? x : y;
        }
        return oddRelation64(c, x, y, true) == GREATER ? daz64(c, x) : daz64(c, y);
    }

    /** How two numbers compare: one bit each. */
    static final int LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8;

    /** Compares; {@code signaling}: quiet NaNs are invalid too. */
    static int relation32(Cpu c, int x, int y, boolean signaling) {
        if ((odd(x) | odd(y)) < 0) {
            return oddRelation32(c, x, y, signaling);
        }
        return f(x) < f(y) ? LESS : f(x) > f(y) ? GREATER : EQUAL;
    }

    static int relation64(Cpu c, long x, long y, boolean signaling) {
        if ((odd(x) | odd(y)) < 0) {
            return oddRelation64(c, x, y, signaling);
        }
        return d(x) < d(y) ? LESS : d(x) > d(y) ? GREATER : EQUAL;
    }

    /** With a NaN or a denormal. */
    private static int oddRelation32(Cpu c, int x, int y, boolean signaling) {
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

    private static int oddRelation64(Cpu c, long x, long y, boolean signaling) {
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
        int r = Float.floatToRawIntBits((float) d(x));
        if (usual(c, denormal(x) | extreme(r)) || x == 0) {
            return r;
        }
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        r = Float32.fromFloat64(s, x);
        c.raised |= s.flags;
        return r;
    }

    /** Single to double. */
    static long widen(Cpu c, int x) {
        return odd(x) >= 0 ? Double.doubleToRawLongBits(f(x)) : oddWiden(c, x);
    }

    private static long oddWiden(Cpu c, int x) {
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

    /** Integer to single. */
    static int singleOf(Cpu c, long x) {
        if (usual(c, 0)) {
            return Float.floatToRawIntBits((float) x);
        }
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        int r = Float32.fromInteger(s, x);
        c.raised |= s.flags;
        return r;
    }

    /** Integer to double. */
    static long doubleOf(Cpu c, long x) {
        if ((int) x == x || usual(c, 0)) {
            return Double.doubleToRawLongBits((double) x);
        }
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long r = Float64.fromInteger(s, x);
        c.raised |= s.flags;
        return r;
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

    /** Rounding to zero, whatever MXCSR says. */
    static final int TRUNCATE = 3;

    /** To a 32-bit integer; 0x80000000 if it does not fit. */
    static int toInt(Cpu c, double a, int rounding) {
        if (usual(c, 0) && Math.abs(a) < 0x1p31 - 1) {
            return (int) (rounding == TRUNCATE ? a : Math.rint(a));
        }
        return toIntSlow(c, a, rounding);
    }

    private static int toIntSlow(Cpu c, double a, int rounding) {
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
        if (usual(c, 0) && Math.abs(a) < 0x1p63) {
            return (long) (rounding == TRUNCATE ? a : Math.rint(a));
        }
        return toLongSlow(c, a, rounding);
    }

    private static long toLongSlow(Cpu c, double a, int rounding) {
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
