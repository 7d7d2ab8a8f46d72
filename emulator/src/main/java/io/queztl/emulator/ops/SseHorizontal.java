package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Sums across elements, and sums and differences in turn (SDM volume 1, 12.3 and 12.10). */
public final class SseHorizontal {
    private SseHorizontal() {}

    private static int low(long q) {
        return (int) q;
    }

    private static int high(long q) {
        return (int) (q >>> 32);
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }

    /** The sums of the singles of x and of y. */
    private static long sums(Cpu c, long x, long y) {
        int low = ScalarFloat.add32(c, low(x), high(x));
        return pair(low, ScalarFloat.add32(c, low(y), high(y)));
    }

    private static long differences(Cpu c, long x, long y) {
        int low = ScalarFloat.sub32(c, low(x), high(x));
        return pair(low, ScalarFloat.sub32(c, low(y), high(y)));
    }

    /** The difference of the low singles and the sum of the high ones. */
    private static long alternate(Cpu c, long x, long y) {
        int low = ScalarFloat.sub32(c, low(x), low(y));
        return pair(low, ScalarFloat.add32(c, high(x), high(y)));
    }

    /** HADDPS: neighbours of a, then of b. */
    public static void haddps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = sums(c, v[a], v[a + 1]);
        long r1 = sums(c, v[b], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VHADDPS of 256 bits. */
    public static void haddpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = sums(c, v[a], v[a + 1]);
        long r1 = sums(c, v[b], v[b + 1]);
        long r2 = sums(c, v[a + 2], v[a + 3]);
        long r3 = sums(c, v[b + 2], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** HADDPD. */
    public static void haddpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.add64(c, v[a], v[a + 1]);
        long r1 = ScalarFloat.add64(c, v[b], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VHADDPD of 256 bits. */
    public static void haddpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.add64(c, v[a], v[a + 1]);
        long r1 = ScalarFloat.add64(c, v[b], v[b + 1]);
        long r2 = ScalarFloat.add64(c, v[a + 2], v[a + 3]);
        long r3 = ScalarFloat.add64(c, v[b + 2], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** HSUBPS: neighbours of a, then of b. */
    public static void hsubps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = differences(c, v[a], v[a + 1]);
        long r1 = differences(c, v[b], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VHSUBPS of 256 bits. */
    public static void hsubpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = differences(c, v[a], v[a + 1]);
        long r1 = differences(c, v[b], v[b + 1]);
        long r2 = differences(c, v[a + 2], v[a + 3]);
        long r3 = differences(c, v[b + 2], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** HSUBPD. */
    public static void hsubpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.sub64(c, v[a], v[a + 1]);
        long r1 = ScalarFloat.sub64(c, v[b], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VHSUBPD of 256 bits. */
    public static void hsubpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.sub64(c, v[a], v[a + 1]);
        long r1 = ScalarFloat.sub64(c, v[b], v[b + 1]);
        long r2 = ScalarFloat.sub64(c, v[a + 2], v[a + 3]);
        long r3 = ScalarFloat.sub64(c, v[b + 2], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** ADDSUBPS: even elements subtract, odd ones add. */
    public static void addsubps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = alternate(c, v[a], v[b]);
        long r1 = alternate(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VADDSUBPS of 256 bits. */
    public static void addsubpsWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = alternate(c, v[a], v[b]);
        long r1 = alternate(c, v[a + 1], v[b + 1]);
        long r2 = alternate(c, v[a + 2], v[b + 2]);
        long r3 = alternate(c, v[a + 3], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
    }

    /** ADDSUBPD. */
    public static void addsubpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.sub64(c, v[a], v[b]);
        long r1 = ScalarFloat.add64(c, v[a + 1], v[b + 1]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1);
    }

    /** VADDSUBPD of 256 bits. */
    public static void addsubpdWide(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long r0 = ScalarFloat.sub64(c, v[a], v[b]);
        long r1 = ScalarFloat.add64(c, v[a + 1], v[b + 1]);
        long r2 = ScalarFloat.sub64(c, v[a + 2], v[b + 2]);
        long r3 = ScalarFloat.add64(c, v[a + 3], v[b + 3]);
        ScalarFloat.raise(c);
        SseFloat.write(v, d, r0, r1, r2, r3);
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
}
