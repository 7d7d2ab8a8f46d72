package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;

/**
 * MMX instructions and their SSE, SSE2 and SSSE3 extensions (SDM volume 1, chapter 9, 10.4.4 and
 * 12.5). Lane arithmetic is that of {@link Packed}.
 */
public final class Mmx {
    private Mmx() {}

    // --- arithmetic ------------------------------------------------------------------------------

    /** PADDB. */
    public static long paddb(Cpu c, long a, long b) {
        return Packed.paddb(a, b);
    }

    /** PADDW. */
    public static long paddw(Cpu c, long a, long b) {
        return Packed.paddw(a, b);
    }

    /** PADDD. */
    public static long paddd(Cpu c, long a, long b) {
        return Packed.paddd(a, b);
    }

    /** PADDQ. */
    public static long paddq(Cpu c, long a, long b) {
        return Packed.paddq(a, b);
    }

    /** PADDSB. */
    public static long paddsb(Cpu c, long a, long b) {
        return Packed.paddsb(a, b);
    }

    /** PADDSW. */
    public static long paddsw(Cpu c, long a, long b) {
        return Packed.paddsw(a, b);
    }

    /** PADDUSB. */
    public static long paddusb(Cpu c, long a, long b) {
        return Packed.paddusb(a, b);
    }

    /** PADDUSW. */
    public static long paddusw(Cpu c, long a, long b) {
        return Packed.paddusw(a, b);
    }

    /** PSUBB. */
    public static long psubb(Cpu c, long a, long b) {
        return Packed.psubb(a, b);
    }

    /** PSUBW. */
    public static long psubw(Cpu c, long a, long b) {
        return Packed.psubw(a, b);
    }

    /** PSUBD. */
    public static long psubd(Cpu c, long a, long b) {
        return Packed.psubd(a, b);
    }

    /** PSUBQ. */
    public static long psubq(Cpu c, long a, long b) {
        return Packed.psubq(a, b);
    }

    /** PSUBSB. */
    public static long psubsb(Cpu c, long a, long b) {
        return Packed.psubsb(a, b);
    }

    /** PSUBSW. */
    public static long psubsw(Cpu c, long a, long b) {
        return Packed.psubsw(a, b);
    }

    /** PSUBUSB. */
    public static long psubusb(Cpu c, long a, long b) {
        return Packed.psubusb(a, b);
    }

    /** PSUBUSW. */
    public static long psubusw(Cpu c, long a, long b) {
        return Packed.psubusw(a, b);
    }

    /** PMULLW. */
    public static long pmullw(Cpu c, long a, long b) {
        return Packed.pmullw(a, b);
    }

    /** PMULHW. */
    public static long pmulhw(Cpu c, long a, long b) {
        return Packed.pmulhw(a, b);
    }

    /** PMULHUW. */
    public static long pmulhuw(Cpu c, long a, long b) {
        return Packed.pmulhuw(a, b);
    }

    /** PMULUDQ. */
    public static long pmuludq(Cpu c, long a, long b) {
        return Packed.pmuludq(a, b);
    }

    /** PMADDWD. */
    public static long pmaddwd(Cpu c, long a, long b) {
        return Packed.pmaddwd(a, b);
    }

    /** PSADBW. */
    public static long psadbw(Cpu c, long a, long b) {
        return Packed.psadbw(a, b);
    }

    /** PAVGB. */
    public static long pavgb(Cpu c, long a, long b) {
        return Packed.pavgb(a, b);
    }

    /** PAVGW. */
    public static long pavgw(Cpu c, long a, long b) {
        return Packed.pavgw(a, b);
    }

    /** PMINUB. */
    public static long pminub(Cpu c, long a, long b) {
        return Packed.pminub(a, b);
    }

    /** PMAXUB. */
    public static long pmaxub(Cpu c, long a, long b) {
        return Packed.pmaxub(a, b);
    }

    /** PMINSW. */
    public static long pminsw(Cpu c, long a, long b) {
        return Packed.pminsw(a, b);
    }

    /** PMAXSW. */
    public static long pmaxsw(Cpu c, long a, long b) {
        return Packed.pmaxsw(a, b);
    }

    /** PCMPEQB. */
    public static long pcmpeqb(Cpu c, long a, long b) {
        return Packed.pcmpeqb(a, b);
    }

    /** PCMPEQW. */
    public static long pcmpeqw(Cpu c, long a, long b) {
        return Packed.pcmpeqw(a, b);
    }

    /** PCMPEQD. */
    public static long pcmpeqd(Cpu c, long a, long b) {
        return Packed.pcmpeqd(a, b);
    }

    /** PCMPGTB. */
    public static long pcmpgtb(Cpu c, long a, long b) {
        return Packed.pcmpgtb(a, b);
    }

    /** PCMPGTW. */
    public static long pcmpgtw(Cpu c, long a, long b) {
        return Packed.pcmpgtw(a, b);
    }

    /** PCMPGTD. */
    public static long pcmpgtd(Cpu c, long a, long b) {
        return Packed.pcmpgtd(a, b);
    }

    // --- logic -----------------------------------------------------------------------------------

    /** PAND. */
    public static long pand(Cpu c, long a, long b) {
        return a & b;
    }

    /** PANDN. */
    public static long pandn(Cpu c, long a, long b) {
        return ~a & b;
    }

    /** POR. */
    public static long por(Cpu c, long a, long b) {
        return a | b;
    }

    /** PXOR. */
    public static long pxor(Cpu c, long a, long b) {
        return a ^ b;
    }

    // --- shifts ----------------------------------------------------------------------------------

    /** PSRLW. */
    public static long psrlw(Cpu c, long a, long b) {
        return Packed.psrlw(a, b);
    }

    /** PSRLD. */
    public static long psrld(Cpu c, long a, long b) {
        return Packed.psrld(a, b);
    }

    /** PSRLQ. */
    public static long psrlq(Cpu c, long a, long b) {
        return Packed.psrlq(a, b);
    }

    /** PSRAW. */
    public static long psraw(Cpu c, long a, long b) {
        return Packed.psraw(a, b);
    }

    /** PSRAD. */
    public static long psrad(Cpu c, long a, long b) {
        return Packed.psrad(a, b);
    }

    /** PSLLW. */
    public static long psllw(Cpu c, long a, long b) {
        return Packed.psllw(a, b);
    }

    /** PSLLD. */
    public static long pslld(Cpu c, long a, long b) {
        return Packed.pslld(a, b);
    }

    /** PSLLQ. */
    public static long psllq(Cpu c, long a, long b) {
        return Packed.psllq(a, b);
    }

    /** PSRLW by an immediate. */
    public static long psrlwImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psrlw(a, immediate);
    }

    /** PSRAW by an immediate. */
    public static long psrawImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psraw(a, immediate);
    }

    /** PSLLW by an immediate. */
    public static long psllwImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psllw(a, immediate);
    }

    /** PSRLD by an immediate. */
    public static long psrldImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psrld(a, immediate);
    }

    /** PSRAD by an immediate. */
    public static long psradImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psrad(a, immediate);
    }

    /** PSLLD by an immediate. */
    public static long pslldImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.pslld(a, immediate);
    }

    /** PSRLQ by an immediate. */
    public static long psrlqImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psrlq(a, immediate);
    }

    /** PSLLQ by an immediate. */
    public static long psllqImmediate(Cpu c, long a, long b, int immediate) {
        return Packed.psllq(a, immediate);
    }

    // --- packing, unpacking, shuffling -----------------------------------------------------------

    /** PACKSSWB. */
    public static long packsswb(Cpu c, long a, long b) {
        return Packed.packsswb(a, b);
    }

    /** PACKUSWB. */
    public static long packuswb(Cpu c, long a, long b) {
        return Packed.packuswb(a, b);
    }

    /** PACKSSDW. */
    public static long packssdw(Cpu c, long a, long b) {
        return Packed.packssdw(a, b);
    }

    /** PUNPCKLBW. */
    public static long punpcklbw(Cpu c, long a, long b) {
        return spreadBytes(a) | spreadBytes(b) << 8;
    }

    /** PUNPCKLWD. */
    public static long punpcklwd(Cpu c, long a, long b) {
        return spreadWords(a) | spreadWords(b) << 16;
    }

    /** PUNPCKLDQ. */
    public static long punpckldq(Cpu c, long a, long b) {
        return a & 0xffff_ffffL | b << 32;
    }

    /** PUNPCKHBW. */
    public static long punpckhbw(Cpu c, long a, long b) {
        return spreadBytes(a >>> 32) | spreadBytes(b >>> 32) << 8;
    }

    /** PUNPCKHWD. */
    public static long punpckhwd(Cpu c, long a, long b) {
        return spreadWords(a >>> 32) | spreadWords(b >>> 32) << 16;
    }

    /** PUNPCKHDQ. */
    public static long punpckhdq(Cpu c, long a, long b) {
        return a >>> 32 | b & 0xffff_ffff_0000_0000L;
    }

    /** Puts a zero byte above each of the low four. */
    private static long spreadBytes(long q) {
        long x = (q & 0xffff_ffffL | q << 16) & 0x0000_ffff_0000_ffffL;
        return (x | x << 8) & 0x00ff_00ff_00ff_00ffL;
    }

    /** Puts a zero word above each of the low two. */
    private static long spreadWords(long q) {
        return q & 0xffff | (q & 0xffff_0000L) << 16;
    }

    /** PSHUFW. */
    public static long pshufw(Cpu c, long a, long b, int immediate) {
        return b >>> (immediate & 3) * 16 & 0xffff
                | (b >>> (immediate >> 2 & 3) * 16 & 0xffff) << 16
                | (b >>> (immediate >> 4 & 3) * 16 & 0xffff) << 32
                | b >>> (immediate >> 6) * 16 << 48;
    }

    // --- sSSE3 -----------------------------------------------------------------------------------

    /** PSHUFB. */
    public static long pshufb(Cpu c, long a, long b) {
        long r = 0;
        for (int shift = 0; shift < 64; shift += 8) {
            int control = (int) (b >>> shift);
            if ((control & 0x80) == 0) {
                r |= (a >>> (control & 7) * 8 & 0xff) << shift;
            }
        }
        return r;
    }

    /** PHADDW. */
    public static long phaddw(Cpu c, long a, long b) {
        return Packed.phaddw(a, b);
    }

    /** PHADDD. */
    public static long phaddd(Cpu c, long a, long b) {
        return Packed.phaddd(a, b);
    }

    /** PHADDSW. */
    public static long phaddsw(Cpu c, long a, long b) {
        return Packed.phaddsw(a, b);
    }

    /** PMADDUBSW. */
    public static long pmaddubsw(Cpu c, long a, long b) {
        return Packed.pmaddubsw(a, b);
    }

    /** PHSUBW. */
    public static long phsubw(Cpu c, long a, long b) {
        return Packed.phsubw(a, b);
    }

    /** PHSUBD. */
    public static long phsubd(Cpu c, long a, long b) {
        return Packed.phsubd(a, b);
    }

    /** PHSUBSW. */
    public static long phsubsw(Cpu c, long a, long b) {
        return Packed.phsubsw(a, b);
    }

    /** PSIGNB. */
    public static long psignb(Cpu c, long a, long b) {
        return Packed.psignb(a, b);
    }

    /** PSIGNW. */
    public static long psignw(Cpu c, long a, long b) {
        return Packed.psignw(a, b);
    }

    /** PSIGND. */
    public static long psignd(Cpu c, long a, long b) {
        return Packed.psignd(a, b);
    }

    /** PMULHRSW. */
    public static long pmulhrsw(Cpu c, long a, long b) {
        return Packed.pmulhrsw(a, b);
    }

    /** PABSB. */
    public static long pabsb(Cpu c, long a, long b) {
        return Packed.pabsb(b);
    }

    /** PABSW. */
    public static long pabsw(Cpu c, long a, long b) {
        return Packed.pabsw(b);
    }

    /** PABSD. */
    public static long pabsd(Cpu c, long a, long b) {
        return Packed.pabsd(b);
    }

    /** PALIGNR: eight bytes of a:b from byte {@code immediate} on. */
    public static long palignr(Cpu c, long a, long b, int immediate) {
        int shift = immediate * 8;
        if (shift >= 64) {
            return shift >= 128 ? 0 : a >>> shift - 64;
        }
        return shift == 0 ? b : b >>> shift | a << 64 - shift;
    }

    // --- moves -----------------------------------------------------------------------------------

    /** Checks before an instruction of kind {@code insn}, as the executors do for the others. */
    private static X87 check(Cpu c) {
        if ((c.cr0 & 4) != 0) {
            throw c.ud();
        }
        return X87Stack.waiting(c);
    }

    /** What every MMX instruction does to the x87 state: TOP is 0, all registers are valid. */
    private static void enter(X87 x) {
        x.top = 0;
        x.empty = 0;
    }

    private static void set(X87 x, int register, long value) {
        enter(x);
        x.significand[register] = value;
        x.signExponent[register] = 0xffff;
    }

    /** MOVD and MOVQ from a general register or memory. */
    public static void load(Cpu c, Insn i) {
        X87 x = check(c);
        set(x, i.registers[0], Operands.read(c, i, 2));
    }

    /** MOVD and MOVQ to a general register or memory. */
    public static void store(Cpu c, Insn i) {
        X87 x = check(c);
        Operands.write(c, i, 1, x.significand[i.registers[1]]);
        enter(x);
    }

    /** MOVQ from an MMX register or memory. */
    public static void movq(Cpu c, Insn i) {
        X87 x = check(c);
        set(x, i.registers[0], Operands.read(c, i, 2));
    }

    /** MOVQ to an MMX register or memory, MOVNTQ. */
    public static void storeQuad(Cpu c, Insn i) {
        X87 x = check(c);
        long value = x.significand[i.registers[1]];
        if (i.mem) {
            c.mem.store64(Operands.address(c, i, 8, true), value);
            enter(x);
        } else {
            set(x, i.registers[0], value);
        }
    }

    /** MASKMOVQ: the bytes whose mask bytes are negative, to DS:rDI. */
    public static void maskmovq(Cpu c, Insn i) {
        X87 x = check(c);
        long value = x.significand[i.registers[0]];
        int mask = SseInteger.signs(x.significand[i.registers[1]]);
        if (mask != 0) {
            long address = c.r[Cpu.RDI];
            if (i.addressSize != 8) {
                address &= i.addressSize == 4 ? 0xffff_ffffL : 0xffff;
            }
            long linear = Segmentation.linear(c, i.segment, address, 8, true);
            int first = Integer.numberOfTrailingZeros(mask);
            int last = 31 - Integer.numberOfLeadingZeros(mask);
            c.mem.checkWrite(linear + first, last - first + 1);
            for (int n = first; n <= last; n++) {
                if ((mask >> n & 1) != 0) {
                    c.mem.store8(linear + n, (byte) (value >>> n * 8));
                }
            }
        }
        enter(x);
    }

    /** PMOVMSKB. */
    public static void pmovmskb(Cpu c, Insn i) {
        X87 x = check(c);
        c.r[i.reg] = SseInteger.signs(x.significand[i.registers[1]]);
        enter(x);
    }

    /** PINSRW. */
    public static void pinsrw(Cpu c, Insn i) {
        X87 x = check(c);
        long word =
                i.mem
                        ? c.mem.load16(Operands.address(c, i, 2, false)) & 0xffff
                        : c.r[i.rm] & 0xffff;
        int shift = ((int) i.immediate & 3) * 16;
        long old = x.significand[i.registers[0]];
        set(x, i.registers[0], old & ~(0xffffL << shift) | word << shift);
    }

    /** PEXTRW. */
    public static void pextrw(Cpu c, Insn i) {
        X87 x = check(c);
        c.r[i.reg] = x.significand[i.registers[1]] >>> ((int) i.immediate & 3) * 16 & 0xffff;
        enter(x);
    }

    /** MOVQ2DQ. */
    public static void movq2dq(Cpu c, Insn i) {
        X87 x = check(c);
        int d = SseMove.reg(i);
        c.vec[d] = x.significand[i.registers[1]];
        c.vec[d + 1] = 0;
        enter(x);
    }

    /** MOVDQ2Q. */
    public static void movdq2q(Cpu c, Insn i) {
        X87 x = check(c);
        set(x, i.registers[0], c.vec[SseMove.rm(i)]);
    }

    /** EMMS: all registers are empty. */
    public static void emms(Cpu c, Insn i) {
        check(c).empty = 0xff;
    }

    // --- conversions between MMX and XMM registers -----------------------------------------------

    private static final int SCRATCH = Cpu.VEC_SCRATCH;

    /** CVTPI2PS. */
    public static void cvtpi2ps(Cpu c, Insn i) {
        fromIntegers(c, i);
        SseConvert.cvtdq2ps(c, SCRATCH, SCRATCH);
        c.vec[SseMove.reg(i)] = c.vec[SCRATCH];
    }

    /** CVTPI2PD, which is exact. */
    public static void cvtpi2pd(Cpu c, Insn i) {
        fromIntegers(c, i);
        SseConvert.cvtdq2pd(c, SseMove.reg(i), SCRATCH);
    }

    /** Brings two integers to the scratch register; those in memory do not touch x87 state. */
    private static void fromIntegers(Cpu c, Insn i) {
        if (i.mem) {
            c.vec[SCRATCH] = c.mem.load64(Operands.address(c, i, 8, false));
        } else {
            X87 x = check(c);
            c.vec[SCRATCH] = x.significand[i.registers[1]];
            enter(x);
        }
        c.vec[SCRATCH + 1] = 0;
    }

    /** CVTPS2PI. */
    public static void cvtps2pi(Cpu c, Insn i) {
        X87 x = check(c);
        twoFloats(c, x, i);
        SseConvert.cvtps2dq(c, SCRATCH, SCRATCH);
        set(x, i.registers[0], c.vec[SCRATCH]);
    }

    /** CVTTPS2PI. */
    public static void cvttps2pi(Cpu c, Insn i) {
        X87 x = check(c);
        twoFloats(c, x, i);
        SseConvert.cvttps2dq(c, SCRATCH, SCRATCH);
        set(x, i.registers[0], c.vec[SCRATCH]);
    }

    /** Brings two floats to the scratch register. An unmasked exception comes in MMX state. */
    private static void twoFloats(Cpu c, X87 x, Insn i) {
        c.vec[SCRATCH] = c.vec[SseMove.source(c, i, 8)];
        c.vec[SCRATCH + 1] = 0;
        enter(x);
    }

    /** CVTPD2PI. */
    public static void cvtpd2pi(Cpu c, Insn i) {
        X87 x = check(c);
        int source = SseMove.sourceAligned(c, i);
        enter(x);
        SseConvert.cvtpd2dq(c, SCRATCH, source);
        set(x, i.registers[0], c.vec[SCRATCH]);
    }

    /** CVTTPD2PI. */
    public static void cvttpd2pi(Cpu c, Insn i) {
        X87 x = check(c);
        int source = SseMove.sourceAligned(c, i);
        enter(x);
        SseConvert.cvttpd2dq(c, SCRATCH, source);
        set(x, i.registers[0], c.vec[SCRATCH]);
    }
}
