package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/**
 * Moves between vector registers, memory and general registers: SDM volume 1, 10.4.1, 11.4.1 and
 * 12.3. Lane functions take indices into {@link Cpu#vec}; the others do their own operand access.
 */
public final class SseMove {
    private SseMove() {}

    // --- access to operands, shared by the vector families
    // ------------------------------------------

    /** Index in {@link Cpu#vec} of the register in ModRM.reg. */
    static int reg(Insn i) {
        return i.reg * Cpu.VEC_STRIDE;
    }

    /** Index in {@link Cpu#vec} of the register in ModRM.rm. */
    static int rm(Insn i) {
        return i.rm * Cpu.VEC_STRIDE;
    }

    /**
     * Index in {@link Cpu#vec} of the r/m operand, which is loaded into the scratch register if it
     * is memory.
     *
     * @param size 4, 8 or 16 bytes; 16 need not be aligned
     */
    static int source(Cpu c, Insn i, int size) {
        if (!i.mem) {
            return rm(i);
        }
        long linear = Operands.address(c, i, size, false);
        long[] v = c.vec;
        long high = 0;
        long low;
        if (size == 16) {
            low = c.mem.load64(linear);
            high = c.mem.load64(linear + 8);
        } else {
            low = size == 8 ? c.mem.load64(linear) : c.mem.load32(linear) & 0xffff_ffffL;
        }
        v[Cpu.VEC_SCRATCH] = low;
        v[Cpu.VEC_SCRATCH + 1] = high;
        return Cpu.VEC_SCRATCH;
    }

    /** As {@link #source} for 16 bytes, which must be aligned unless the encoding is VEX. */
    static int sourceAligned(Cpu c, Insn i) {
        if (i.mem && !i.vex) {
            long linear = aligned(c, i, false);
            c.vec[Cpu.VEC_SCRATCH] = c.mem.load64(linear);
            c.vec[Cpu.VEC_SCRATCH + 1] = c.mem.load64(linear + 8);
            return Cpu.VEC_SCRATCH;
        }
        return source(c, i, 16);
    }

    /** The general register or memory operand of ModRM.rm, zero-extended. */
    static long general(Cpu c, Insn i, int registerSize, int memorySize) {
        return i.mem
                ? c.mem.load(Operands.address(c, i, memorySize, false), memorySize)
                : c.reg(i.rm, registerSize);
    }

    /** Stores 16 bytes; faults before either half is written. */
    static void store(Cpu c, long linear, long low, long high) {
        if ((linear & 0xfff) > 0xff0) {
            c.mem.checkWrite(linear, 16);
        }
        c.mem.store64(linear, low);
        c.mem.store64(linear + 8, high);
    }

    /** Linear address of a 16-byte memory operand that must be aligned, else #GP. */
    static long aligned(Cpu c, Insn i, boolean write) {
        long linear = Operands.address(c, i, 16, write);
        if ((linear & 15) != 0) {
            throw c.gp(0);
        }
        return linear;
    }

    private static void copyToRm(Cpu c, Insn i) {
        long[] v = c.vec;
        int d = rm(i);
        int s = reg(i);
        v[d] = v[s];
        v[d + 1] = v[s + 1];
    }

    // --- lane functions
    // -----------------------------------------------------------------------------

    /** Copies the lane: MOVAPS, MOVDQU, LDDQU and their kin. */
    public static void mov(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = v[b];
        v[d + 1] = v[b + 1];
        v[d] = low;
    }

    /** MOVQ, MOVSD from memory: low quadword, the rest zero. */
    public static void movq(Cpu c, int d, int b) {
        long[] v = c.vec;
        v[d] = v[b];
        v[d + 1] = 0;
    }

    /** MOVSS from memory: low doubleword, the rest zero. */
    public static void movd(Cpu c, int d, int b) {
        long[] v = c.vec;
        v[d] = v[b] & 0xffff_ffffL;
        v[d + 1] = 0;
    }

    /** MOVSS between registers: low doubleword from b, the rest from a. */
    public static void movss(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        v[d] = v[a] & 0xffff_ffff_0000_0000L | v[b] & 0xffff_ffffL;
        v[d + 1] = v[a + 1];
    }

    /** MOVSD between registers, MOVLPS and MOVLPD: low quadword from b, high from a. */
    public static void movsd(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long high = v[a + 1];
        v[d] = v[b];
        v[d + 1] = high;
    }

    /** MOVHLPS: low quadword from b's high one, high from a. */
    public static void movhlps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long high = v[a + 1];
        v[d] = v[b + 1];
        v[d + 1] = high;
    }

    /** MOVLHPS, and MOVHPS and MOVHPD from memory: low quadword from a, high from b's low one. */
    public static void movlhps(Cpu c, int d, int a, int b) {
        long[] v = c.vec;
        long high = v[b];
        v[d] = v[a];
        v[d + 1] = high;
    }

    /** MOVSLDUP: even doublewords twice. */
    public static void movsldup(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = v[b] & 0xffff_ffffL;
        long high = v[b + 1] & 0xffff_ffffL;
        v[d] = low | low << 32;
        v[d + 1] = high | high << 32;
    }

    /** MOVSHDUP: odd doublewords twice. */
    public static void movshdup(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = v[b] >>> 32;
        long high = v[b + 1] >>> 32;
        v[d] = low | low << 32;
        v[d + 1] = high | high << 32;
    }

    /** MOVDDUP: low quadword twice. */
    public static void movddup(Cpu c, int d, int b) {
        long[] v = c.vec;
        long low = v[b];
        v[d] = low;
        v[d + 1] = low;
    }

    // --- stores
    // ---------------------------------------------------------------------------------------

    /** MOVAPS, MOVAPD, MOVDQA to r/m and MOVNTPS, MOVNTPD, MOVNTDQ: memory must be aligned. */
    public static void storeAligned(Cpu c, Insn i) {
        if (i.mem) {
            long linear = aligned(c, i, true);
            int s = reg(i);
            c.mem.store64(linear, c.vec[s]);
            c.mem.store64(linear + 8, c.vec[s + 1]);
        } else {
            copyToRm(c, i);
        }
    }

    /** MOVUPS, MOVUPD, MOVDQU to r/m. */
    public static void storeUnaligned(Cpu c, Insn i) {
        if (i.mem) {
            int s = reg(i);
            store(c, Operands.address(c, i, 16, true), c.vec[s], c.vec[s + 1]);
        } else {
            copyToRm(c, i);
        }
    }

    /** MOVSS to r/m, MOVNTSS. */
    public static void storeSingle(Cpu c, Insn i) {
        if (i.mem) {
            c.mem.store32(Operands.address(c, i, 4, true), (int) c.vec[reg(i)]);
        } else {
            movss(c, rm(i), rm(i), reg(i));
        }
    }

    /** MOVSD to r/m, MOVNTSD, MOVLPS and MOVLPD to memory. */
    public static void storeDouble(Cpu c, Insn i) {
        if (i.mem) {
            c.mem.store64(Operands.address(c, i, 8, true), c.vec[reg(i)]);
        } else {
            c.vec[rm(i)] = c.vec[reg(i)];
        }
    }

    /** MOVHPS and MOVHPD to memory. */
    public static void storeHigh(Cpu c, Insn i) {
        c.mem.store64(Operands.address(c, i, 8, true), c.vec[reg(i) + 1]);
    }

    /** MOVQ to r/m: a register's high quadword becomes 0. */
    public static void storeQuad(Cpu c, Insn i) {
        if (i.mem) {
            c.mem.store64(Operands.address(c, i, 8, true), c.vec[reg(i)]);
        } else {
            movq(c, rm(i), reg(i));
        }
    }

    /** MASKMOVDQU: stores the bytes whose mask byte has its top bit set, at DS:rDI. */
    public static void maskmovdqu(Cpu c, Insn i) {
        long[] v = c.vec;
        int s = reg(i);
        int m = rm(i);
        int mask = SseInteger.signs(v[m]) | SseInteger.signs(v[m + 1]) << 8;
        storeMasked(c, i, 16, mask, v[s], v[s + 1]);
    }

    /** Stores at DS:rDI those of 8 or 16 bytes whose bit in the mask is set. */
    static void storeMasked(Cpu c, Insn i, int size, int mask, long low, long high) {
        if (mask == 0) {
            return;
        }
        long address = c.r[Cpu.RDI];
        if (i.addressSize != 8) {
            address &= i.addressSize == 4 ? 0xffff_ffffL : 0xffff;
        }
        long linear = Segmentation.linear(c, i.segment, address, size, true);
        int first = Integer.numberOfTrailingZeros(mask);
        int last = 31 - Integer.numberOfLeadingZeros(mask);
        c.mem.checkWrite(linear + first, last - first + 1);
        for (int n = first; n <= last; n++) {
            if ((mask >> n & 1) != 0) {
                c.mem.store8(linear + n, (byte) ((n < 8 ? low : high) >>> ((n & 7) * 8)));
            }
        }
    }

    // --- general registers
    // ------------------------------------------------------------------------------

    /** MOVD and MOVQ from a general register or memory, zero-extended. */
    public static void fromGeneral(Cpu c, Insn i) {
        int size = (i.rex & 8) != 0 ? 8 : 4;
        long value = general(c, i, size, size);
        int d = reg(i);
        c.vec[d] = value;
        c.vec[d + 1] = 0;
    }

    /** MOVD and MOVQ to a general register or memory. */
    public static void toGeneral(Cpu c, Insn i) {
        int size = (i.rex & 8) != 0 ? 8 : 4;
        storeGeneral(c, i, size, size, c.vec[reg(i)]);
    }

    /** Writes ModRM.rm: a general register of one size or memory of another. */
    static void storeGeneral(Cpu c, Insn i, int registerSize, int memorySize, long value) {
        if (i.mem) {
            c.mem.store(Operands.address(c, i, memorySize, true), memorySize, value);
        } else {
            c.reg(i.rm, registerSize, value);
        }
    }

    /** MOVMSKPS: the four sign bits. */
    public static void movmskps(Cpu c, Insn i) {
        int s = rm(i);
        long low = c.vec[s];
        long high = c.vec[s + 1];
        c.r[i.reg] = low >>> 31 & 1 | low >>> 62 & 2 | high >>> 29 & 4 | high >>> 60 & 8;
    }

    /** MOVMSKPD: the two sign bits. */
    public static void movmskpd(Cpu c, Insn i) {
        int s = rm(i);
        c.r[i.reg] = c.vec[s] >>> 63 | c.vec[s + 1] >>> 62 & 2;
    }

    /** PMOVMSKB: the sixteen sign bits of bytes. */
    public static void pmovmskb(Cpu c, Insn i) {
        int s = rm(i);
        c.r[i.reg] = SseInteger.signs(c.vec[s]) | SseInteger.signs(c.vec[s + 1]) << 8;
    }

    /** PEXTRB. */
    public static void pextrb(Cpu c, Insn i) {
        int n = (int) i.immediate & 15;
        long value = c.vec[reg(i) + (n >> 3)] >>> ((n & 7) * 8) & 0xff;
        storeGeneral(c, i, 8, 1, value);
    }

    /** PEXTRW, the SSE4.1 form that can store to memory. */
    public static void pextrw(Cpu c, Insn i) {
        storeGeneral(c, i, 8, 2, word(c, reg(i), i));
    }

    /** PEXTRW, the SSE2 form: general register from vector register. */
    public static void pextrwToRegister(Cpu c, Insn i) {
        c.r[i.reg] = word(c, rm(i), i);
    }

    private static long word(Cpu c, int s, Insn i) {
        int n = (int) i.immediate & 7;
        return c.vec[s + (n >> 2)] >>> ((n & 3) * 16) & 0xffff;
    }

    /** PEXTRD, PEXTRQ and EXTRACTPS. */
    public static void pextr(Cpu c, Insn i) {
        int n = (int) i.immediate;
        int s = reg(i);
        if ((i.rex & 8) != 0) {
            storeGeneral(c, i, 8, 8, c.vec[s + (n & 1)]);
        } else {
            extractps(c, i);
        }
    }

    /** EXTRACTPS: 32 bits whatever REX.W says, zero-extended in a register. */
    public static void extractps(Cpu c, Insn i) {
        int n = (int) i.immediate;
        long value = c.vec[reg(i) + (n >> 1 & 1)] >>> ((n & 1) * 32) & 0xffff_ffffL;
        storeGeneral(c, i, 8, 4, value);
    }

    /** PINSRB. */
    public static void pinsrb(Cpu c, Insn i) {
        insert(c, i, general(c, i, 4, 1), 0xff, (int) i.immediate & 15, 3);
    }

    /** PINSRW. */
    public static void pinsrw(Cpu c, Insn i) {
        insert(c, i, general(c, i, 4, 2), 0xffff, (int) i.immediate & 7, 2);
    }

    /** PINSRD, PINSRQ. */
    public static void pinsr(Cpu c, Insn i) {
        if ((i.rex & 8) != 0) {
            insert(c, i, general(c, i, 8, 8), -1, (int) i.immediate & 1, 0);
        } else {
            insert(c, i, general(c, i, 4, 4), 0xffff_ffffL, (int) i.immediate & 3, 1);
        }
    }

    private static void insert(Cpu c, Insn i, long value, long mask, int n, int perQuadLog) {
        if (i.vex) {
            mov(c, reg(i), i.vvvv * Cpu.VEC_STRIDE);
        }
        int d = reg(i) + (n >> perQuadLog);
        int shift = (n & (1 << perQuadLog) - 1) * (64 >> perQuadLog);
        c.vec[d] = c.vec[d] & ~(mask << shift) | (value & mask) << shift;
    }

    // --- SSE4a
    // ------------------------------------------------------------------------------------------

    /** EXTRQ with immediates (APM volume 4): length, then bit index. */
    public static void extrqImmediate(Cpu c, Insn i) {
        extract(c, rm(i), (int) i.immediate, i.immediate2);
    }

    /** EXTRQ with length and index in bits 5:0 and 13:8 of a register. */
    public static void extrq(Cpu c, Insn i) {
        long control = c.vec[rm(i)];
        extract(c, reg(i), (int) control, (int) (control >>> 8));
    }

    private static void extract(Cpu c, int d, int length, int index) {
        c.vec[d] = c.vec[d] >>> (index & 63) & fieldMask(length);
        c.vec[d + 1] = 0;
    }

    /** INSERTQ with immediates. */
    public static void insertqImmediate(Cpu c, Insn i) {
        insertField(c, i, (int) i.immediate, i.immediate2);
    }

    /** INSERTQ with length and index in bits 69:64 and 77:72 of the source. */
    public static void insertq(Cpu c, Insn i) {
        long control = c.vec[rm(i) + 1];
        insertField(c, i, (int) control, (int) (control >>> 8));
    }

    private static void insertField(Cpu c, Insn i, int length, int index) {
        int d = reg(i);
        long mask = fieldMask(length);
        int shift = index & 63;
        c.vec[d] = c.vec[d] & ~(mask << shift) | (c.vec[rm(i)] & mask) << shift;
        c.vec[d + 1] = 0;
    }

    private static long fieldMask(int length) {
        return (length & 63) == 0 ? -1 : (1L << (length & 63)) - 1;
    }
}
