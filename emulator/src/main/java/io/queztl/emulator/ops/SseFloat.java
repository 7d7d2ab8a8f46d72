package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/**
 * Floating-point arithmetic (SDM volume 1, 10.4 and 11.4): methods for scalars, for one 128-bit
 * lane, and, named {@code …Wide}, for 256 bits. Each computes all elements with Java's arithmetic
 * and writes them if that was all there is to it ({@link ScalarFloat#usual}); else {@link
 * FloatLanes} starts anew.
 */
public final class SseFloat {
    private SseFloat() {}

    private static int low(long q) {
        return (int) q;
    }

    private static int high(long q) {
        return (int) (q >>> 32);
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }

    private static double d(long x) {
        return Double.longBitsToDouble(x);
    }

    private static long bits(double x) {
        return Double.doubleToRawLongBits(x);
    }

    private static float f(int x) {
        return Float.intBitsToFloat(x);
    }

    private static int bits(float x) {
        return Float.floatToRawIntBits(x);
    }

    /** Writes the low doubleword of a lane, the rest from lane a. */
    static void single(long[] v, int d, int a, int result) {
        v[d] = v[a] & 0xffff_ffff_0000_0000L | result & 0xffff_ffffL;
        if (d != a) {
            v[d + 1] = v[a + 1];
        }
    }

    /** Writes the low quadword of a lane, the high one from lane a. */
    static void scalar(long[] v, int d, int a, long result) {
        if (d != a) {
            v[d + 1] = v[a + 1];
        }
        v[d] = result;
    }

    static void write(long[] v, int d, long r0, long r1) {
        v[d] = r0;
        v[d + 1] = r1;
    }

    static void write(long[] v, int d, long r0, long r1, long r2, long r3) {
        v[d] = r0;
        v[d + 1] = r1;
        v[d + 2] = r2;
        v[d + 3] = r3;
    }

    // --- add, subtract, multiply, divide
    // ---------------------------------------------------------------

    private static long add(long x, long y) {
        return bits(d(x) + d(y));
    }

    private static int add(int x, int y) {
        return bits(f(x) + f(y));
    }

    private static long addPair(long x, long y) {
        return pair(add(low(x), low(y)), add(high(x), high(y)));
    }

    /** ADDSD. */
    public static void addsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r = add(v[a], v[b]);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(v[a], v[b], r))) {
            scalar(v, d, a, r);
        } else {
            FloatLanes.scalarDouble(c, ScalarFloat.ADD, d, a, b);
        }
    }

    /** ADDSS. */
    public static void addss(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int x = low(v[a]);
        int y = low(v[b]);
        int r = add(x, y);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(x, y, r))) {
            single(v, d, a, r);
        } else {
            FloatLanes.scalarSingle(c, ScalarFloat.ADD, d, a, b);
        }
    }

    /** ADDPD. */
    public static void addpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = add(v[a], v[b]);
        long r1 = add(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0) | ScalarFloat.unusual(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.doubles(c, ScalarFloat.ADD, d, a, b, false);
        }
    }

    /** VADDPD of 256 bits. */
    public static void addpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = add(v[a], v[b]);
        long r1 = add(v[a + 1], v[b + 1]);
        long r2 = add(v[a + 2], v[b + 2]);
        long r3 = add(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0)
                        | ScalarFloat.unusual(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusual(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusual(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.doubles(c, ScalarFloat.ADD, d, a, b, true);
        }
    }

    /** ADDPS. */
    public static void addps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = addPair(v[a], v[b]);
        long r1 = addPair(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.singles(c, ScalarFloat.ADD, d, a, b, false);
        }
    }

    /** VADDPS of 256 bits. */
    public static void addpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = addPair(v[a], v[b]);
        long r1 = addPair(v[a + 1], v[b + 1]);
        long r2 = addPair(v[a + 2], v[b + 2]);
        long r3 = addPair(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusualPairs(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusualPairs(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.singles(c, ScalarFloat.ADD, d, a, b, true);
        }
    }

    private static long sub(long x, long y) {
        return bits(d(x) - d(y));
    }

    private static int sub(int x, int y) {
        return bits(f(x) - f(y));
    }

    private static long subPair(long x, long y) {
        return pair(sub(low(x), low(y)), sub(high(x), high(y)));
    }

    /** SUBSD. */
    public static void subsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r = sub(v[a], v[b]);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(v[a], v[b], r))) {
            scalar(v, d, a, r);
        } else {
            FloatLanes.scalarDouble(c, ScalarFloat.SUB, d, a, b);
        }
    }

    /** SUBSS. */
    public static void subss(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int x = low(v[a]);
        int y = low(v[b]);
        int r = sub(x, y);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(x, y, r))) {
            single(v, d, a, r);
        } else {
            FloatLanes.scalarSingle(c, ScalarFloat.SUB, d, a, b);
        }
    }

    /** SUBPD. */
    public static void subpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = sub(v[a], v[b]);
        long r1 = sub(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0) | ScalarFloat.unusual(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.doubles(c, ScalarFloat.SUB, d, a, b, false);
        }
    }

    /** VSUBPD of 256 bits. */
    public static void subpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = sub(v[a], v[b]);
        long r1 = sub(v[a + 1], v[b + 1]);
        long r2 = sub(v[a + 2], v[b + 2]);
        long r3 = sub(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0)
                        | ScalarFloat.unusual(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusual(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusual(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.doubles(c, ScalarFloat.SUB, d, a, b, true);
        }
    }

    /** SUBPS. */
    public static void subps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = subPair(v[a], v[b]);
        long r1 = subPair(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.singles(c, ScalarFloat.SUB, d, a, b, false);
        }
    }

    /** VSUBPS of 256 bits. */
    public static void subpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = subPair(v[a], v[b]);
        long r1 = subPair(v[a + 1], v[b + 1]);
        long r2 = subPair(v[a + 2], v[b + 2]);
        long r3 = subPair(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusualPairs(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusualPairs(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.singles(c, ScalarFloat.SUB, d, a, b, true);
        }
    }

    private static long mul(long x, long y) {
        return bits(d(x) * d(y));
    }

    private static int mul(int x, int y) {
        return bits(f(x) * f(y));
    }

    private static long mulPair(long x, long y) {
        return pair(mul(low(x), low(y)), mul(high(x), high(y)));
    }

    /** MULSD. */
    public static void mulsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r = mul(v[a], v[b]);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(v[a], v[b], r))) {
            scalar(v, d, a, r);
        } else {
            FloatLanes.scalarDouble(c, ScalarFloat.MUL, d, a, b);
        }
    }

    /** MULSS. */
    public static void mulss(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int x = low(v[a]);
        int y = low(v[b]);
        int r = mul(x, y);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(x, y, r))) {
            single(v, d, a, r);
        } else {
            FloatLanes.scalarSingle(c, ScalarFloat.MUL, d, a, b);
        }
    }

    /** MULPD. */
    public static void mulpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = mul(v[a], v[b]);
        long r1 = mul(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0) | ScalarFloat.unusual(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.doubles(c, ScalarFloat.MUL, d, a, b, false);
        }
    }

    /** VMULPD of 256 bits. */
    public static void mulpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = mul(v[a], v[b]);
        long r1 = mul(v[a + 1], v[b + 1]);
        long r2 = mul(v[a + 2], v[b + 2]);
        long r3 = mul(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0)
                        | ScalarFloat.unusual(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusual(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusual(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.doubles(c, ScalarFloat.MUL, d, a, b, true);
        }
    }

    /** MULPS. */
    public static void mulps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = mulPair(v[a], v[b]);
        long r1 = mulPair(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.singles(c, ScalarFloat.MUL, d, a, b, false);
        }
    }

    /** VMULPS of 256 bits. */
    public static void mulpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = mulPair(v[a], v[b]);
        long r1 = mulPair(v[a + 1], v[b + 1]);
        long r2 = mulPair(v[a + 2], v[b + 2]);
        long r3 = mulPair(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusualPairs(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusualPairs(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.singles(c, ScalarFloat.MUL, d, a, b, true);
        }
    }

    private static long div(long x, long y) {
        return bits(d(x) / d(y));
    }

    private static int div(int x, int y) {
        return bits(f(x) / f(y));
    }

    private static long divPair(long x, long y) {
        return pair(div(low(x), low(y)), div(high(x), high(y)));
    }

    /** DIVSD. */
    public static void divsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r = div(v[a], v[b]);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(v[a], v[b], r))) {
            scalar(v, d, a, r);
        } else {
            FloatLanes.scalarDouble(c, ScalarFloat.DIV, d, a, b);
        }
    }

    /** DIVSS. */
    public static void divss(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int x = low(v[a]);
        int y = low(v[b]);
        int r = div(x, y);
        if (ScalarFloat.usual(c, ScalarFloat.unusual(x, y, r))) {
            single(v, d, a, r);
        } else {
            FloatLanes.scalarSingle(c, ScalarFloat.DIV, d, a, b);
        }
    }

    /** DIVPD. */
    public static void divpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = div(v[a], v[b]);
        long r1 = div(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0) | ScalarFloat.unusual(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.doubles(c, ScalarFloat.DIV, d, a, b, false);
        }
    }

    /** VDIVPD of 256 bits. */
    public static void divpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = div(v[a], v[b]);
        long r1 = div(v[a + 1], v[b + 1]);
        long r2 = div(v[a + 2], v[b + 2]);
        long r3 = div(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusual(v[a], v[b], r0)
                        | ScalarFloat.unusual(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusual(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusual(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.doubles(c, ScalarFloat.DIV, d, a, b, true);
        }
    }

    /** DIVPS. */
    public static void divps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = divPair(v[a], v[b]);
        long r1 = divPair(v[a + 1], v[b + 1]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.singles(c, ScalarFloat.DIV, d, a, b, false);
        }
    }

    /** VDIVPS of 256 bits. */
    public static void divpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = divPair(v[a], v[b]);
        long r1 = divPair(v[a + 1], v[b + 1]);
        long r2 = divPair(v[a + 2], v[b + 2]);
        long r3 = divPair(v[a + 3], v[b + 3]);
        long unusual =
                ScalarFloat.unusualPairs(v[a], v[b], r0)
                        | ScalarFloat.unusualPairs(v[a + 1], v[b + 1], r1)
                        | ScalarFloat.unusualPairs(v[a + 2], v[b + 2], r2)
                        | ScalarFloat.unusualPairs(v[a + 3], v[b + 3], r3);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.singles(c, ScalarFloat.DIV, d, a, b, true);
        }
    }

    // --- square roots
    // ---------------------------------------------------------------------------------

    private static long sqrt(long x) {
        return bits(Math.sqrt(d(x)));
    }

    /** By way of a double, which rounds to the same single: 53 >= 2 * 24 + 2. */
    private static int sqrt(int x) {
        return bits((float) Math.sqrt(f(x)));
    }

    private static long sqrtPair(long x) {
        return pair(sqrt(low(x)), sqrt(high(x)));
    }

    /** SQRTSD. */
    public static void sqrtsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r = sqrt(v[b]);
        if (ScalarFloat.usual(c, ScalarFloat.denormal(v[b]) | ScalarFloat.extreme(r))) {
            scalar(v, d, a, r);
        } else {
            FloatLanes.scalarDouble(c, ScalarFloat.SQRT, d, a, b);
        }
    }

    /** SQRTSS. */
    public static void sqrtss(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int x = low(v[b]);
        int r = sqrt(x);
        if (ScalarFloat.usual(c, ScalarFloat.denormal(x) | ScalarFloat.extreme(r))) {
            single(v, d, a, r);
        } else {
            FloatLanes.scalarSingle(c, ScalarFloat.SQRT, d, a, b);
        }
    }

    /** SQRTPD. */
    public static void sqrtpd(Cpu c, int d, int b) {
        long[] v = c.vec;
        long r0 = sqrt(v[b]);
        long r1 = sqrt(v[b + 1]);
        long unusual =
                ScalarFloat.denormal(v[b])
                        | ScalarFloat.denormal(v[b + 1])
                        | ScalarFloat.extreme(r0)
                        | ScalarFloat.extreme(r1);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.doubles(c, ScalarFloat.SQRT, d, b, b, false);
        }
    }

    /** VSQRTPD of 256 bits. */
    public static void sqrtpdWide(Cpu c, int d, int b) {
        long[] v = c.vec;
        long r0 = sqrt(v[b]);
        long r1 = sqrt(v[b + 1]);
        long r2 = sqrt(v[b + 2]);
        long r3 = sqrt(v[b + 3]);
        long unusual =
                ScalarFloat.denormal(v[b])
                        | ScalarFloat.denormal(v[b + 1])
                        | ScalarFloat.denormal(v[b + 2])
                        | ScalarFloat.denormal(v[b + 3])
                        | ScalarFloat.extreme(r0)
                        | ScalarFloat.extreme(r1)
                        | ScalarFloat.extreme(r2)
                        | ScalarFloat.extreme(r3);
        if (ScalarFloat.usual(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.doubles(c, ScalarFloat.SQRT, d, b, b, true);
        }
    }

    /** SQRTPS. */
    public static void sqrtps(Cpu c, int d, int b) {
        long[] v = c.vec;
        long r0 = sqrtPair(v[b]);
        long r1 = sqrtPair(v[b + 1]);
        long unusual =
                ScalarFloat.denormals(v[b])
                        | ScalarFloat.denormals(v[b + 1])
                        | ScalarFloat.extremes(r0)
                        | ScalarFloat.extremes(r1);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1);
        } else {
            FloatLanes.singles(c, ScalarFloat.SQRT, d, b, b, false);
        }
    }

    /** VSQRTPS of 256 bits. */
    public static void sqrtpsWide(Cpu c, int d, int b) {
        long[] v = c.vec;
        long r0 = sqrtPair(v[b]);
        long r1 = sqrtPair(v[b + 1]);
        long r2 = sqrtPair(v[b + 2]);
        long r3 = sqrtPair(v[b + 3]);
        long unusual =
                ScalarFloat.denormals(v[b])
                        | ScalarFloat.denormals(v[b + 1])
                        | ScalarFloat.denormals(v[b + 2])
                        | ScalarFloat.denormals(v[b + 3])
                        | ScalarFloat.extremes(r0)
                        | ScalarFloat.extremes(r1)
                        | ScalarFloat.extremes(r2)
                        | ScalarFloat.extremes(r3);
        if (ScalarFloat.usualPairs(c, unusual)) {
            write(v, d, r0, r1, r2, r3);
        } else {
            FloatLanes.singles(c, ScalarFloat.SQRT, d, b, b, true);
        }
    }

    // --- approximations
    // -------------------------------------------------------------------------------

    /** RCPPS: an approximation, correct to 12 bits here; the SDM asks for 1.5 * 2^-12. */
    public static void rcpps(Cpu c, int d, int b) {
        long[] v = c.vec;
        long q = v[b + 1];
        v[d] = pair(reciprocal(low(v[b])), reciprocal(high(v[b])));
        v[d + 1] = pair(reciprocal(low(q)), reciprocal(high(q)));
    }

    /** RCPSS. */
    public static void rcpss(Cpu c, int d, int a, int b) {
        single(c.vec, d, a, reciprocal(low(c.vec[b])));
    }

    /** RSQRTPS. */
    public static void rsqrtps(Cpu c, int d, int b) {
        long[] v = c.vec;
        long q = v[b + 1];
        v[d] = pair(reciprocalRoot(low(v[b])), reciprocalRoot(high(v[b])));
        v[d + 1] = pair(reciprocalRoot(low(q)), reciprocalRoot(high(q)));
    }

    /** RSQRTSS. */
    public static void rsqrtss(Cpu c, int d, int a, int b) {
        single(c.vec, d, a, reciprocalRoot(low(c.vec[b])));
    }

    /** Neither looks at MXCSR nor raises anything; denormals count as zeros, both ways. */
    private static int reciprocal(int x) {
        int sign = x & 0x8000_0000;
        if (ScalarFloat.isNan32(x)) {
            return x | 0x40_0000;
        }
        if ((x & 0x7f80_0000) == 0) {
            return sign | 0x7f80_0000;
        }
        if ((x & 0x7fff_ffff) >= 0x7e80_0000) {
            return sign;
        }
        return shorten(Float.floatToRawIntBits((float) (1.0 / Float.intBitsToFloat(x))));
    }

    private static int reciprocalRoot(int x) {
        if (ScalarFloat.isNan32(x)) {
            return x | 0x40_0000;
        }
        if ((x & 0x7f80_0000) == 0) {
            return x & 0x8000_0000 | 0x7f80_0000;
        }
        if (x < 0) {
            return ScalarFloat.NAN32;
        }
        double root = Math.sqrt(Float.intBitsToFloat(x));
        return shorten(Float.floatToRawIntBits((float) (1.0 / root)));
    }

    private static int shorten(int x) {
        return x + 0x400 & ~0x7ff;
    }
}
