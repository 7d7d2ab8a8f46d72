package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/**
 * Packed integer arithmetic that SSE4.1 and SSE4.2 add, on one 128-bit lane (SDM volume 1, 12.10
 * and 12.11); it has no MMX forms.
 */
public final class Sse4Integer {
    private Sse4Integer() {}

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

    private static final long BYTE_SIGNS = 0x8080_8080_8080_8080L;
    private static final long WORD_SIGNS = 0x8000_8000_8000_8000L;

    /** PMINSB: flipping the sign bits turns signed order into unsigned. */
    public static void pminsb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pminub(v[a] ^ BYTE_SIGNS, v[b] ^ BYTE_SIGNS) ^ BYTE_SIGNS;
        v[d + 1] = Packed.pminub(v[a + 1] ^ BYTE_SIGNS, v[b + 1] ^ BYTE_SIGNS) ^ BYTE_SIGNS;
        v[d] = low;
    }

    /** PMAXSB. */
    public static void pmaxsb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmaxub(v[a] ^ BYTE_SIGNS, v[b] ^ BYTE_SIGNS) ^ BYTE_SIGNS;
        v[d + 1] = Packed.pmaxub(v[a + 1] ^ BYTE_SIGNS, v[b + 1] ^ BYTE_SIGNS) ^ BYTE_SIGNS;
        v[d] = low;
    }

    /** PMINUW. */
    public static void pminuw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pminsw(v[a] ^ WORD_SIGNS, v[b] ^ WORD_SIGNS) ^ WORD_SIGNS;
        v[d + 1] = Packed.pminsw(v[a + 1] ^ WORD_SIGNS, v[b + 1] ^ WORD_SIGNS) ^ WORD_SIGNS;
        v[d] = low;
    }

    /** PMAXUW. */
    public static void pmaxuw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmaxsw(v[a] ^ WORD_SIGNS, v[b] ^ WORD_SIGNS) ^ WORD_SIGNS;
        v[d + 1] = Packed.pmaxsw(v[a + 1] ^ WORD_SIGNS, v[b + 1] ^ WORD_SIGNS) ^ WORD_SIGNS;
        v[d] = low;
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
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
}
