package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/**
 * MMX instructions and those that SSE, SSE2 and SSSE3 added for MMX registers (SDM volume 1,
 * chapter 9, 10.4.4 and 12.5): moves, shuffles and what touches other registers. Arithmetic is in
 * {@link Packed}.
 */
public final class Mmx {
    private Mmx() {}

    // --- moves and logic
    // ----------------------------------------------------------------------------

    /** MOVQ and MOVD to an MMX register. */
    static long mov(long a, long b) {
        return b;
    }

    /** PAND. */
    static long pand(long a, long b) {
        return a & b;
    }

    /** PANDN. */
    static long pandn(long a, long b) {
        return ~a & b;
    }

    /** POR. */
    static long por(long a, long b) {
        return a | b;
    }

    /** PXOR. */
    static long pxor(long a, long b) {
        return a ^ b;
    }

    /** PABSB. */
    static long pabsb(long a, long b) {
        return Packed.pabsb(b);
    }

    /** PABSW. */
    static long pabsw(long a, long b) {
        return Packed.pabsw(b);
    }

    /** PABSD. */
    static long pabsd(long a, long b) {
        return Packed.pabsd(b);
    }

    // --- shuffles
    // -----------------------------------------------------------------------------------

    /** PUNPCKLBW. */
    static long punpcklbw(long a, long b) {
        return SseShuffle.spreadBytes(a) | SseShuffle.spreadBytes(b) << 8;
    }

    /** PUNPCKLWD. */
    static long punpcklwd(long a, long b) {
        return SseShuffle.spreadWords(a) | SseShuffle.spreadWords(b) << 16;
    }

    /** PUNPCKLDQ. */
    static long punpckldq(long a, long b) {
        return a & 0xffff_ffffL | b << 32;
    }

    /** PUNPCKHBW. */
    static long punpckhbw(long a, long b) {
        return punpcklbw(a >>> 32, b >>> 32);
    }

    /** PUNPCKHWD. */
    static long punpckhwd(long a, long b) {
        return punpcklwd(a >>> 32, b >>> 32);
    }

    /** PUNPCKHDQ. */
    static long punpckhdq(long a, long b) {
        return punpckldq(a >>> 32, b >>> 32);
    }

    /** PSHUFW: words of b as the four 2-bit fields of the immediate say. */
    static long pshufw(long a, long b, int imm) {
        return SseShuffle.words(b, imm);
    }

    /** PSHUFB: byte n of the result is the byte of a that b's byte n selects, or 0. */
    static long pshufb(long a, long b) {
        return SseShuffle.select(a, a, b);
    }

    /** PALIGNR: bytes from the immediate on of a:b (a above b). */
    static long palignr(long a, long b, int imm) {
        int shift = (imm & 7) * 8;
        return switch (imm >> 3) {
            case 0 -> shift == 0 ? b : b >>> shift | a << 64 - shift;
            case 1 -> a >>> shift;
            default -> 0;
        };
    }

    /** PINSRW. */
    static long pinsrw(long a, long b, int imm) {
        int shift = (imm & 3) * 16;
        return a & ~(0xffffL << shift) | (b & 0xffff) << shift;
    }

    // --- to memory and general registers
    // ------------------------------------------------------------

    /** MOVD and MOVQ to a general register or memory. */
    public static void toGeneral(Cpu c, Insn i) {
        MmxState.check(c);
        Operands.write(c, i, 1, MmxState.get(c, i.r2));
        MmxState.enter(c);
    }

    /** MOVQ to r/m, MOVNTQ. */
    public static void store(Cpu c, Insn i) {
        MmxState.check(c);
        long value = MmxState.get(c, i.r2);
        if (i.mem) {
            c.mem.store64(Operands.address(c, i, 8, true), value);
            MmxState.enter(c);
        } else {
            MmxState.set(c, i.r1, value);
        }
    }

    /** PMOVMSKB. */
    public static void pmovmskb(Cpu c, Insn i) {
        MmxState.check(c);
        MmxState.enter(c);
        c.r[i.r1] = SseInteger.signs(MmxState.get(c, i.r2));
    }

    /** PEXTRW. */
    public static void pextrw(Cpu c, Insn i) {
        MmxState.check(c);
        MmxState.enter(c);
        c.r[i.r1] = MmxState.get(c, i.r2) >>> ((int) i.immediate & 3) * 16 & 0xffff;
    }

    /** MASKMOVQ: stores the bytes whose mask byte has its top bit set, at DS:rDI. */
    public static void maskmovq(Cpu c, Insn i) {
        MmxState.check(c);
        int mask = SseInteger.signs(MmxState.get(c, i.r2));
        SseMove.storeMasked(c, i, 8, mask, MmxState.get(c, i.r1), 0);
        MmxState.enter(c);
    }

    /** EMMS: all x87 registers become empty. */
    public static void emms(Cpu c, Insn i) {
        MmxState.check(c);
        c.x87.top = 0;
        c.x87.empty = 0xff;
    }

    // --- to and from vector registers: MMX state is entered even if #XM follows
    // ----------------------

    /** MOVQ2DQ. */
    public static void movq2dq(Cpu c, Insn i) {
        MmxState.check(c);
        MmxState.enter(c);
        int d = SseMove.reg(i);
        c.vec[d] = MmxState.get(c, i.r2);
        c.vec[d + 1] = 0;
    }

    /** MOVDQ2Q. */
    public static void movdq2q(Cpu c, Insn i) {
        MmxState.check(c);
        MmxState.set(c, i.r1, c.vec[SseMove.rm(i)]);
    }

    /** An operand that makes no MMX instruction of its user if it is memory. */
    private static long integers(Cpu c, Insn i) {
        if (!i.mem) {
            MmxState.check(c);
            MmxState.enter(c);
        }
        return Operands.read(c, i, 2);
    }

    /** CVTPI2PS. */
    public static void cvtpi2ps(Cpu c, Insn i) {
        long r = SseConvert.integersToSingles(c, integers(c, i));
        c.vec[SseMove.reg(i)] = r;
    }

    /** CVTPI2PD: always exact. */
    public static void cvtpi2pd(Cpu c, Insn i) {
        long b = integers(c, i);
        int d = SseMove.reg(i);
        c.vec[d] = Double.doubleToRawLongBits((int) b);
        c.vec[d + 1] = Double.doubleToRawLongBits((int) (b >> 32));
    }

    /** CVTPS2PI. */
    public static void cvtps2pi(Cpu c, Insn i) {
        MmxState.check(c);
        long b = c.vec[SseMove.source(c, i, 8)];
        MmxState.enter(c);
        MmxState.set(c, i.r1, SseConvert.singlesToIntegers(c, b, ScalarFloat.rounding(c)));
    }

    /** CVTTPS2PI. */
    public static void cvttps2pi(Cpu c, Insn i) {
        MmxState.check(c);
        long b = c.vec[SseMove.source(c, i, 8)];
        MmxState.enter(c);
        MmxState.set(c, i.r1, SseConvert.singlesToIntegers(c, b, SseConvert.TRUNCATE));
    }

    /** CVTPD2PI. */
    public static void cvtpd2pi(Cpu c, Insn i) {
        MmxState.check(c);
        int b = SseMove.sourceAligned(c, i);
        MmxState.enter(c);
        MmxState.set(c, i.r1, SseConvert.doublesToIntegers(c, b, ScalarFloat.rounding(c)));
    }

    /** CVTTPD2PI. */
    public static void cvttpd2pi(Cpu c, Insn i) {
        MmxState.check(c);
        int b = SseMove.sourceAligned(c, i);
        MmxState.enter(c);
        MmxState.set(c, i.r1, SseConvert.doublesToIntegers(c, b, SseConvert.TRUNCATE));
    }
}
