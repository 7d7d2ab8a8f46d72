package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.fpu.Float16;
import io.queztl.emulator.fpu.FloatStatus;

/** Conversions of 256 bits and of half precision (SDM volume 1, 14.1 and 14.4). */
public final class AvxConvert {
    private AvxConvert() {}

    /** VCVTPS2PD to 256 bits. */
    public static void cvtps2pd(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseConvert::cvtps2pd);
    }

    /** VCVTDQ2PD to 256 bits. */
    public static void cvtdq2pd(Cpu c, Insn i) {
        AvxLanes.widen(c, i, 16, SseConvert::cvtdq2pd);
    }

    /** VCVTPD2PS of 256 bits. */
    public static void cvtpd2ps(Cpu c, Insn i) {
        AvxLanes.narrow(c, i, SseConvert::cvtpd2ps);
    }

    /** VCVTPD2DQ of 256 bits. */
    public static void cvtpd2dq(Cpu c, Insn i) {
        AvxLanes.narrow(c, i, SseConvert::cvtpd2dq);
    }

    /** VCVTTPD2DQ of 256 bits. */
    public static void cvttpd2dq(Cpu c, Insn i) {
        AvxLanes.narrow(c, i, SseConvert::cvttpd2dq);
    }

    /** VCVTPH2PS. */
    public static void cvtph2ps(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, i.wide ? 16 : 8);
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long[] v = c.vec;
        for (int n = 0; n < (i.wide ? 4 : 2); n++) {
            int pair = (int) (v[b + (n >> 1)] >>> (n & 1) * 32);
            v[AvxLanes.RESULT + n] =
                    Float16.toFloat32(s, pair & 0xffff) & 0xffff_ffffL
                            | (long) Float16.toFloat32(s, pair >>> 16) << 32;
        }
        c.raised |= s.flags;
        ScalarFloat.raise(c);
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    /** VCVTPS2PH: immediate bits 1:0 round, bit 2 takes MXCSR's rounding. */
    public static void cvtps2ph(Cpu c, Insn i) {
        int a = SseMove.reg(i);
        int imm = (int) i.immediate;
        int rounding = (imm & 4) != 0 ? ScalarFloat.rounding(c) : imm & 3;
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long low = 0;
        long high = 0;
        for (int n = 0; n < (i.wide ? 8 : 4); n++) {
            int x = (int) (c.vec[a + (n >> 1)] >>> (n & 1) * 32);
            long h = (long) (Float16.fromFloat32(s, x, rounding) & 0xffff) << (n & 3) * 16;
            if (n < 4) {
                low |= h;
            } else {
                high |= h;
            }
        }
        int size = i.wide ? 16 : 8;
        long linear = 0;
        if (i.mem) {
            linear = Operands.address(c, i, size, true);
            c.mem.checkWrite(linear, size);
        }
        c.raised |= s.flags;
        ScalarFloat.raise(c);
        if (i.mem) {
            c.mem.store64(linear, low);
            if (i.wide) {
                c.mem.store64(linear + 8, high);
            }
        } else {
            AvxLanes.set128(c, SseMove.rm(i), low, high);
        }
    }

    /** VDPPS of 256 bits: unmasked exceptions of any product come before all sums. */
    public static void dpps(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int a = AvxLanes.vvvv(i);
        int imm = (int) i.immediate & 0xff;
        long[] v = c.vec;
        for (int n = 0; n < 4; n++) {
            int bits = imm >> 4 + (n & 1) * 2;
            long mask = (bits & 1) * 0xffff_ffffL | (bits >> 1 & 1) * 0xffff_ffff_0000_0000L;
            v[AvxLanes.SOURCE + n] = v[a + n] & mask;
            v[AvxLanes.SOURCE + 4 + n] = v[b + n] & mask;
        }
        AvxLanes.apply(c, SseFloat::mulps, AvxLanes.SOURCE, AvxLanes.SOURCE, AvxLanes.SOURCE + 4);
        AvxLanes.applyImmediate(c, SseHorizontal::dpps, SseMove.reg(i), a, b, imm, imm);
    }
}
