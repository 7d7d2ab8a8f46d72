package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Floating-point comparison, minimum and maximum (SDM volume 1, 10.4 and 11.4); methods named
 * {@code …Wide} are for 256 bits.
 */
public final class SseCompare {
    private SseCompare() {}

    private static int low(long q) {
        return (int) q;
    }

    private static int high(long q) {
        return (int) (q >>> 32);
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }

    /** For predicates 0–15, which of less, equal, greater, unordered (bits 0–3) make it true. */
    private static final long TRUTH = 0xF465_0B9A_7CED_8312L;

    /** Predicates 0–15 for which a quiet NaN is invalid; the opposite for 16–31. */
    private static final int SIGNALING = 0x6666;

    private static boolean signaling(int predicate) {
        return ((SIGNALING >> (predicate & 15) ^ predicate >> 4) & 1) != 0;
    }

    private static int compare32(Cpu c, int x, int y, int predicate) {
        int relation = ScalarFloat.relation32(c, x, y, signaling(predicate));
        return (TRUTH >>> (predicate & 15) * 4 & relation) != 0 ? -1 : 0;
    }

    private static long compare64(Cpu c, long x, long y, int predicate) {
        int relation = ScalarFloat.relation64(c, x, y, signaling(predicate));
        return (TRUTH >>> (predicate & 15) * 4 & relation) != 0 ? -1 : 0;
    }

    private static long comparePair(Cpu c, long x, long y, int predicate) {
        int low = compare32(c, low(x), low(y), predicate);
        return pair(low, compare32(c, high(x), high(y), predicate));
    }

    /** CMPPS with the eight legacy predicates. */
    public static void cmpps(Cpu c, int d, int a, int b, int imm) {
        vcmpps(c, d, a, b, imm & 7);
    }

    /** CMPPD. */
    public static void cmppd(Cpu c, int d, int a, int b, int imm) {
        vcmppd(c, d, a, b, imm & 7);
    }

    /** CMPSS. */
    public static void cmpss(Cpu c, int d, int a, int b, int imm) {
        vcmpss(c, d, a, b, imm & 7);
    }

    /** CMPSD. */
    public static void cmpsd(Cpu c, int d, int a, int b, int imm) {
        vcmpsd(c, d, a, b, imm & 7);
    }

    /** VCMPPS with all 32 predicates. */
    public static void vcmpps(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long r0 = comparePair(c, v[a], v[b], imm);
        long r1 = comparePair(c, v[a + 1], v[b + 1], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VCMPPS of 256 bits. */
    public static void vcmppsWide(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long r0 = comparePair(c, v[a], v[b], imm);
        long r1 = comparePair(c, v[a + 1], v[b + 1], imm);
        long r2 = comparePair(c, v[a + 2], v[b + 2], imm);
        long r3 = comparePair(c, v[a + 3], v[b + 3], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** VCMPPD with all 32 predicates. */
    public static void vcmppd(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long r0 = compare64(c, v[a], v[b], imm);
        long r1 = compare64(c, v[a + 1], v[b + 1], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VCMPPD of 256 bits. */
    public static void vcmppdWide(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long r0 = compare64(c, v[a], v[b], imm);
        long r1 = compare64(c, v[a + 1], v[b + 1], imm);
        long r2 = compare64(c, v[a + 2], v[b + 2], imm);
        long r3 = compare64(c, v[a + 3], v[b + 3], imm);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** VCMPSS. */
    public static void vcmpss(Cpu c, int d, int a, int b, int imm) {
        int r = compare32(c, low(c.vec[a]), low(c.vec[b]), imm);
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
    }

    /** VCMPSD. */
    public static void vcmpsd(Cpu c, int d, int a, int b, int imm) {
        long r = compare64(c, c.vec[a], c.vec[b], imm);
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }

    // --- minimum, maximum
    // -----------------------------------------------------------------------------

    private static long minPair(Cpu c, long x, long y) {
        int low = ScalarFloat.min32(c, low(x), low(y));
        return pair(low, ScalarFloat.min32(c, high(x), high(y)));
    }

    /** MINSD. */
    public static void minsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.min64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }

    /** MINSS. */
    public static void minss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.min32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
    }

    /** MINPD. */
    public static void minpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.min64(c, v[a], v[b]);
        long r1 = ScalarFloat.min64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VMINPD of 256 bits. */
    public static void minpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.min64(c, v[a], v[b]);
        long r1 = ScalarFloat.min64(c, v[a + 1], v[b + 1]);
        long r2 = ScalarFloat.min64(c, v[a + 2], v[b + 2]);
        long r3 = ScalarFloat.min64(c, v[a + 3], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** MINPS. */
    public static void minps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = minPair(c, v[a], v[b]);
        long r1 = minPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VMINPS of 256 bits. */
    public static void minpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = minPair(c, v[a], v[b]);
        long r1 = minPair(c, v[a + 1], v[b + 1]);
        long r2 = minPair(c, v[a + 2], v[b + 2]);
        long r3 = minPair(c, v[a + 3], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    private static long maxPair(Cpu c, long x, long y) {
        int low = ScalarFloat.max32(c, low(x), low(y));
        return pair(low, ScalarFloat.max32(c, high(x), high(y)));
    }

    /** MAXSD. */
    public static void maxsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.max64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }

    /** MAXSS. */
    public static void maxss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.max32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
    }

    /** MAXPD. */
    public static void maxpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.max64(c, v[a], v[b]);
        long r1 = ScalarFloat.max64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VMAXPD of 256 bits. */
    public static void maxpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.max64(c, v[a], v[b]);
        long r1 = ScalarFloat.max64(c, v[a + 1], v[b + 1]);
        long r2 = ScalarFloat.max64(c, v[a + 2], v[b + 2]);
        long r3 = ScalarFloat.max64(c, v[a + 3], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** MAXPS. */
    public static void maxps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = maxPair(c, v[a], v[b]);
        long r1 = maxPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VMAXPS of 256 bits. */
    public static void maxpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = maxPair(c, v[a], v[b]);
        long r1 = maxPair(c, v[a + 1], v[b + 1]);
        long r2 = maxPair(c, v[a + 2], v[b + 2]);
        long r3 = maxPair(c, v[a + 3], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    // --- to RFLAGS
    // ------------------------------------------------------------------------------------

    /** COMISS: any NaN is invalid. */
    public static void comiss(Cpu c, Insn i) {
        comiss(c, SseMove.reg(i), SseMove.source(c, i, 4));
    }

    /** COMISS of two elements of {@link Cpu#vec}. */
    public static void comiss(Cpu c, int a, int b) {
        flags(c, ScalarFloat.relation32(c, low(c.vec[a]), low(c.vec[b]), true));
    }

    /** UCOMISS: a signaling NaN is invalid. */
    public static void ucomiss(Cpu c, Insn i) {
        ucomiss(c, SseMove.reg(i), SseMove.source(c, i, 4));
    }

    /** UCOMISS of two elements of {@link Cpu#vec}. */
    public static void ucomiss(Cpu c, int a, int b) {
        flags(c, ScalarFloat.relation32(c, low(c.vec[a]), low(c.vec[b]), false));
    }

    /** COMISD. */
    public static void comisd(Cpu c, Insn i) {
        comisd(c, SseMove.reg(i), SseMove.source(c, i, 8));
    }

    /** COMISD of two elements of {@link Cpu#vec}. */
    public static void comisd(Cpu c, int a, int b) {
        flags(c, ScalarFloat.relation64(c, c.vec[a], c.vec[b], true));
    }

    /** UCOMISD. */
    public static void ucomisd(Cpu c, Insn i) {
        ucomisd(c, SseMove.reg(i), SseMove.source(c, i, 8));
    }

    /** UCOMISD of two elements of {@link Cpu#vec}. */
    public static void ucomisd(Cpu c, int a, int b) {
        flags(c, ScalarFloat.relation64(c, c.vec[a], c.vec[b], false));
    }

    /** CF, ZF, none, or ZF, PF and CF, as the words that {@link Flags} describes. */
    private static void flags(Cpu c, int relation) {
        ScalarFloat.raise(c);
        c.flagResult = (relation & (ScalarFloat.EQUAL | ScalarFloat.UNORDERED)) != 0 ? 0 : 1;
        c.flagCarry =
                (relation & (ScalarFloat.LESS | ScalarFloat.UNORDERED)) != 0
                        ? 3L << 62
                        : (relation & ScalarFloat.EQUAL) << 7;
    }
}
