package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Shuffles, unpacks, blends and extensions of one 128-bit lane; SDM volume 1, chapters 10–12. */
public final class SseShuffle {
    private SseShuffle() {}

    private static long dword(long[] v, int s, int n) {
        return v[s + (n >> 1 & 1)] >>> ((n & 1) * 32) & 0xffff_ffffL;
    }

    /** PSHUFD: doublewords of b as the four 2-bit fields of the immediate say. */
    public static void pshufd(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = dword(v, b, imm) | dword(v, b, imm >> 2) << 32;
        long high = dword(v, b, imm >> 4) | dword(v, b, imm >> 6) << 32;
        v[d] = low;
        v[d + 1] = high;
    }

    /** The words of a quadword that the four 2-bit fields of an immediate choose. */
    static long words(long q, int imm) {
        return (q >>> ((imm & 3) * 16) & 0xffff)
                | (q >>> ((imm >> 2 & 3) * 16) & 0xffff) << 16
                | (q >>> ((imm >> 4 & 3) * 16) & 0xffff) << 32
                | q >>> ((imm >> 6 & 3) * 16) << 48;
    }

    /** PSHUFLW. */
    public static void pshuflw(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long high = v[b + 1];
        v[d] = words(v[b], imm);
        v[d + 1] = high;
    }

    /** PSHUFHW. */
    public static void pshufhw(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = v[b];
        v[d + 1] = words(v[b + 1], imm);
        v[d] = low;
    }

    /** SHUFPS: two doublewords of a, then two of b. */
    public static void shufps(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long low = dword(v, a, imm) | dword(v, a, imm >> 2) << 32;
        long high = dword(v, b, imm >> 4) | dword(v, b, imm >> 6) << 32;
        v[d] = low;
        v[d + 1] = high;
    }

    /** SHUFPD, from bits 1:0 of the immediate. */
    public static void shufpd(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long low = v[a + (imm & 1)];
        long high = v[b + (imm >> 1 & 1)];
        v[d] = low;
        v[d + 1] = high;
    }

    // --- unpack: interleave the low or the high halves of a and b
    // ----------------------------------

    /** Spreads the four bytes of the low half to the even bytes of a quadword. */
    static long spreadBytes(long x) {
        x &= 0xffff_ffffL;
        x = (x | x << 16) & 0x0000_ffff_0000_ffffL;
        return (x | x << 8) & 0x00ff_00ff_00ff_00ffL;
    }

    /** Spreads the two words of the low half to the even words of a quadword. */
    static long spreadWords(long x) {
        x &= 0xffff_ffffL;
        return (x | x << 16) & 0x0000_ffff_0000_ffffL;
    }

    private static void interleaveBytes(long[] v, int d, long a, long b) {
        v[d] = spreadBytes(a) | spreadBytes(b) << 8;
        v[d + 1] = spreadBytes(a >>> 32) | spreadBytes(b >>> 32) << 8;
    }

    private static void interleaveWords(long[] v, int d, long a, long b) {
        v[d] = spreadWords(a) | spreadWords(b) << 16;
        v[d + 1] = spreadWords(a >>> 32) | spreadWords(b >>> 32) << 16;
    }

    private static void interleaveDwords(long[] v, int d, long a, long b) {
        v[d] = a & 0xffff_ffffL | b << 32;
        v[d + 1] = a >>> 32 | b & 0xffff_ffff_0000_0000L;
    }

    /** PUNPCKLBW. */
    public static void punpcklbw(Cpu c, int d, int a, int b) {
        interleaveBytes(c.vec, d, c.vec[a], c.vec[b]);
    }

    /** PUNPCKHBW. */
    public static void punpckhbw(Cpu c, int d, int a, int b) {
        interleaveBytes(c.vec, d, c.vec[a + 1], c.vec[b + 1]);
    }

    /** PUNPCKLWD. */
    public static void punpcklwd(Cpu c, int d, int a, int b) {
        interleaveWords(c.vec, d, c.vec[a], c.vec[b]);
    }

    /** PUNPCKHWD. */
    public static void punpckhwd(Cpu c, int d, int a, int b) {
        interleaveWords(c.vec, d, c.vec[a + 1], c.vec[b + 1]);
    }

    /** PUNPCKLDQ, UNPCKLPS. */
    public static void punpckldq(Cpu c, int d, int a, int b) {
        interleaveDwords(c.vec, d, c.vec[a], c.vec[b]);
    }

    /** PUNPCKHDQ, UNPCKHPS. */
    public static void punpckhdq(Cpu c, int d, int a, int b) {
        interleaveDwords(c.vec, d, c.vec[a + 1], c.vec[b + 1]);
    }

    /** PUNPCKLQDQ, UNPCKLPD. */
    public static void punpcklqdq(Cpu c, int d, int a, int b) {
        SseMove.movlhps(c, d, a, b);
    }

    /** PUNPCKHQDQ, UNPCKHPD. */
    public static void punpckhqdq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long high = v[b + 1];
        v[d] = v[a + 1];
        v[d + 1] = high;
    }

    // --- bytes
    // ---------------------------------------------------------------------------------------

    /** PSHUFB: byte n of the result is the byte of a that b's byte n selects, or 0. */
    public static void pshufb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long a0 = v[a];
        long a1 = v[a + 1];
        long low = select(a0, a1, v[b]);
        long high = select(a0, a1, v[b + 1]);
        v[d] = low;
        v[d + 1] = high;
    }

    /** Eight bytes of a1:a0 by the low four bits of the bytes of {@code control}, or 0. */
    static long select(long a0, long a1, long control) {
        long result = 0;
        for (int shift = 0; shift < 64; shift += 8) {
            int n = (int) (control >>> shift);
            if ((n & 0x80) == 0) {
                long q = (n & 8) == 0 ? a0 : a1;
                result |= (q >>> ((n & 7) * 8) & 0xff) << shift;
            }
        }
        return result;
    }

    /** PALIGNR: bytes from the immediate on of a:b (a above b). */
    public static void palignr(Cpu c, int d, int a, int b, int imm) {
        long[] v = c.vec;
        long b0 = v[b];
        long b1 = v[b + 1];
        long a0 = v[a];
        long a1 = v[a + 1];
        int n = imm & 0xff;
        int quads = n >> 3;
        int shift = (n & 7) * 8;
        long q0 = pick(b0, b1, a0, a1, quads);
        long q1 = pick(b0, b1, a0, a1, quads + 1);
        long q2 = pick(b0, b1, a0, a1, quads + 2);
        v[d] = shift == 0 ? q0 : q0 >>> shift | q1 << 64 - shift;
        v[d + 1] = shift == 0 ? q1 : q1 >>> shift | q2 << 64 - shift;
    }

    private static long pick(long q0, long q1, long q2, long q3, int n) {
        return switch (n) {
            case 0 -> q0;
            case 1 -> q1;
            case 2 -> q2;
            case 3 -> q3;
            default -> 0;
        };
    }

    /** PSLLDQ: shifts left by whole bytes. */
    public static void pslldq(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = v[b];
        long high = v[b + 1];
        int n = Math.min(imm & 0xff, 16);
        int shift = (n & 7) * 8;
        if (n >= 8) {
            v[d + 1] = n == 16 ? 0 : low << shift;
            v[d] = 0;
        } else {
            v[d + 1] = shift == 0 ? high : high << shift | low >>> 64 - shift;
            v[d] = low << shift;
        }
    }

    /** PSRLDQ: shifts right by whole bytes. */
    public static void psrldq(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = v[b];
        long high = v[b + 1];
        int n = Math.min(imm & 0xff, 16);
        int shift = (n & 7) * 8;
        if (n >= 8) {
            v[d] = n == 16 ? 0 : high >>> shift;
            v[d + 1] = 0;
        } else {
            v[d] = shift == 0 ? low : low >>> shift | high << 64 - shift;
            v[d + 1] = high >>> shift;
        }
    }

    // --- blends
    // --------------------------------------------------------------------------------------

    private static void merge(long[] v, int d, int a, int b, long low, long high) {
        long r0 = v[a] & ~low | v[b] & low;
        long r1 = v[a + 1] & ~high | v[b + 1] & high;
        v[d] = r0;
        v[d + 1] = r1;
    }

    /** PBLENDVB by the top bits of the bytes of lane m. */
    public static void blendBytes(Cpu c, int d, int a, int b, int m) {
        long[] v = c.vec;
        merge(v, d, a, b, byteMask(v[m]), byteMask(v[m + 1]));
    }

    /** BLENDVPS by the top bits of the doublewords of lane m. */
    public static void blendSingles(Cpu c, int d, int a, int b, int m) {
        long[] v = c.vec;
        merge(v, d, a, b, dwordMask(v[m]), dwordMask(v[m + 1]));
    }

    /** BLENDVPD by the top bits of the quadwords of lane m. */
    public static void blendDoubles(Cpu c, int d, int a, int b, int m) {
        long[] v = c.vec;
        merge(v, d, a, b, v[m] >> 63, v[m + 1] >> 63);
    }

    /** PBLENDVB with its implicit mask in XMM0. */
    public static void pblendvb(Cpu c, int d, int a, int b) {
        blendBytes(c, d, a, b, 0);
    }

    /** BLENDVPS with its implicit mask in XMM0. */
    public static void blendvps(Cpu c, int d, int a, int b) {
        blendSingles(c, d, a, b, 0);
    }

    /** BLENDVPD with its implicit mask in XMM0. */
    public static void blendvpd(Cpu c, int d, int a, int b) {
        blendDoubles(c, d, a, b, 0);
    }

    /** 0xff in each byte whose top bit is set. */
    private static long byteMask(long q) {
        return (q >>> 7 & 0x0101_0101_0101_0101L) * 0xff;
    }

    private static long dwordMask(long q) {
        return (q >>> 31 & 0x0000_0001_0000_0001L) * 0xffff_ffffL;
    }

    /** PBLENDW. */
    public static void pblendw(Cpu c, int d, int a, int b, int imm) {
        merge(c.vec, d, a, b, wordBits(imm), wordBits(imm >> 4));
    }

    private static long wordBits(int bits) {
        long spread = bits & 1 | (bits & 2L) << 15 | (bits & 4L) << 30 | (bits & 8L) << 45;
        return spread * 0xffff;
    }

    /** BLENDPS. */
    public static void blendps(Cpu c, int d, int a, int b, int imm) {
        merge(c.vec, d, a, b, dwordBits(imm), dwordBits(imm >> 2));
    }

    private static long dwordBits(int bits) {
        return (bits & 1 | (bits & 2L) << 31) * 0xffff_ffffL;
    }

    /** BLENDPD. */
    public static void blendpd(Cpu c, int d, int a, int b, int imm) {
        merge(c.vec, d, a, b, -(imm & 1L), -(imm >> 1 & 1L));
    }

    /** INSERTPS from a register: bits 7:6 of the immediate choose the source doubleword. */
    public static void insertps(Cpu c, int d, int a, int b, int imm) {
        insert(c.vec, d, a, dword(c.vec, b, imm >> 6), imm);
    }

    /** INSERTPS from memory: the source is the doubleword itself. */
    public static void insertpsMemory(Cpu c, int d, int a, int b, int imm) {
        insert(c.vec, d, a, dword(c.vec, b, 0), imm);
    }

    private static void insert(long[] v, int d, int a, long value, int imm) {
        long low = v[a];
        long high = v[a + 1];
        int at = imm >> 4 & 3;
        long mask = 0xffff_ffffL << (at & 1) * 32;
        long placed = value << (at & 1) * 32;
        if (at < 2) {
            low = low & ~mask | placed;
        } else {
            high = high & ~mask | placed;
        }
        v[d] = low & ~dwordBits(imm);
        v[d + 1] = high & ~dwordBits(imm >> 2);
    }

    // --- extensions
    // ------------------------------------------------------------------------------------

    /** PMOVZXBW. */
    public static void pmovzxbw(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = spreadBytes(q);
        c.vec[d + 1] = spreadBytes(q >>> 32);
    }

    /** PMOVZXBD. */
    public static void pmovzxbd(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = q & 0xff | (q & 0xff00) << 24;
        c.vec[d + 1] = q >>> 16 & 0xff | (q >>> 24 & 0xff) << 32;
    }

    /** PMOVZXBQ. */
    public static void pmovzxbq(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = q & 0xff;
        c.vec[d + 1] = q >>> 8 & 0xff;
    }

    /** PMOVZXWD. */
    public static void pmovzxwd(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = spreadWords(q);
        c.vec[d + 1] = spreadWords(q >>> 32);
    }

    /** PMOVZXWQ. */
    public static void pmovzxwq(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = q & 0xffff;
        c.vec[d + 1] = q >>> 16 & 0xffff;
    }

    /** PMOVZXDQ. */
    public static void pmovzxdq(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = q & 0xffff_ffffL;
        c.vec[d + 1] = q >>> 32;
    }

    /** PMOVSXBW. */
    public static void pmovsxbw(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = signedWords(spreadBytes(q));
        c.vec[d + 1] = signedWords(spreadBytes(q >>> 32));
    }

    /** Sign-extends the low byte of each of four words whose high byte is 0. */
    private static long signedWords(long q) {
        return q | (q >>> 7 & 0x0001_0001_0001_0001L) * 0xff00;
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }

    /** PMOVSXBD. */
    public static void pmovsxbd(Cpu c, int d, int b) {
        int q = (int) c.vec[b];
        c.vec[d] = pair((byte) q, (byte) (q >> 8));
        c.vec[d + 1] = pair((byte) (q >> 16), q >> 24);
    }

    /** PMOVSXBQ. */
    public static void pmovsxbq(Cpu c, int d, int b) {
        int q = (int) c.vec[b];
        c.vec[d] = (byte) q;
        c.vec[d + 1] = (byte) (q >> 8);
    }

    /** PMOVSXWD. */
    public static void pmovsxwd(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = pair((short) q, (short) (q >> 16));
        c.vec[d + 1] = pair((short) (q >> 32), (short) (q >> 48));
    }

    /** PMOVSXWQ. */
    public static void pmovsxwq(Cpu c, int d, int b) {
        int q = (int) c.vec[b];
        c.vec[d] = (short) q;
        c.vec[d + 1] = q >> 16;
    }

    /** PMOVSXDQ. */
    public static void pmovsxdq(Cpu c, int d, int b) {
        long q = c.vec[b];
        c.vec[d] = (int) q;
        c.vec[d + 1] = q >> 32;
    }
}
