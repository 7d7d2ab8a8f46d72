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
    static final int TRUNCATE = ScalarFloat.TRUNCATE;

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

    // --- general registers
    // ------------------------------------------------------------------------------

    private static long integer(Cpu c, Insn i) {
        return (i.rex & 8) != 0 ? SseMove.general(c, i, 8, 8) : (int) SseMove.general(c, i, 4, 4);
    }

    private static int first(Insn i, int d) {
        return i.vex ? i.vvvv * Cpu.VEC_STRIDE : d;
    }

    /** CVTSI2SS. */
    public static void cvtsi2ss(Cpu c, Insn i) {
        int d = SseMove.reg(i);
        cvtsi2ss(c, d, first(i, d), integer(c, i));
    }

    /** CVTSI2SS of a sign-extended integer; d and a index {@link Cpu#vec}. */
    public static void cvtsi2ss(Cpu c, int d, int a, long value) {
        int r = ScalarFloat.singleOf(c, value);
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
    }

    /** CVTSI2SD. */
    public static void cvtsi2sd(Cpu c, Insn i) {
        int d = SseMove.reg(i);
        cvtsi2sd(c, d, first(i, d), integer(c, i));
    }

    /** CVTSI2SD of a sign-extended integer; d and a index {@link Cpu#vec}. */
    public static void cvtsi2sd(Cpu c, int d, int a, long value) {
        long r = ScalarFloat.doubleOf(c, value);
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }

    private static int size(Insn i) {
        return (i.rex & 8) != 0 ? 8 : 4;
    }

    private static long toInteger(Cpu c, double value, int size, int rounding) {
        long r =
                size == 8
                        ? ScalarFloat.toLong(c, value, rounding)
                        : ScalarFloat.toInt(c, value, rounding) & 0xffff_ffffL;
        ScalarFloat.raise(c);
        return r;
    }

    /** CVTSS2SI. */
    public static void cvtss2si(Cpu c, Insn i) {
        c.r[i.reg] = cvtss2si(c, SseMove.source(c, i, 4), size(i));
    }

    /** CVTSS2SI of an element of {@link Cpu#vec} to an integer of 4 (zero-extended) or 8 bytes. */
    public static long cvtss2si(Cpu c, int b, int size) {
        return toInteger(c, value32(c, low(c.vec[b])), size, ScalarFloat.rounding(c));
    }

    /** CVTTSS2SI. */
    public static void cvttss2si(Cpu c, Insn i) {
        c.r[i.reg] = cvttss2si(c, SseMove.source(c, i, 4), size(i));
    }

    /** CVTTSS2SI, as {@link #cvtss2si(Cpu, int, int)}. */
    public static long cvttss2si(Cpu c, int b, int size) {
        return toInteger(c, value32(c, low(c.vec[b])), size, TRUNCATE);
    }

    /** CVTSD2SI. */
    public static void cvtsd2si(Cpu c, Insn i) {
        c.r[i.reg] = cvtsd2si(c, SseMove.source(c, i, 8), size(i));
    }

    /** CVTSD2SI, as {@link #cvtss2si(Cpu, int, int)}. */
    public static long cvtsd2si(Cpu c, int b, int size) {
        return toInteger(c, value64(c, c.vec[b]), size, ScalarFloat.rounding(c));
    }

    /** CVTTSD2SI. */
    public static void cvttsd2si(Cpu c, Insn i) {
        c.r[i.reg] = cvttsd2si(c, SseMove.source(c, i, 8), size(i));
    }

    /** CVTTSD2SI, as {@link #cvtss2si(Cpu, int, int)}. */
    public static long cvttsd2si(Cpu c, int b, int size) {
        return toInteger(c, value64(c, c.vec[b]), size, TRUNCATE);
    }

    // --- between formats
    // --------------------------------------------------------------------------------

    /** CVTSS2SD. */
    public static void cvtss2sd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.widen(c, low(c.vec[b]));
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }

    /** CVTSD2SS. */
    public static void cvtsd2ss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.narrow(c, c.vec[b]);
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
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
        long r0 = singles(c, v[b]);
        long r1 = singles(c, v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VCVTDQ2PS of 256 bits. */
    public static void cvtdq2psWide(Cpu c, int d, int b) {
        long[] v = c.vec;
        long r0 = singles(c, v[b]);
        long r1 = singles(c, v[b + 1]);
        long r2 = singles(c, v[b + 2]);
        long r3 = singles(c, v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    private static long singles(Cpu c, long q) {
        return pair(ScalarFloat.singleOf(c, low(q)), ScalarFloat.singleOf(c, high(q)));
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

    /** VCVTPS2DQ of 256 bits. */
    public static void cvtps2dqWide(Cpu c, int d, int b) {
        singlesToIntegersWide(c, d, b, ScalarFloat.rounding(c));
    }

    /** VCVTTPS2DQ of 256 bits. */
    public static void cvttps2dqWide(Cpu c, int d, int b) {
        singlesToIntegersWide(c, d, b, TRUNCATE);
    }

    private static void singlesToIntegers(Cpu c, int d, int b, int rounding) {
        long[] v = c.vec;
        long r0 = integers(c, v[b], rounding);
        long r1 = integers(c, v[b + 1], rounding);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    private static void singlesToIntegersWide(Cpu c, int d, int b, int rounding) {
        long[] v = c.vec;
        long r0 = integers(c, v[b], rounding);
        long r1 = integers(c, v[b + 1], rounding);
        long r2 = integers(c, v[b + 2], rounding);
        long r3 = integers(c, v[b + 3], rounding);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    private static long integers(Cpu c, long q, int rounding) {
        int low = ScalarFloat.toInt(c, value32(c, low(q)), rounding);
        return pair(low, ScalarFloat.toInt(c, value32(c, high(q)), rounding));
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
        long r = integers(c, b, rounding);
        ScalarFloat.raise(c);
        return r;
    }

    /** Two singles from two doublewords. */
    static long integersToSingles(Cpu c, long b) {
        long r = singles(c, b);
        ScalarFloat.raise(c);
        return r;
    }

    // --- rounding
    // -----------------------------------------------------------------------------------------

    private static long roundPair(Cpu c, long q, int imm) {
        int low = ScalarFloat.round32(c, low(q), imm);
        return pair(low, ScalarFloat.round32(c, high(q), imm));
    }

    /** ROUNDPS. */
    public static void roundps(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long r0 = roundPair(c, v[b], imm);
        long r1 = roundPair(c, v[b + 1], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VROUNDPS of 256 bits. */
    public static void roundpsWide(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long r0 = roundPair(c, v[b], imm);
        long r1 = roundPair(c, v[b + 1], imm);
        long r2 = roundPair(c, v[b + 2], imm);
        long r3 = roundPair(c, v[b + 3], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** ROUNDPD. */
    public static void roundpd(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long r0 = ScalarFloat.round64(c, v[b], imm);
        long r1 = ScalarFloat.round64(c, v[b + 1], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VROUNDPD of 256 bits. */
    public static void roundpdWide(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long r0 = ScalarFloat.round64(c, v[b], imm);
        long r1 = ScalarFloat.round64(c, v[b + 1], imm);
        long r2 = ScalarFloat.round64(c, v[b + 2], imm);
        long r3 = ScalarFloat.round64(c, v[b + 3], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** ROUNDSS. */
    public static void roundss(Cpu c, int d, int a, int b, int imm) {
        int r = ScalarFloat.round32(c, low(c.vec[b]), imm);
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
    }

    /** ROUNDSD. */
    public static void roundsd(Cpu c, int d, int a, int b, int imm) {
        long r = ScalarFloat.round64(c, c.vec[b], imm);
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }
}
