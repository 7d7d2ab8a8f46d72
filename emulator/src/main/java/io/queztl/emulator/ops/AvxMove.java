package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/** Moves and broadcasts of 256 bits (SDM volume 1, 14.1 and 14.6). */
public final class AvxMove {
    private AvxMove() {}

    /** VMOVAPS, VMOVAPD, VMOVDQA and VMOVNTDQA: memory must be aligned, else #GP. */
    public static void loadAligned(Cpu c, Insn i) {
        int b = i.mem ? AvxLanes.load(c, aligned(c, i, false), AvxLanes.bytes(i)) : SseMove.rm(i);
        AvxLanes.copy(c, SseMove.reg(i), b);
    }

    private static long aligned(Cpu c, Insn i, boolean write) {
        int size = AvxLanes.bytes(i);
        long linear = Operands.address(c, i, size, write);
        if ((linear & size - 1) != 0) {
            throw c.gp(0);
        }
        return linear;
    }

    /** VMOVAPS and its kin to r/m, and the non-temporal stores. */
    public static void storeAligned(Cpu c, Insn i) {
        if (i.mem) {
            store(c, aligned(c, i, true), SseMove.reg(i), i.wide);
        } else {
            toRegister(c, i);
        }
    }

    /** VMOVUPS and its kin to r/m. */
    public static void storeUnaligned(Cpu c, Insn i) {
        if (i.mem) {
            store(c, Operands.address(c, i, AvxLanes.bytes(i), true), SseMove.reg(i), i.wide);
        } else {
            toRegister(c, i);
        }
    }

    private static void store(Cpu c, long linear, int s, boolean wide) {
        int size = wide ? 32 : 16;
        if ((linear & 0xfff) > 4096 - size) {
            c.mem.checkWrite(linear, size);
        }
        c.mem.store64(linear, c.vec[s]);
        c.mem.store64(linear + 8, c.vec[s + 1]);
        if (wide) {
            c.mem.store64(linear + 16, c.vec[s + 2]);
            c.mem.store64(linear + 24, c.vec[s + 3]);
        }
    }

    private static void toRegister(Cpu c, Insn i) {
        int d = SseMove.rm(i);
        AvxLanes.copy(c, d, SseMove.reg(i));
        if (!i.wide) {
            c.vec[d + 2] = 0;
            c.vec[d + 3] = 0;
        }
    }

    /** VMOVSS between registers, the encoding that stores. */
    public static void movss(Cpu c, Insn i) {
        int d = SseMove.rm(i);
        SseMove.movss(c, d, AvxLanes.vvvv(i), SseMove.reg(i));
        AvxLanes.set128(c, d, c.vec[d], c.vec[d + 1]);
    }

    /** VMOVSD between registers, the encoding that stores. */
    public static void movsd(Cpu c, Insn i) {
        int d = SseMove.rm(i);
        SseMove.movsd(c, d, AvxLanes.vvvv(i), SseMove.reg(i));
        AvxLanes.set128(c, d, c.vec[d], c.vec[d + 1]);
    }

    /** VMOVQ to r/m. */
    public static void storeQuad(Cpu c, Insn i) {
        SseMove.storeQuad(c, i);
        if (!i.mem) {
            int d = SseMove.rm(i);
            AvxLanes.set128(c, d, c.vec[d], 0);
        }
    }

    /** VMOVMSKPS of 256 bits. */
    public static void movmskps256(Cpu c, Insn i) {
        long r = 0;
        for (int n = 0; n < 4; n++) {
            long q = c.vec[SseMove.rm(i) + n];
            r |= (q >>> 31 & 1 | q >>> 62 & 2) << 2 * n;
        }
        c.r[i.reg] = r;
    }

    /** VMOVMSKPD of 256 bits. */
    public static void movmskpd256(Cpu c, Insn i) {
        long r = 0;
        for (int n = 0; n < 4; n++) {
            r |= c.vec[SseMove.rm(i) + n] >>> 63 << n;
        }
        c.r[i.reg] = r;
    }

    /** VPMOVMSKB of 256 bits. */
    public static void pmovmskb256(Cpu c, Insn i) {
        long r = 0;
        for (int n = 0; n < 4; n++) {
            r |= (SseInteger.signs(c.vec[SseMove.rm(i) + n]) & 0xffL) << 8 * n;
        }
        c.r[i.reg] = r;
    }

    /** VPCMPESTRM. */
    public static void pcmpestrm(Cpu c, Insn i) {
        SseString.pcmpestrm(c, i);
        AvxLanes.set128(c, 0, c.vec[0], c.vec[1]);
    }

    /** VPCMPISTRM. */
    public static void pcmpistrm(Cpu c, Insn i) {
        SseString.pcmpistrm(c, i);
        AvxLanes.set128(c, 0, c.vec[0], c.vec[1]);
    }

    /** Registers that VZEROUPPER and VZEROALL see. */
    private static int longs(Cpu c) {
        return (c.mode64 ? 16 : 8) * Cpu.VEC_STRIDE;
    }

    /** VZEROUPPER. */
    public static void vzeroupper(Cpu c, Insn i) {
        for (int n = 2; n < longs(c); n += Cpu.VEC_STRIDE) {
            c.vec[n] = 0;
            c.vec[n + 1] = 0;
        }
    }

    /** VZEROALL. */
    public static void vzeroall(Cpu c, Insn i) {
        java.util.Arrays.fill(c.vec, 0, longs(c), 0);
    }

    private static void fill(Cpu c, Insn i, long value) {
        int d = SseMove.reg(i);
        AvxLanes.set128(c, d, value, value);
        if (i.wide) {
            c.vec[d + 2] = value;
            c.vec[d + 3] = value;
        }
    }

    /** VPBROADCASTB. */
    public static void broadcastb(Cpu c, Insn i) {
        fill(c, i, (c.vec[AvxLanes.source(c, i, 1)] & 0xff) * 0x0101_0101_0101_0101L);
    }

    /** VPBROADCASTW. */
    public static void broadcastw(Cpu c, Insn i) {
        fill(c, i, (c.vec[AvxLanes.source(c, i, 2)] & 0xffff) * 0x0001_0001_0001_0001L);
    }

    /** VPBROADCASTD, VBROADCASTSS. */
    public static void broadcastd(Cpu c, Insn i) {
        fill(c, i, (c.vec[AvxLanes.source(c, i, 4)] & 0xffff_ffffL) * 0x1_0000_0001L);
    }

    /** VPBROADCASTQ, VBROADCASTSD. */
    public static void broadcastq(Cpu c, Insn i) {
        fill(c, i, c.vec[AvxLanes.source(c, i, 8)]);
    }

    /** VBROADCASTF128, VBROADCASTI128. */
    public static void broadcast128(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 16);
        int d = SseMove.reg(i);
        System.arraycopy(c.vec, b, c.vec, d, 2);
        System.arraycopy(c.vec, b, c.vec, d + 2, 2);
    }
}
