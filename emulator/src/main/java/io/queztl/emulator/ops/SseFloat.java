package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Floating-point arithmetic of one 128-bit lane (SDM volume 1, 10.4 and 11.4): every element
 * through {@link ScalarFloat}, exceptions raised once for all of them before anything is written.
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

    private static final long HIGH_HALF = 0xffff_ffff_0000_0000L;

    /** Writes the low doubleword of a lane, the rest from lane a. */
    private static void single(long[] v, int d, int a, int result) {
        v[d] = v[a] & HIGH_HALF | result & 0xffff_ffffL;
        v[d + 1] = v[a + 1];
    }

    /** Writes the low quadword of a lane, the high one from lane a. */
    private static void scalar(long[] v, int d, int a, long result) {
        long high = v[a + 1];
        v[d] = result;
        v[d + 1] = high;
    }

    // --- two operands
    // -------------------------------------------------------------------------------

    /** ADDPS. */
    public static void addps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = addPair(c, v[a], v[b]);
        long high = addPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    private static long addPair(Cpu c, long a, long b) {
        return pair(ScalarFloat.add32(c, low(a), low(b)), ScalarFloat.add32(c, high(a), high(b)));
    }

    /** ADDPD. */
    public static void addpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.add64(c, v[a], v[b]);
        long high = ScalarFloat.add64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** ADDSS. */
    public static void addss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.add32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** ADDSD. */
    public static void addsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.add64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** SUBPS. */
    public static void subps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = subPair(c, v[a], v[b]);
        long high = subPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    private static long subPair(Cpu c, long a, long b) {
        return pair(ScalarFloat.sub32(c, low(a), low(b)), ScalarFloat.sub32(c, high(a), high(b)));
    }

    /** SUBPD. */
    public static void subpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.sub64(c, v[a], v[b]);
        long high = ScalarFloat.sub64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** SUBSS. */
    public static void subss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.sub32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** SUBSD. */
    public static void subsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.sub64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** MULPS. */
    public static void mulps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = mulPair(c, v[a], v[b]);
        long high = mulPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    private static long mulPair(Cpu c, long a, long b) {
        return pair(ScalarFloat.mul32(c, low(a), low(b)), ScalarFloat.mul32(c, high(a), high(b)));
    }

    /** MULPD. */
    public static void mulpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.mul64(c, v[a], v[b]);
        long high = ScalarFloat.mul64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** MULSS. */
    public static void mulss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.mul32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** MULSD. */
    public static void mulsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.mul64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** DIVPS. */
    public static void divps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = divPair(c, v[a], v[b]);
        long high = divPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    private static long divPair(Cpu c, long a, long b) {
        return pair(ScalarFloat.div32(c, low(a), low(b)), ScalarFloat.div32(c, high(a), high(b)));
    }

    /** DIVPD. */
    public static void divpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.div64(c, v[a], v[b]);
        long high = ScalarFloat.div64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** DIVSS. */
    public static void divss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.div32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** DIVSD. */
    public static void divsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.div64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** MINPS. */
    public static void minps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = minPair(c, v[a], v[b]);
        long high = minPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    private static long minPair(Cpu c, long a, long b) {
        return pair(ScalarFloat.min32(c, low(a), low(b)), ScalarFloat.min32(c, high(a), high(b)));
    }

    /** MINPD. */
    public static void minpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.min64(c, v[a], v[b]);
        long high = ScalarFloat.min64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** MINSS. */
    public static void minss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.min32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** MINSD. */
    public static void minsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.min64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** MAXPS. */
    public static void maxps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = maxPair(c, v[a], v[b]);
        long high = maxPair(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    private static long maxPair(Cpu c, long a, long b) {
        return pair(ScalarFloat.max32(c, low(a), low(b)), ScalarFloat.max32(c, high(a), high(b)));
    }

    /** MAXPD. */
    public static void maxpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.max64(c, v[a], v[b]);
        long high = ScalarFloat.max64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** MAXSS. */
    public static void maxss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.max32(c, low(c.vec[a]), low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** MAXSD. */
    public static void maxsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.max64(c, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** HADDPS: neighbours of a, then of b. */
    public static void haddps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int r0 = ScalarFloat.add32(c, low(v[a]), high(v[a]));
        int r1 = ScalarFloat.add32(c, low(v[a + 1]), high(v[a + 1]));
        int r2 = ScalarFloat.add32(c, low(v[b]), high(v[b]));
        int r3 = ScalarFloat.add32(c, low(v[b + 1]), high(v[b + 1]));
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** HADDPD. */
    public static void haddpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.add64(c, v[a], v[a + 1]);
        long high = ScalarFloat.add64(c, v[b], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** HSUBPS: neighbours of a, then of b. */
    public static void hsubps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int r0 = ScalarFloat.sub32(c, low(v[a]), high(v[a]));
        int r1 = ScalarFloat.sub32(c, low(v[a + 1]), high(v[a + 1]));
        int r2 = ScalarFloat.sub32(c, low(v[b]), high(v[b]));
        int r3 = ScalarFloat.sub32(c, low(v[b + 1]), high(v[b + 1]));
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** HSUBPD. */
    public static void hsubpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.sub64(c, v[a], v[a + 1]);
        long high = ScalarFloat.sub64(c, v[b], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** ADDSUBPS: even elements subtract, odd ones add. */
    public static void addsubps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int r0 = ScalarFloat.sub32(c, low(v[a]), low(v[b]));
        int r1 = ScalarFloat.add32(c, high(v[a]), high(v[b]));
        int r2 = ScalarFloat.sub32(c, low(v[a + 1]), low(v[b + 1]));
        int r3 = ScalarFloat.add32(c, high(v[a + 1]), high(v[b + 1]));
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** ADDSUBPD. */
    public static void addsubpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.sub64(c, v[a], v[b]);
        long high = ScalarFloat.add64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** DPPS: products chosen by bits 7:4, summed in pairs, stored where bits 3:0 say. */
    public static void dpps(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        int p0 = (imm & 0x10) != 0 ? ScalarFloat.mul32(c, low(v[a]), low(v[b])) : 0;
        int p1 = (imm & 0x20) != 0 ? ScalarFloat.mul32(c, high(v[a]), high(v[b])) : 0;
        int p2 = (imm & 0x40) != 0 ? ScalarFloat.mul32(c, low(v[a + 1]), low(v[b + 1])) : 0;
        int p3 = (imm & 0x80) != 0 ? ScalarFloat.mul32(c, high(v[a + 1]), high(v[b + 1])) : 0;
        ScalarFloat.raise(c);
        int s0 = ScalarFloat.add32(c, p0, p1);
        int s1 = ScalarFloat.add32(c, p2, p3);
        ScalarFloat.raise(c);
        int s = ScalarFloat.add32(c, s0, s1);
        ScalarFloat.raise(c);
        v[d] = pair((imm & 1) != 0 ? s : 0, (imm & 2) != 0 ? s : 0);
        v[d + 1] = pair((imm & 4) != 0 ? s : 0, (imm & 8) != 0 ? s : 0);
    }

    /** DPPD. */
    public static void dppd(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long p0 = (imm & 0x10) != 0 ? ScalarFloat.mul64(c, v[a], v[b]) : 0;
        long p1 = (imm & 0x20) != 0 ? ScalarFloat.mul64(c, v[a + 1], v[b + 1]) : 0;
        ScalarFloat.raise(c);
        long s = ScalarFloat.add64(c, p0, p1);
        ScalarFloat.raise(c);
        v[d] = (imm & 1) != 0 ? s : 0;
        v[d + 1] = (imm & 2) != 0 ? s : 0;
    }

    // --- one operand
    // ----------------------------------------------------------------------------------

    /** SQRTPS. */
    public static void sqrtps(Cpu c, int d, int b) {
        long[] v = c.vec;
        int r0 = ScalarFloat.sqrt32(c, low(v[b]));
        int r1 = ScalarFloat.sqrt32(c, high(v[b]));
        int r2 = ScalarFloat.sqrt32(c, low(v[b + 1]));
        int r3 = ScalarFloat.sqrt32(c, high(v[b + 1]));
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** SQRTPD. */
    public static void sqrtpd(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = ScalarFloat.sqrt64(c, v[b]);
        long high = ScalarFloat.sqrt64(c, v[b + 1]);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** SQRTSS. */
    public static void sqrtss(Cpu c, int d, int a, int b) {
        int r = ScalarFloat.sqrt32(c, low(c.vec[b]));
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** SQRTSD. */
    public static void sqrtsd(Cpu c, int d, int a, int b) {
        long r = ScalarFloat.sqrt64(c, c.vec[b]);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

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

    // --- comparison
    // -----------------------------------------------------------------------------------

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
        int r0 = compare32(c, low(v[a]), low(v[b]), imm);
        int r1 = compare32(c, high(v[a]), high(v[b]), imm);
        int r2 = compare32(c, low(v[a + 1]), low(v[b + 1]), imm);
        int r3 = compare32(c, high(v[a + 1]), high(v[b + 1]), imm);
        ScalarFloat.raise(c);
        v[d] = pair(r0, r1);
        v[d + 1] = pair(r2, r3);
    }

    /** VCMPPD. */
    public static void vcmppd(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long low = compare64(c, v[a], v[b], imm);
        long high = compare64(c, v[a + 1], v[b + 1], imm);
        ScalarFloat.raise(c);
        v[d] = low;
        v[d + 1] = high;
    }

    /** VCMPSS. */
    public static void vcmpss(Cpu c, int d, int a, int b, int imm) {
        int r = compare32(c, low(c.vec[a]), low(c.vec[b]), imm);
        ScalarFloat.raise(c);
        single(c.vec, d, a, r);
    }

    /** VCMPSD. */
    public static void vcmpsd(Cpu c, int d, int a, int b, int imm) {
        long r = compare64(c, c.vec[a], c.vec[b], imm);
        ScalarFloat.raise(c);
        scalar(c.vec, d, a, r);
    }

    /** COMISS: any NaN is invalid. */
    public static void comiss(Cpu c, Insn i) {
        compareSingle(c, i, true);
    }

    /** UCOMISS: a signaling NaN is invalid. */
    public static void ucomiss(Cpu c, Insn i) {
        compareSingle(c, i, false);
    }

    /** COMISD. */
    public static void comisd(Cpu c, Insn i) {
        compareDouble(c, i, true);
    }

    /** UCOMISD. */
    public static void ucomisd(Cpu c, Insn i) {
        compareDouble(c, i, false);
    }

    private static void compareSingle(Cpu c, Insn i, boolean signaling) {
        int b = SseMove.source(c, i, 4);
        int x = low(c.vec[SseMove.reg(i)]);
        flags(c, ScalarFloat.relation32(c, x, low(c.vec[b]), signaling));
    }

    private static void compareDouble(Cpu c, Insn i, boolean signaling) {
        int b = SseMove.source(c, i, 8);
        flags(c, ScalarFloat.relation64(c, c.vec[SseMove.reg(i)], c.vec[b], signaling));
    }

    private static void flags(Cpu c, int relation) {
        ScalarFloat.raise(c);
        Flags.arithmetic(
                c,
                switch (relation) {
                    case ScalarFloat.LESS -> Flags.CF;
                    case ScalarFloat.EQUAL -> Flags.ZF;
                    case ScalarFloat.GREATER -> 0;
                    default -> Flags.ZF | Flags.PF | Flags.CF;
                });
    }
}
