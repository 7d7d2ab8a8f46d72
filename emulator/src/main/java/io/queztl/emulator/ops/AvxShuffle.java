package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/** Permutations, blends and extensions of 256 bits (SDM volume 1, 14.1 and 14.6). */
public final class AvxShuffle {
    private AvxShuffle() {}

    /** VSHUFPD of 256 bits: the immediate has bits for each lane. */
    public static void shufpd(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int imm = (int) i.immediate & 0xff;
        AvxLanes.applyImmediate(
                c, SseShuffle::shufpd, SseMove.reg(i), AvxLanes.vvvv(i), b, imm, imm >> 2);
    }

    /** VBLENDPS of 256 bits: the immediate has bits for each lane. */
    public static void blendps(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int imm = (int) i.immediate & 0xff;
        AvxLanes.applyImmediate(
                c, SseShuffle::blendps, SseMove.reg(i), AvxLanes.vvvv(i), b, imm, imm >> 4);
    }

    /** VBLENDPD of 256 bits: the immediate has bits for each lane. */
    public static void blendpd(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int imm = (int) i.immediate & 0xff;
        AvxLanes.applyImmediate(
                c, SseShuffle::blendpd, SseMove.reg(i), AvxLanes.vvvv(i), b, imm, imm >> 2);
    }

    /** VBLENDVPS: the mask register is in bits 7:4 of the immediate. */
    public static void blendvps(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i);
        int a = AvxLanes.vvvv(i);
        int m = maskRegister(i);
        SseShuffle.blendSingles(c, AvxLanes.RESULT, a, b, m);
        if (i.wide) {
            SseShuffle.blendSingles(c, AvxLanes.RESULT + 2, a + 2, b + 2, m + 2);
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VBLENDVPD: the mask register is in bits 7:4 of the immediate. */
    public static void blendvpd(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i);
        int a = AvxLanes.vvvv(i);
        int m = maskRegister(i);
        SseShuffle.blendDoubles(c, AvxLanes.RESULT, a, b, m);
        if (i.wide) {
            SseShuffle.blendDoubles(c, AvxLanes.RESULT + 2, a + 2, b + 2, m + 2);
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VPBLENDVB: the mask register is in bits 7:4 of the immediate. */
    public static void pblendvb(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i);
        int a = AvxLanes.vvvv(i);
        int m = maskRegister(i);
        SseShuffle.blendBytes(c, AvxLanes.RESULT, a, b, m);
        if (i.wide) {
            SseShuffle.blendBytes(c, AvxLanes.RESULT + 2, a + 2, b + 2, m + 2);
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VPMOVSXBW to 256 bits. */
    public static void pmovsxbw(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseShuffle::pmovsxbw);
    }

    /** VPMOVZXBW to 256 bits. */
    public static void pmovzxbw(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseShuffle::pmovzxbw);
    }

    /** VPMOVSXBD to 256 bits. */
    public static void pmovsxbd(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 8, SseShuffle::pmovsxbd);
    }

    /** VPMOVZXBD to 256 bits. */
    public static void pmovzxbd(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 8, SseShuffle::pmovzxbd);
    }

    /** VPMOVSXBQ to 256 bits. */
    public static void pmovsxbq(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 4, SseShuffle::pmovsxbq);
    }

    /** VPMOVZXBQ to 256 bits. */
    public static void pmovzxbq(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 4, SseShuffle::pmovzxbq);
    }

    /** VPMOVSXWD to 256 bits. */
    public static void pmovsxwd(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseShuffle::pmovsxwd);
    }

    /** VPMOVZXWD to 256 bits. */
    public static void pmovzxwd(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseShuffle::pmovzxwd);
    }

    /** VPMOVSXWQ to 256 bits. */
    public static void pmovsxwq(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 8, SseShuffle::pmovsxwq);
    }

    /** VPMOVZXWQ to 256 bits. */
    public static void pmovzxwq(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 8, SseShuffle::pmovzxwq);
    }

    /** VPMOVSXDQ to 256 bits. */
    public static void pmovsxdq(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseShuffle::pmovsxdq);
    }

    /** VPMOVZXDQ to 256 bits. */
    public static void pmovzxdq(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseShuffle::pmovzxdq);
    }

    private static int maskRegister(Insn i) {
        return ((int) i.immediate >> 4 & (i.mode64 ? 15 : 7)) * Cpu.VEC_STRIDE;
    }

    private static long dword(long[] v, int at, int n) {
        return v[at + (n >> 1)] >>> (n & 1) * 32 & 0xffff_ffffL;
    }

    /** VPERMILPS: each doubleword of the lane chosen by bits 1:0 of b's. */
    public static void permilps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = dword(v, a, (int) v[b] & 3) | dword(v, a, (int) (v[b] >>> 32) & 3) << 32;
        long high =
                dword(v, a, (int) v[b + 1] & 3) | dword(v, a, (int) (v[b + 1] >>> 32) & 3) << 32;
        v[d] = low;
        v[d + 1] = high;
    }

    /** VPERMILPD: each quadword of the lane chosen by bit 1 of b's. */
    public static void permilpd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = v[a + ((int) v[b] >> 1 & 1)];
        long high = v[a + ((int) v[b + 1] >> 1 & 1)];
        v[d] = low;
        v[d + 1] = high;
    }

    /** VPERMILPD by an immediate, a bit for each quadword. */
    public static void permilpdImmediate(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i);
        int imm = (int) i.immediate;
        long[] v = c.vec;
        for (int n = 0; n < (i.wide ? 4 : 2); n++) {
            v[AvxLanes.RESULT + n] = v[b + (n & 2) + (imm >> n & 1)];
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VPERM2F128, VPERM2I128. */
    public static void perm2x128(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int a = AvxLanes.vvvv(i);
        long[] v = c.vec;
        for (int n = 0; n < 2; n++) {
            int control = (int) i.immediate >> 4 * n;
            int from = ((control & 2) != 0 ? b : a) + (control & 1) * 2;
            boolean zero = (control & 8) != 0;
            v[AvxLanes.RESULT + 2 * n] = zero ? 0 : v[from];
            v[AvxLanes.RESULT + 2 * n + 1] = zero ? 0 : v[from + 1];
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VINSERTF128, VINSERTI128. */
    public static void insert128(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 16);
        long low = c.vec[b];
        long high = c.vec[b + 1];
        int d = SseMove.reg(i);
        AvxLanes.copy(c, d, AvxLanes.vvvv(i));
        int at = d + ((int) i.immediate & 1) * 2;
        c.vec[at] = low;
        c.vec[at + 1] = high;
    }

    /** VEXTRACTF128, VEXTRACTI128. */
    public static void extract128(Cpu c, Insn i) {
        int s = SseMove.reg(i) + ((int) i.immediate & 1) * 2;
        long low = c.vec[s];
        long high = c.vec[s + 1];
        if (i.mem) {
            SseMove.store(c, Operands.address(c, i, 16, true), low, high);
        } else {
            AvxLanes.set128(c, SseMove.rm(i), low, high);
        }
    }

    /** VPERMD, VPERMPS: doublewords of b chosen by bits 2:0 of a's. */
    public static void permd(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int a = AvxLanes.vvvv(i);
        long[] v = c.vec;
        for (int n = 0; n < 4; n++) {
            v[AvxLanes.RESULT + n] =
                    dword(v, b, (int) v[a + n] & 7)
                            | dword(v, b, (int) (v[a + n] >>> 32) & 7) << 32;
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VPERMQ, VPERMPD. */
    public static void permq(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        for (int n = 0; n < 4; n++) {
            c.vec[AvxLanes.RESULT + n] = c.vec[b + ((int) i.immediate >> 2 * n & 3)];
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VPBLENDD: a bit for each doubleword. */
    public static void pblendd(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i);
        int a = AvxLanes.vvvv(i);
        long[] v = c.vec;
        for (int n = 0; n < (i.wide ? 4 : 2); n++) {
            int bits = (int) i.immediate >> 2 * n;
            long mask = (bits & 1) * 0xffff_ffffL | (bits >> 1 & 1) * 0xffff_ffff_0000_0000L;
            v[AvxLanes.RESULT + n] = v[a + n] & ~mask | v[b + n] & mask;
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }
}
