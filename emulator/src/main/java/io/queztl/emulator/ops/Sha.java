package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** SHA-1 and SHA-256 instructions (SDM volume 1, 12.16; FIPS 180-4). */
public final class Sha {
    private Sha() {}

    private static int low(long q) {
        return (int) q;
    }

    private static int high(long q) {
        return (int) (q >>> 32);
    }

    private static long pair(int high, int low) {
        return (long) high << 32 | low & 0xffff_ffffL;
    }

    // --- SHA-1: word 0 of a group is the highest doubleword
    // -------------------------------------------

    /** SHA1RNDS4: four rounds with the function and constant of the immediate. */
    public static void sha1rnds4(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        int h0 = high(v[a + 1]);
        int h1 = low(v[a + 1]);
        int h2 = high(v[a]);
        int h3 = low(v[a]);
        int h4 = 0;
        long w1 = v[b + 1];
        long w0 = v[b];
        int function = imm & 3;
        for (int round = 0; round < 4; round++) {
            int w =
                    switch (round) {
                        case 0 -> high(w1);
                        case 1 -> low(w1);
                        case 2 -> high(w0);
                        default -> low(w0);
                    };
            int t =
                    switch (function) {
                        case 0 -> (h1 & h2 ^ ~h1 & h3) + 0x5A82_7999;
                        case 1 -> (h1 ^ h2 ^ h3) + 0x6ED9_EBA1;
                        case 2 -> (h1 & h2 ^ h1 & h3 ^ h2 & h3) + 0x8F1B_BCDC;
                        default -> (h1 ^ h2 ^ h3) + 0xCA62_C1D6;
                    };
            int next = t + Integer.rotateLeft(h0, 5) + w + h4;
            h4 = h3;
            h3 = h2;
            h2 = Integer.rotateLeft(h1, 30);
            h1 = h0;
            h0 = next;
        }
        v[d + 1] = pair(h0, h1);
        v[d] = pair(h2, h3);
    }

    /** SHA1NEXTE: E for the next four rounds, added to word 0. */
    public static void sha1nexte(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int e = Integer.rotateLeft(high(v[a + 1]), 30);
        long low = v[b];
        v[d + 1] = pair(high(v[b + 1]) + e, low(v[b + 1]));
        v[d] = low;
    }

    /** SHA1MSG1. */
    public static void sha1msg1(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long a0 = v[a];
        long a1 = v[a + 1];
        long b1 = v[b + 1];
        v[d + 1] = a0 ^ a1;
        v[d] = b1 ^ a0;
    }

    /** SHA1MSG2. */
    public static void sha1msg2(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int w16 = Integer.rotateLeft(high(v[a + 1]) ^ low(v[b + 1]), 1);
        int w17 = Integer.rotateLeft(low(v[a + 1]) ^ high(v[b]), 1);
        int w18 = Integer.rotateLeft(high(v[a]) ^ low(v[b]), 1);
        int w19 = Integer.rotateLeft(low(v[a]) ^ w16, 1);
        v[d + 1] = pair(w16, w17);
        v[d] = pair(w18, w19);
    }

    // --- SHA-256: word 0 of a group is the lowest doubleword
    // ------------------------------------------

    private static int sigma0(int x) {
        return Integer.rotateRight(x, 7) ^ Integer.rotateRight(x, 18) ^ x >>> 3;
    }

    private static int sigma1(int x) {
        return Integer.rotateRight(x, 17) ^ Integer.rotateRight(x, 19) ^ x >>> 10;
    }

    /** SHA256RNDS2 with its implicit operand XMM0. */
    public static void sha256rnds2(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int h0 = high(v[b + 1]);
        int h1 = low(v[b + 1]);
        int h2 = high(v[a + 1]);
        int h3 = low(v[a + 1]);
        int h4 = high(v[b]);
        int h5 = low(v[b]);
        int h6 = high(v[a]);
        int h7 = low(v[a]);
        long wk = v[0];
        for (int round = 0; round < 2; round++) {
            int t1 =
                    (h4 & h5 ^ ~h4 & h6)
                            + (Integer.rotateRight(h4, 6)
                                    ^ Integer.rotateRight(h4, 11)
                                    ^ Integer.rotateRight(h4, 25))
                            + (round == 0 ? low(wk) : high(wk))
                            + h7;
            int t2 =
                    (h0 & h1 ^ h0 & h2 ^ h1 & h2)
                            + (Integer.rotateRight(h0, 2)
                                    ^ Integer.rotateRight(h0, 13)
                                    ^ Integer.rotateRight(h0, 22));
            h7 = h6;
            h6 = h5;
            h5 = h4;
            h4 = h3 + t1;
            h3 = h2;
            h2 = h1;
            h1 = h0;
            h0 = t1 + t2;
        }
        v[d + 1] = pair(h0, h1);
        v[d] = pair(h4, h5);
    }

    /** SHA256MSG1. */
    public static void sha256msg1(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        int w4 = low(v[b]);
        long a0 = v[a];
        long a1 = v[a + 1];
        v[d] = pair(high(a0) + sigma0(low(a1)), low(a0) + sigma0(high(a0)));
        v[d + 1] = pair(high(a1) + sigma0(w4), low(a1) + sigma0(high(a1)));
    }

    /** SHA256MSG2. */
    public static void sha256msg2(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long b1 = v[b + 1];
        long a1 = v[a + 1];
        int w16 = low(v[a]) + sigma1(low(b1));
        int w17 = high(v[a]) + sigma1(high(b1));
        v[d] = pair(w17, w16);
        v[d + 1] = pair(high(a1) + sigma1(w17), low(a1) + sigma1(w16));
    }
}
