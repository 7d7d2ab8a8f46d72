package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/**
 * Conversions between floating-point formats and integers, and rounding to integers (SDM volume 1,
 * 11.4.1.6 and 12.5): elements through {@link ScalarFloat}, exceptions raised once before anything
 * is written.
 */
public final class SseConvert {
    /** Rounding to zero, whatever MXCSR says. */
    static final int TRUNCATE = 3;

    private SseConvert() {}

    private static int low(long q) {
        return (int) q;
    }

    private static int high(long q) {
        return (int) (q >>> 32);
    }

    private static long pair(long low, long high) {
        return low & 0xffff_ffffL | high << 32;
    }

    private static double value32(Cpu c, int x) {
        return Float.intBitsToFloat(ScalarFloat.daz32(c, x));
    }

    private static double value64(Cpu c, long x) {
        return Double.longBitsToDouble(ScalarFloat.daz64(c, x));
    }

    private static void single(long[] v, int d, int a, long result) {
        v[d] = v[a] & 0xffff_ffff_0000_0000L | result & 0xffff_ffffL;
        v[d + 1] = v[a + 1];
    }

    private static void scalar(long[] v, int d, int a, long result) {
        long high = v[a + 1];
        v[d] = result;
        v[d + 1] = high;
    }

    // --- general registers
    // ------------------------------------------------------------------------------

    private static long integer(Cpu c, Insn i) {
        return (i.rex & 8) != 0 ? SseMove.general(c, i, 8, 8) : (int) SseMove.general(c, i, 4, 4);
    }

    /** CVTSI2SS. */
    public static void cvtsi2ss(Cpu c, Insn i) {
        long r = ScalarFloat.fromInteger(c, integer(c, i), true);
        ScalarFloat.raise(c);
        int d = SseMove.reg(i);
        single(c.vec, d, i.vex ? i.vvvv * Cpu.VEC_STRIDE : d, r);
    }

    /** CVTSI2SD. */
    public static void cvtsi2sd(Cpu c, Insn i) {
        long x = integer(c, i);
        // 32-bit integers, and most others, are exact.
        long r =
                (int) x == x
                        ? Double.doubleToRawLongBits((int) x)
                        : ScalarFloat.fromInteger(c, x, false);
        ScalarFloat.raise(c);
        int d = SseMove.reg(i);
        scalar(c.vec, d, i.vex ? i.vvvv * Cpu.VEC_STRIDE : d, r);
    }

    private static void toInteger(Cpu c, Insn i, double value, int rounding) {
        long r =
                (i.rex & 8) != 0
                        ? ScalarFloat.toLong(c, value, rounding)
                        : ScalarFloat.toInt(c, value, rounding) & 0xffff_ffffL;
        ScalarFloat.raise(c);
        c.r[i.reg] = r;
    }

    /** CVTSS2SI. */
    public static void cvtss2si(Cpu c, Insn i) {
        int x = low(c.vec[SseMove.source(c, i, 4)]);
        toInteger(c, i, value32(c, x), ScalarFloat.rounding(c));
    }

    /** CVTTSS2SI. */
    public static void cvttss2si(Cpu c, Insn i) {
        toInteger(c, i, value32(c, low(c.vec[SseMove.source(c, i, 4)])), TRUNCATE);
    }

    /** CVTSD2SI. */
    public static void cvtsd2si(Cpu c, Insn i) {
        long x = c.vec[SseMove.source(c, i, 8)];
        toInteger(c, i, value64(c, x), ScalarFloat.rounding(c));
    }

    /** CVTTSD2SI. */
    public static void cvttsd2si(Cpu c, Insn i) {
        toInteger(c, i, value64(c, c.vec[SseMove.source(c, i, 8)]), TRUNCATE);
    }

    // --- between formats
    // --------------------------------------------------------------------------------

    /** CVTSS2SD. */
    public static void cvtss2sd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.widen(c, low(c.vec[b]));
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** CVTSD2SS. */
    public static void cvtsd2ss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.narrow(c, c.vec[b]);
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** CVTPS2PD. */
    public static void cvtps2pd(Cpu c, int d, int b) {
        long q = c.vec[b];
        long r0 = ScalarFloat.widen(c, low(q));
        long r1 = ScalarFloat.widen(c, high(q));
        ScalarFloat.raise(c);
        c.vec[d] = r0;
        c.vec[d + 1] = r1;
    }

    /** CVTPD2PS: the high quadword becomes 0. */
    public static void cvtpd2ps(Cpu c, int d, int b) {
        int r0 = ScalarFloat.narrow(c, c.vec[b]);
        int r1 = ScalarFloat.narrow(c, c.vec[b + 1]);
        ScalarFloat.raise(c);
        c.vec[d] = pair(r0, r1);
        c.vec[d + 1] = 0;
    }

    // --- packed integers
    // --------------------------------------------------------------------------------

    /** CVTDQ2PS. */
    public static void cvtdq2ps(Cpu c, int d, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.fromInteger(c, low(v[b]), true);
        long r1 = ScalarFloat.fromInteger(c, high(v[b]), true);
        long r2 = ScalarFloat.fromInteger(c, low(v[b + 1]), true);
        long r3 = ScalarFloat.fromInteger(c, high(v[b + 1]), true);
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** CVTDQ2PD: always exact. */
    public static void cvtdq2pd(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = Double.doubleToRawLongBits(low(q));
        c.vec[d + 1] = Double.doubleToRawLongBits(high(q));
    }

    /** CVTPS2DQ. */
    public static void cvtps2dq(Cpu c, int d, int b) {
        singlesToIntegers(c, d, b, ScalarFloat.rounding(c));
    }

    /** CVTTPS2DQ. */
    public static void cvttps2dq(Cpu c, int d, int b) {
        singlesToIntegers(c, d, b, TRUNCATE);
    }

    private static void singlesToIntegers(Cpu c, int d, int b, int rounding) {
        long[] v = c.vec;
        int r0 = ScalarFloat.toInt(c, value32(c, low(v[b])), rounding);
        int r1 = ScalarFloat.toInt(c, value32(c, high(v[b])), rounding);
        int r2 = ScalarFloat.toInt(c, value32(c, low(v[b + 1])), rounding);
        int r3 = ScalarFloat.toInt(c, value32(c, high(v[b + 1])), rounding);
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** CVTPD2DQ: the high quadword becomes 0. */
    public static void cvtpd2dq(Cpu c, int d, int b) {
        doublesToIntegers(c, d, b, ScalarFloat.rounding(c));
    }

    /** CVTTPD2DQ. */
    public static void cvttpd2dq(Cpu c, int d, int b) {
        doublesToIntegers(c, d, b, TRUNCATE);
    }

    private static void doublesToIntegers(Cpu c, int d, int b, int rounding) {
        c.vec[d] = doublesToIntegers(c, b, rounding);
        c.vec[d + 1] = 0;
    }

    /** Two doublewords from the two doubles of lane b. */
    static long doublesToIntegers(Cpu c, int b, int rounding) {
        int r0 = ScalarFloat.toInt(c, value64(c, c.vec[b]), rounding);
        int r1 = ScalarFloat.toInt(c, value64(c, c.vec[b + 1]), rounding);
        ScalarFloat.raise(c);
        return pair(r0, r1);
    }

    // --- two elements, for MMX
    // ----------------------------------------------------------------------

    /** Two doublewords from two singles. */
    static long singlesToIntegers(Cpu c, long b, int rounding) {
        int r0 = ScalarFloat.toInt(c, value32(c, low(b)), rounding);
        int r1 = ScalarFloat.toInt(c, value32(c, high(b)), rounding);
        ScalarFloat.raise(c);
        return pair(r0, r1);
    }

    /** Two singles from two doublewords. */
    static long integersToSingles(Cpu c, long b) {
        long r0 = ScalarFloat.fromInteger(c, low(b), true);
        long r1 = ScalarFloat.fromInteger(c, high(b), true);
        ScalarFloat.raise(c);
        return pair(r0, r1);
    }

    // --- rounding
    // -----------------------------------------------------------------------------------------

    /** ROUNDPS. */
    public static void roundps(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        int r0 = ScalarFloat.round32(c, low(v[b]), imm);
        int r1 = ScalarFloat.round32(c, high(v[b]), imm);
        int r2 = ScalarFloat.round32(c, low(v[b + 1]), imm);
        int r3 = ScalarFloat.round32(c, high(v[b + 1]), imm);
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** ROUNDPD. */
    public static void roundpd(Cpu c, int d, int b, int imm) {
        long r0 = ScalarFloat.round64(c, c.vec[b], imm);
        long r1 = ScalarFloat.round64(c, c.vec[b + 1], imm);
        ScalarFloat.raise(c);
        c.vec[d] = r0;
        c.vec[d + 1] = r1;
    }

    /** ROUNDSS. */
    public static void roundss(Cpu c, int d, int a, int b, int imm) {
        int r = ScalarFloat.round32(c, low(c.vec[b]), imm);
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** ROUNDSD. */
    public static void roundsd(Cpu c, int d, int a, int b, int imm) {
        long r = ScalarFloat.round64(c, c.vec[b], imm);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }
}
