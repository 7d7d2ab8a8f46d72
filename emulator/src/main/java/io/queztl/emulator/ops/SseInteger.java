package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Packed integer arithmetic on one 128-bit lane (SDM volume 1, 11.4 and 12.5–12.10): two quadwords,
 * each through {@link Packed}, which the MMX forms use too; only what crosses quadwords is done
 * here.
 */
public final class SseInteger {
    private SseInteger() {}

    /** The top bits of the eight bytes of a quadword. */
    public static int signs(long q) {
        return (int) ((q >>> 7 & 0x0101_0101_0101_0101L) * 0x0102_0408_1020_4080L >>> 56);
    }

    // --- logic
    // --------------------------------------------------------------------------------------

    /** PAND. */
    public static void pand(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] & v[b];
        v[d + 1] = v[a + 1] & v[b + 1];
    }

    /** PANDN. */
    public static void pandn(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = ~v[a] & v[b];
        v[d + 1] = ~v[a + 1] & v[b + 1];
    }

    /** POR. */
    public static void por(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] | v[b];
        v[d + 1] = v[a + 1] | v[b + 1];
    }

    /** PXOR. */
    public static void pxor(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] ^ v[b];
        v[d + 1] = v[a + 1] ^ v[b + 1];
    }

    /** PTEST: ZF if a AND b is zero, CF if NOT a AND b is zero. */
    public static void ptest(Cpu c, Insn i) {
        int b = SseMove.sourceAligned(c, i);
        int a = SseMove.reg(i);
        long[] v = c.vec;
        long and = v[a] & v[b] | v[a + 1] & v[b + 1];
        long andNot = ~v[a] & v[b] | ~v[a + 1] & v[b + 1];
        Flags.arithmetic(c, (and == 0 ? Flags.ZF : 0) | (andNot == 0 ? Flags.CF : 0));
    }

    // --- quadword by quadword
    // ---------------------------------------------------------------------------

    /** PADDB. */
    public static void paddb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddb(v[a], v[b]);
        v[d + 1] = Packed.paddb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDW. */
    public static void paddw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddw(v[a], v[b]);
        v[d + 1] = Packed.paddw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDD. */
    public static void paddd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddd(v[a], v[b]);
        v[d + 1] = Packed.paddd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDQ. */
    public static void paddq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddq(v[a], v[b]);
        v[d + 1] = Packed.paddq(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBB. */
    public static void psubb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubb(v[a], v[b]);
        v[d + 1] = Packed.psubb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBW. */
    public static void psubw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubw(v[a], v[b]);
        v[d + 1] = Packed.psubw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBD. */
    public static void psubd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubd(v[a], v[b]);
        v[d + 1] = Packed.psubd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBQ. */
    public static void psubq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubq(v[a], v[b]);
        v[d + 1] = Packed.psubq(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDSB. */
    public static void paddsb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddsb(v[a], v[b]);
        v[d + 1] = Packed.paddsb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDSW. */
    public static void paddsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddsw(v[a], v[b]);
        v[d + 1] = Packed.paddsw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDUSB. */
    public static void paddusb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddusb(v[a], v[b]);
        v[d + 1] = Packed.paddusb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PADDUSW. */
    public static void paddusw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.paddusw(v[a], v[b]);
        v[d + 1] = Packed.paddusw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBSB. */
    public static void psubsb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubsb(v[a], v[b]);
        v[d + 1] = Packed.psubsb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBSW. */
    public static void psubsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubsw(v[a], v[b]);
        v[d + 1] = Packed.psubsw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBUSB. */
    public static void psubusb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubusb(v[a], v[b]);
        v[d + 1] = Packed.psubusb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSUBUSW. */
    public static void psubusw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psubusw(v[a], v[b]);
        v[d + 1] = Packed.psubusw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMULLW. */
    public static void pmullw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmullw(v[a], v[b]);
        v[d + 1] = Packed.pmullw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMULHW. */
    public static void pmulhw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmulhw(v[a], v[b]);
        v[d + 1] = Packed.pmulhw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMULHUW. */
    public static void pmulhuw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmulhuw(v[a], v[b]);
        v[d + 1] = Packed.pmulhuw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMADDWD. */
    public static void pmaddwd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmaddwd(v[a], v[b]);
        v[d + 1] = Packed.pmaddwd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMULUDQ. */
    public static void pmuludq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmuludq(v[a], v[b]);
        v[d + 1] = Packed.pmuludq(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMADDUBSW. */
    public static void pmaddubsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmaddubsw(v[a], v[b]);
        v[d + 1] = Packed.pmaddubsw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMULHRSW. */
    public static void pmulhrsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmulhrsw(v[a], v[b]);
        v[d + 1] = Packed.pmulhrsw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PAVGB. */
    public static void pavgb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pavgb(v[a], v[b]);
        v[d + 1] = Packed.pavgb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PAVGW. */
    public static void pavgw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pavgw(v[a], v[b]);
        v[d + 1] = Packed.pavgw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSADBW. */
    public static void psadbw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psadbw(v[a], v[b]);
        v[d + 1] = Packed.psadbw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMINUB. */
    public static void pminub(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pminub(v[a], v[b]);
        v[d + 1] = Packed.pminub(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMAXUB. */
    public static void pmaxub(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmaxub(v[a], v[b]);
        v[d + 1] = Packed.pmaxub(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMINSW. */
    public static void pminsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pminsw(v[a], v[b]);
        v[d + 1] = Packed.pminsw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PMAXSW. */
    public static void pmaxsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pmaxsw(v[a], v[b]);
        v[d + 1] = Packed.pmaxsw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PCMPEQB. */
    public static void pcmpeqb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pcmpeqb(v[a], v[b]);
        v[d + 1] = Packed.pcmpeqb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PCMPEQW. */
    public static void pcmpeqw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pcmpeqw(v[a], v[b]);
        v[d + 1] = Packed.pcmpeqw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PCMPEQD. */
    public static void pcmpeqd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pcmpeqd(v[a], v[b]);
        v[d + 1] = Packed.pcmpeqd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PCMPGTB. */
    public static void pcmpgtb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pcmpgtb(v[a], v[b]);
        v[d + 1] = Packed.pcmpgtb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PCMPGTW. */
    public static void pcmpgtw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pcmpgtw(v[a], v[b]);
        v[d + 1] = Packed.pcmpgtw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PCMPGTD. */
    public static void pcmpgtd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.pcmpgtd(v[a], v[b]);
        v[d + 1] = Packed.pcmpgtd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSIGNB. */
    public static void psignb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psignb(v[a], v[b]);
        v[d + 1] = Packed.psignb(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSIGNW. */
    public static void psignw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psignw(v[a], v[b]);
        v[d + 1] = Packed.psignw(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PSIGND. */
    public static void psignd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.psignd(v[a], v[b]);
        v[d + 1] = Packed.psignd(v[a + 1], v[b + 1]);
        v[d] = low;
    }

    /** PABSB. */
    public static void pabsb(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = Packed.pabsb(v[b]);
        v[d + 1] = Packed.pabsb(v[b + 1]);
        v[d] = low;
    }

    /** PABSW. */
    public static void pabsw(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = Packed.pabsw(v[b]);
        v[d + 1] = Packed.pabsw(v[b + 1]);
        v[d] = low;
    }

    /** PABSD. */
    public static void pabsd(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = Packed.pabsd(v[b]);
        v[d + 1] = Packed.pabsd(v[b + 1]);
        v[d] = low;
    }

    // --- low result from a, high result from b
    // -----------------------------------------------------------

    /** PACKSSWB. */
    public static void packsswb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.packsswb(v[a], v[a + 1]);
        v[d + 1] = Packed.packsswb(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PACKSSDW. */
    public static void packssdw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.packssdw(v[a], v[a + 1]);
        v[d + 1] = Packed.packssdw(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PACKUSWB. */
    public static void packuswb(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.packuswb(v[a], v[a + 1]);
        v[d + 1] = Packed.packuswb(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PHADDW. */
    public static void phaddw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.phaddw(v[a], v[a + 1]);
        v[d + 1] = Packed.phaddw(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PHADDD. */
    public static void phaddd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.phaddd(v[a], v[a + 1]);
        v[d + 1] = Packed.phaddd(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PHADDSW. */
    public static void phaddsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.phaddsw(v[a], v[a + 1]);
        v[d + 1] = Packed.phaddsw(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PHSUBW. */
    public static void phsubw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.phsubw(v[a], v[a + 1]);
        v[d + 1] = Packed.phsubw(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PHSUBD. */
    public static void phsubd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.phsubd(v[a], v[a + 1]);
        v[d + 1] = Packed.phsubd(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PHSUBSW. */
    public static void phsubsw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = Packed.phsubsw(v[a], v[a + 1]);
        v[d + 1] = Packed.phsubsw(v[b], v[b + 1]);
        v[d] = low;
    }

    /** PACKUSDW. */
    public static void packusdw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long low = packUnsigned(v[a]) | packUnsigned(v[a + 1]) << 32;
        v[d + 1] = packUnsigned(v[b]) | packUnsigned(v[b + 1]) << 32;
        v[d] = low;
    }

    private static long packUnsigned(long q) {
        return Math.clamp((int) q, 0, 0xffff) | (long) Math.clamp(q >> 32, 0, 0xffff) << 16;
    }

    // --- shifts: all elements by one count; counts beyond the element's width empty it
    // ------------------

    /** PSRLW by the low quadword of b. */
    public static void psrlw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psrlw(v[a], count);
        v[d + 1] = Packed.psrlw(v[a + 1], count);
        v[d] = low;
    }

    /** PSRLW by an immediate. */
    public static void psrlwImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psrlw(v[b], imm & 0xff);
        v[d + 1] = Packed.psrlw(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSRLD by the low quadword of b. */
    public static void psrld(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psrld(v[a], count);
        v[d + 1] = Packed.psrld(v[a + 1], count);
        v[d] = low;
    }

    /** PSRLD by an immediate. */
    public static void psrldImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psrld(v[b], imm & 0xff);
        v[d + 1] = Packed.psrld(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSRLQ by the low quadword of b. */
    public static void psrlq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psrlq(v[a], count);
        v[d + 1] = Packed.psrlq(v[a + 1], count);
        v[d] = low;
    }

    /** PSRLQ by an immediate. */
    public static void psrlqImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psrlq(v[b], imm & 0xff);
        v[d + 1] = Packed.psrlq(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSRAW by the low quadword of b. */
    public static void psraw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psraw(v[a], count);
        v[d + 1] = Packed.psraw(v[a + 1], count);
        v[d] = low;
    }

    /** PSRAW by an immediate. */
    public static void psrawImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psraw(v[b], imm & 0xff);
        v[d + 1] = Packed.psraw(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSRAD by the low quadword of b. */
    public static void psrad(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psrad(v[a], count);
        v[d + 1] = Packed.psrad(v[a + 1], count);
        v[d] = low;
    }

    /** PSRAD by an immediate. */
    public static void psradImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psrad(v[b], imm & 0xff);
        v[d + 1] = Packed.psrad(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSLLW by the low quadword of b. */
    public static void psllw(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psllw(v[a], count);
        v[d + 1] = Packed.psllw(v[a + 1], count);
        v[d] = low;
    }

    /** PSLLW by an immediate. */
    public static void psllwImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psllw(v[b], imm & 0xff);
        v[d + 1] = Packed.psllw(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSLLD by the low quadword of b. */
    public static void pslld(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.pslld(v[a], count);
        v[d + 1] = Packed.pslld(v[a + 1], count);
        v[d] = low;
    }

    /** PSLLD by an immediate. */
    public static void pslldImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.pslld(v[b], imm & 0xff);
        v[d + 1] = Packed.pslld(v[b + 1], imm & 0xff);
        v[d] = low;
    }

    /** PSLLQ by the low quadword of b. */
    public static void psllq(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long count = v[b];
        long low = Packed.psllq(v[a], count);
        v[d + 1] = Packed.psllq(v[a + 1], count);
        v[d] = low;
    }

    /** PSLLQ by an immediate. */
    public static void psllqImmediate(Cpu c, int d, int b, int imm) {
        long[] v = c.vec;
        long low = Packed.psllq(v[b], imm & 0xff);
        v[d + 1] = Packed.psllq(v[b + 1], imm & 0xff);
        v[d] = low;
    }
}
