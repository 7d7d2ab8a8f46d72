package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** PCLMULQDQ: carry-less multiplication (SDM volume 1, 12.13.4). */
public final class Clmul {
    private static final long EVERY_FOURTH = 0x1111_1111_1111_1111L;

    private Clmul() {}

    /** PCLMULQDQ: bits 0 and 4 of the immediate choose the quadwords of a and b. */
    public static void pclmulqdq(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long x = v[a + (imm & 1)];
        long y = v[b + (imm >> 4 & 1)];
        v[d] = low(x, y);
        // Reversing the bits of both factors reverses the 127-bit product.
        v[d + 1] = Long.reverse(low(Long.reverse(x), Long.reverse(y))) >>> 1;
    }

    /**
     * Low 64 bits of the carry-less product. Integer products of numbers that use only every fourth
     * bit sum at most 16 ones in a column: carries stay in the three bits between, but for the top
     * column, whose carry is lost anyway.
     */
    private static long low(long x, long y) {
        long x0 = x & EVERY_FOURTH;
        long x1 = x & EVERY_FOURTH << 1;
        long x2 = x & EVERY_FOURTH << 2;
        long x3 = x & EVERY_FOURTH << 3;
        long y0 = y & EVERY_FOURTH;
        long y1 = y & EVERY_FOURTH << 1;
        long y2 = y & EVERY_FOURTH << 2;
        long y3 = y & EVERY_FOURTH << 3;
        long z0 = x0 * y0 ^ x1 * y3 ^ x2 * y2 ^ x3 * y1;
        long z1 = x0 * y1 ^ x1 * y0 ^ x2 * y3 ^ x3 * y2;
        long z2 = x0 * y2 ^ x1 * y1 ^ x2 * y0 ^ x3 * y3;
        long z3 = x0 * y3 ^ x1 * y2 ^ x2 * y1 ^ x3 * y0;
        return z0 & EVERY_FOURTH
                | z1 & EVERY_FOURTH << 1
                | z2 & EVERY_FOURTH << 2
                | z3 & EVERY_FOURTH << 3;
    }
}
