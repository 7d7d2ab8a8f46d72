package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Integer operations that AVX and AVX2 add (SDM volume 1, 14.1 and 14.6). */
public final class AvxInteger {
    private AvxInteger() {}

    private static void test(Cpu c, Insn i, long mask) {
        int b = AvxLanes.source(c, i);
        int a = SseMove.reg(i);
        long[] v = c.vec;
        long and = 0;
        long andNot = 0;
        for (int n = 0; n < (i.wide ? 4 : 2); n++) {
            and |= v[a + n] & v[b + n] & mask;
            andNot |= ~v[a + n] & v[b + n] & mask;
        }
        Flags.arithmetic(c, (and == 0 ? Flags.ZF : 0) | (andNot == 0 ? Flags.CF : 0));
    }

    /** VPTEST. */
    public static void ptest(Cpu c, Insn i) {
        test(c, i, -1);
    }

    /** VTESTPS: sign bits of singles. */
    public static void testps(Cpu c, Insn i) {
        test(c, i, 0x8000_0000_8000_0000L);
    }

    /** VTESTPD: sign bits of doubles. */
    public static void testpd(Cpu c, Insn i) {
        test(c, i, Long.MIN_VALUE);
    }

    /** VMPSADBW of 256 bits: three bits of the immediate for each lane. */
    public static void mpsadbw(Cpu c, Insn i) {
        int b = AvxLanes.source(c, i, 32);
        int imm = (int) i.immediate & 0xff;
        AvxLanes.applyImmediate(
                c, Sse4Integer::mpsadbw, SseMove.reg(i), AvxLanes.vvvv(i), b, imm, imm >> 3);
    }

    /** Both lanes are shifted by the low quadword of a 128-bit operand. */
    private static void shift(Cpu c, Insn i, Semantics.Vec f) {
        int b = AvxLanes.source(c, i, 16);
        AvxLanes.applyTo(c, f, SseMove.reg(i), AvxLanes.vvvv(i), b, b);
    }

    /** VPSRLW of 256 bits. */
    public static void psrlw(Cpu c, Insn i) {
        shift(c, i, SseInteger::psrlw);
    }

    /** VPSRLD of 256 bits. */
    public static void psrld(Cpu c, Insn i) {
        shift(c, i, SseInteger::psrld);
    }

    /** VPSRLQ of 256 bits. */
    public static void psrlq(Cpu c, Insn i) {
        shift(c, i, SseInteger::psrlq);
    }

    /** VPSRAW of 256 bits. */
    public static void psraw(Cpu c, Insn i) {
        shift(c, i, SseInteger::psraw);
    }

    /** VPSRAD of 256 bits. */
    public static void psrad(Cpu c, Insn i) {
        shift(c, i, SseInteger::psrad);
    }

    /** VPSLLW of 256 bits. */
    public static void psllw(Cpu c, Insn i) {
        shift(c, i, SseInteger::psllw);
    }

    /** VPSLLD of 256 bits. */
    public static void pslld(Cpu c, Insn i) {
        shift(c, i, SseInteger::pslld);
    }

    /** VPSLLQ of 256 bits. */
    public static void psllq(Cpu c, Insn i) {
        shift(c, i, SseInteger::psllq);
    }

    private static long psllv(long a, long count) {
        return Long.compareUnsigned(count, 64) < 0 ? a << count : 0;
    }

    private static long psllv(int a, int count) {
        return Integer.compareUnsigned(count, 32) < 0 ? (a << count) & 0xffff_ffffL : 0;
    }

    private static long psllvPair(long a, long b) {
        return psllv((int) a, (int) b) | psllv((int) (a >>> 32), (int) (b >>> 32)) << 32;
    }

    /** VPSLLVD. */
    public static void psllvd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = psllvPair(v[a], v[b]);
        v[d + 1] = psllvPair(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** VPSLLVQ. */
    public static void psllvq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = psllv(v[a], v[b]);
        v[d + 1] = psllv(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static long psrlv(long a, long count) {
        return Long.compareUnsigned(count, 64) < 0 ? a >>> count : 0;
    }

    private static long psrlv(int a, int count) {
        return Integer.compareUnsigned(count, 32) < 0 ? (a >>> count) & 0xffff_ffffL : 0;
    }

    private static long psrlvPair(long a, long b) {
        return psrlv((int) a, (int) b) | psrlv((int) (a >>> 32), (int) (b >>> 32)) << 32;
    }

    /** VPSRLVD. */
    public static void psrlvd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = psrlvPair(v[a], v[b]);
        v[d + 1] = psrlvPair(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** VPSRLVQ. */
    public static void psrlvq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = psrlv(v[a], v[b]);
        v[d + 1] = psrlv(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    private static int psrav(int a, int count) {
        return a >> (Integer.compareUnsigned(count, 32) < 0 ? count : 31);
    }

    private static long psravPair(long a, long b) {
        return psrav((int) a, (int) b) & 0xffff_ffffL
                | (long) psrav((int) (a >>> 32), (int) (b >>> 32)) << 32;
    }

    /** VPSRAVD. */
    public static void psravd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = psravPair(v[a], v[b]);
        v[d + 1] = psravPair(v[a + 1], v[b + 1]);
        v[d] = low;
    }
}
