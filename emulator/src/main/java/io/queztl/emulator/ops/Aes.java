package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/**
 * AES-NI (SDM volume 1, 12.13; FIPS 197): byte n of a lane is row n mod 4 of column n / 4 of the
 * state. One table look-up per byte does the S-box and its share of MixColumns together.
 */
public final class Aes {
    private static final byte[] SBOX = new byte[256];
    private static final byte[] INVERSE_SBOX = new byte[256];

    /** What a byte in row 0 adds to its column: S-box times (2, 1, 1, 3). */
    private static final int[] ENCRYPT = new int[256];

    /** The same backwards: inverse S-box times (14, 9, 13, 11). */
    private static final int[] DECRYPT = new int[256];

    static {
        // 3 generates the multiplicative group of GF(2^8), and 0xf6 is its inverse.
        int p = 1;
        int q = 1;
        do {
            p ^= times2(p);
            q = times(q, 0xf6);
            int s = q ^ rotate(q, 1) ^ rotate(q, 2) ^ rotate(q, 3) ^ rotate(q, 4) ^ 0x63;
            SBOX[p] = (byte) s;
        } while (p != 1);
        SBOX[0] = 0x63;
        for (int x = 0; x < 256; x++) {
            INVERSE_SBOX[SBOX[x] & 0xff] = (byte) x;
        }
        for (int x = 0; x < 256; x++) {
            int s = SBOX[x] & 0xff;
            ENCRYPT[x] = times2(s) | s << 8 | s << 16 | (times2(s) ^ s) << 24;
            int i = INVERSE_SBOX[x] & 0xff;
            DECRYPT[x] = times(i, 14) | times(i, 9) << 8 | times(i, 13) << 16 | times(i, 11) << 24;
        }
    }

    private Aes() {}

    private static int rotate(int x, int n) {
        return (x << n | x >> 8 - n) & 0xff;
    }

    private static int times2(int x) {
        return (x << 1 ^ ((x & 0x80) != 0 ? 0x1b : 0)) & 0xff;
    }

    private static int times(int x, int y) {
        int result = 0;
        for (int p = x; y != 0; y >>= 1, p = times2(p)) {
            if ((y & 1) != 0) {
                result ^= p;
            }
        }
        return result;
    }

    /** One column of four bytes that are already in their place, through a table of row 0. */
    private static long column(int[] table, int row0, int row1, int row2, int row3) {
        return (table[row0 & 0xff]
                        ^ Integer.rotateLeft(table[row1 & 0xff], 8)
                        ^ Integer.rotateLeft(table[row2 & 0xff], 16)
                        ^ Integer.rotateLeft(table[row3 & 0xff], 24))
                & 0xffff_ffffL;
    }

    private static long bytes(byte[] table, int row0, int row1, int row2, int row3) {
        return table[row0 & 0xff] & 0xffL
                | (table[row1 & 0xff] & 0xffL) << 8
                | (table[row2 & 0xff] & 0xffL) << 16
                | (table[row3 & 0xff] & 0xffL) << 24;
    }

    /** AESENC: one round with key b. */
    public static void aesenc(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int c0 = (int) v[a];
        int c1 = (int) (v[a] >>> 32);
        int c2 = (int) v[a + 1];
        int c3 = (int) (v[a + 1] >>> 32);
        long k0 = v[b];
        long k1 = v[b + 1];
        v[d] =
                (column(ENCRYPT, c0, c1 >> 8, c2 >> 16, c3 >> 24)
                                | column(ENCRYPT, c1, c2 >> 8, c3 >> 16, c0 >> 24) << 32)
                        ^ k0;
        v[d + 1] =
                (column(ENCRYPT, c2, c3 >> 8, c0 >> 16, c1 >> 24)
                                | column(ENCRYPT, c3, c0 >> 8, c1 >> 16, c2 >> 24) << 32)
                        ^ k1;
    }

    /** AESENCLAST: the last round, without MixColumns. */
    public static void aesenclast(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int c0 = (int) v[a];
        int c1 = (int) (v[a] >>> 32);
        int c2 = (int) v[a + 1];
        int c3 = (int) (v[a + 1] >>> 32);
        long k0 = v[b];
        long k1 = v[b + 1];
        v[d] =
                (bytes(SBOX, c0, c1 >> 8, c2 >> 16, c3 >> 24)
                                | bytes(SBOX, c1, c2 >> 8, c3 >> 16, c0 >> 24) << 32)
                        ^ k0;
        v[d + 1] =
                (bytes(SBOX, c2, c3 >> 8, c0 >> 16, c1 >> 24)
                                | bytes(SBOX, c3, c0 >> 8, c1 >> 16, c2 >> 24) << 32)
                        ^ k1;
    }

    /** AESDEC: one round of the equivalent inverse cipher. */
    public static void aesdec(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int c0 = (int) v[a];
        int c1 = (int) (v[a] >>> 32);
        int c2 = (int) v[a + 1];
        int c3 = (int) (v[a + 1] >>> 32);
        long k0 = v[b];
        long k1 = v[b + 1];
        v[d] =
                (column(DECRYPT, c0, c3 >> 8, c2 >> 16, c1 >> 24)
                                | column(DECRYPT, c1, c0 >> 8, c3 >> 16, c2 >> 24) << 32)
                        ^ k0;
        v[d + 1] =
                (column(DECRYPT, c2, c1 >> 8, c0 >> 16, c3 >> 24)
                                | column(DECRYPT, c3, c2 >> 8, c1 >> 16, c0 >> 24) << 32)
                        ^ k1;
    }

    /** AESDECLAST. */
    public static void aesdeclast(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int c0 = (int) v[a];
        int c1 = (int) (v[a] >>> 32);
        int c2 = (int) v[a + 1];
        int c3 = (int) (v[a + 1] >>> 32);
        long k0 = v[b];
        long k1 = v[b + 1];
        v[d] =
                (bytes(INVERSE_SBOX, c0, c3 >> 8, c2 >> 16, c1 >> 24)
                                | bytes(INVERSE_SBOX, c1, c0 >> 8, c3 >> 16, c2 >> 24) << 32)
                        ^ k0;
        v[d + 1] =
                (bytes(INVERSE_SBOX, c2, c1 >> 8, c0 >> 16, c3 >> 24)
                                | bytes(INVERSE_SBOX, c3, c2 >> 8, c1 >> 16, c0 >> 24) << 32)
                        ^ k1;
    }

    /** AESIMC: InvMixColumns of a round key. */
    public static void aesimc(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = v[b];
        long high = v[b + 1];
        v[d] = inverseMix((int) low) | inverseMix((int) (low >>> 32)) << 32;
        v[d + 1] = inverseMix((int) high) | inverseMix((int) (high >>> 32)) << 32;
    }

    private static long inverseMix(int x) {
        return column(
                DECRYPT, SBOX[x & 0xff], SBOX[x >> 8 & 0xff], SBOX[x >> 16 & 0xff], SBOX[x >>> 24]);
    }

    /** AESKEYGENASSIST with the round constant in the immediate. */
    public static void aeskeygenassist(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        v[d] = assist((int) (v[b] >>> 32), imm);
        v[d + 1] = assist((int) (v[b + 1] >>> 32), imm);
    }

    private static long assist(int x, int constant) {
        int s = (int) bytes(SBOX, x, x >> 8, x >> 16, x >> 24);
        return s & 0xffff_ffffL | (long) (Integer.rotateRight(s, 8) ^ constant & 0xff) << 32;
    }
}
