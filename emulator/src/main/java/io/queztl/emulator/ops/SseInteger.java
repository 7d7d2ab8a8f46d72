package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Packed integer arithmetic on one 128-bit lane (SDM volume 1, 11.4 and 12.5–12.10): two quadwords,
 * each through Lanes, which the MMX forms use too; only what crosses quadwords is done here.
 */
public final class SseInteger {
    private SseInteger() {}

    /** The top bits of the eight bytes of a quadword. */
    static int signs(long q) {
        return (int) ((q >>> 7 & 0x0101_0101_0101_0101L) * 0x0102_0408_1020_4080L >>> 56);
    }

    // --- logic --------------------------------------------------------------------------------------

    /** PAND. */
    public static void pand(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] & v[b];
        v[d + 1] = v[a + 1] & v[b + 1];
    }

    /** PANDN. */
    public static void pandn(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = ~v[a] & v[b];
        v[d + 1] = ~v[a + 1] & v[b + 1];
    }

    /** POR. */
    public static void por(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] | v[b];
        v[d + 1] = v[a + 1] | v[b + 1];
    }

    /** PXOR. */
    public static void pxor(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] ^ v[b];
        v[d + 1] = v[a + 1] ^ v[b + 1];
    }

    /** PTEST: ZF if a AND b is zero, CF if NOT a AND b is zero. */
    public static void ptest(Cpu c, Insn i) {
        int b = SseMove.sourceAligned(c, i);
        int a = SseMove.reg(i);
        long[] v = c.vec;
        long and = v[a] & v[b] | v[a + 1] & v[b + 1];
        long andNot = ~v[a] & v[b] | ~v[a + 1] & v[b + 1];
        Flags.arithmetic(c, (and == 0 ? Flags.ZF : 0) | (andNot == 0 ? Flags.CF : 0));
    }

    // --- quadword by quadword ---------------------------------------------------------------------------

    /** PACKUSDW. */
    public static void packusdw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = packUnsigned(v[a]) | packUnsigned(v[a + 1]) << 32;
        v[d + 1] = packUnsigned(v[b]) | packUnsigned(v[b + 1]) << 32;
        v[d] = low;
    }

    private static long packUnsigned(long q) {
        return Math.clamp((int) q, 0, 0xffff) | Math.clamp(q >> 32, 0, 0xffff) << 16;
    }

    // --- shifts: all elements by one count; counts beyond the element's width empty it ------------------

    /** PMULDQ: signed product of the low doublewords. */
    public static void pmuldq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = (long) (int) v[a] * (int) v[b];
        v[d + 1] = (long) (int) v[a + 1] * (int) v[b + 1];
        v[d] = low;
    }

    /** PMULLD. */
    public static void pmulld(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = multiplyLow(v[a], v[b]);
        v[d + 1] = multiplyLow(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static long multiplyLow(long a, long b) {
        return a * b & 0xffff_ffffL | (a >>> 32) * (b >>> 32) << 32;
    }

    /** PCMPEQQ. */
    public static void pcmpeqq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = v[a] == v[b] ? -1 : 0;
        v[d + 1] = v[a + 1] == v[b + 1] ? -1 : 0;
        v[d] = low;
    }

    /** PCMPGTQ. */
    public static void pcmpgtq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = v[a] > v[b] ? -1 : 0;
        v[d + 1] = v[a + 1] > v[b + 1] ? -1 : 0;
        v[d] = low;
    }




    /** PMINSD. */
    public static void pminsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = pminsd(v[a], v[b]);
        v[d + 1] = pminsd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static long pminsd(long a, long b) {
        return pair(Math.min((int) a, (int) b), Math.min((int) (a >> 32), (int) (b >> 32)));
    }

    /** PMAXSD. */
    public static void pmaxsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = pmaxsd(v[a], v[b]);
        v[d + 1] = pmaxsd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static long pmaxsd(long a, long b) {
        return pair(Math.max((int) a, (int) b), Math.max((int) (a >> 32), (int) (b >> 32)));
    }

    /** PMINUD. */
    public static void pminud(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = pminud(v[a], v[b]);
        v[d + 1] = pminud(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static long pminud(long a, long b) {
        return Math.min(a & 0xffff_ffffL, b & 0xffff_ffffL) | Math.min(a >>> 32, b >>> 32) << 32;
    }

    /** PMAXUD. */
    public static void pmaxud(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = pmaxud(v[a], v[b]);
        v[d + 1] = pmaxud(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static long pmaxud(long a, long b) {
        return Math.max(a & 0xffff_ffffL, b & 0xffff_ffffL) | Math.max(a >>> 32, b >>> 32) << 32;
    }

    /** PHMINPOSUW: the smallest unsigned word and its index. */
    public static void phminposuw(Cpu c, int d, int b) {
        long[] v = c.vec;
        long best = 0xffff;
        long at = 0;
        for (int n = 0; n < 8; n++) {
            long word = v[b + (n >> 2)] >>> (n & 3) * 16 & 0xffff;
            if (word < best) {
                best = word;
                at = n;
            }
        }
        v[d] = best | at << 16;
        v[d + 1] = 0;
    }

    /**
     * MPSADBW: sums of absolute differences of four bytes of b, at 4 times bits 1:0 of the
     * immediate, and eight runs of four bytes of a, from 4 times bit 2 on.
     */
    public static void mpsadbw(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        int block = (int) (v[b + (imm >> 1 & 1)] >>> (imm & 1) * 32);
        int from = (imm & 4) * 8;
        // Bytes from..from+10 of a, the only ones used.
        long low = from == 0 ? v[a] : v[a] >>> 32 | v[a + 1] << 32;
        long high = from == 0 ? v[a + 1] : v[a + 1] >>> 32;
        long first = 0;
        long second = 0;
        for (int n = 0; n < 4; n++) {
            first |= (long) differences((int) (low >>> n * 8), block) << n * 16;
            long window = n == 0 ? low >>> 32 : low >>> 32 + n * 8 | high << 32 - n * 8;
            second |= (long) differences((int) window, block) << n * 16;
        }
        v[d] = first;
        v[d + 1] = second;
    }

    private static int differences(int x, int y) {
        return Math.abs((x & 0xff) - (y & 0xff))
                + Math.abs((x >> 8 & 0xff) - (y >> 8 & 0xff))
                + Math.abs((x >> 16 & 0xff) - (y >> 16 & 0xff))
                + Math.abs((x >>> 24) - (y >>> 24));
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }
}
