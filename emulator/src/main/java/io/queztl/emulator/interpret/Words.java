package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/**
 * Instructions as {@link BlockLoop} reads them: two words each, side by side in the block's array,
 * so that code that runs seldom comes from memory in a quarter of the cache lines that the decoded
 * instructions themselves take.
 *
 * <pre>
 * first word   63  1: the operand's segment is FS or GS
 *              47:44  segment       43:40  scale       39:32  index    31:24  base
 *              23:16  register of operand 2             15:8  register of operand 1
 *               7:0  form, one of {@link Forms}
 *   of a JCC   31:16  whether the condition holds, for each {@link #flags}
 * second word  with a memory operand, 63:32 immediate and 31:0 displacement; else the immediate
 * </pre>
 */
final class Words {
    private static final long SEGMENTED = 1L << 63;

    private static final int CF = 1;
    private static final int ZF = 2;
    private static final int SF = 4;
    private static final int OF = 8;

    private Words() {}

    /** The words of a block's instructions. */
    static long[] of(Insn[] insns) {
        long[] words = new long[2 * insns.length];
        for (int k = 0; k < insns.length; k++) {
            words[2 * k] = first(insns[k]);
            words[2 * k + 1] = second(insns[k]);
        }
        return words;
    }

    private static long first(Insn i) {
        if (i.form == Forms.JCC) {
            return i.form | conditions(Forms.condition(i)) << 16;
        }
        return i.form
                | (long) i.r1 << 8
                | (long) i.r2 << 16
                | (long) i.base << 24
                | (long) i.index << 32
                | (long) i.scale << 40
                | (long) i.segment << 44
                | (i.segment >= Cpu.FS ? SEGMENTED : 0);
    }

    private static long second(Insn i) {
        return i.mem ? i.immediate << 32 | i.displacement & 0xffff_ffffL : i.immediate;
    }

    /** True if a displacement has room. */
    static boolean fits(Insn i) {
        return !i.mem || (int) i.displacement == i.displacement;
    }

    static int form(long w) {
        return (int) w & 0xff;
    }

    static int first(long w) {
        return (int) w >> 8 & 31;
    }

    static int second(long w) {
        return (int) w >> 16 & 31;
    }

    static int base(long w) {
        return (int) w >> 24 & 31;
    }

    static int index(long w) {
        return (int) (w >> 32) & 31;
    }

    static int scale(long w) {
        return (int) (w >> 40) & 3;
    }

    static int segment(long w) {
        return (int) (w >> 44) & 15;
    }

    /** 1 if the condition of a JCC holds, else 0: a jump less for the host to guess. */
    static long holds(Cpu c, long w) {
        return w >>> 16 + flags(c.flagResult, c.flagCarry) & 1;
    }

    /** CF, ZF, SF and OF from 0 up. */
    private static int flags(long result, long carry) {
        return (int) (carry >>> 63)
                | (int) (((result | -result) >>> 63 ^ 1) << 1)
                | (int) ((result ^ carry << 63) >>> 63 << 2)
                | (int) ((carry ^ carry << 1) >>> 63 << 3);
    }

    /** For which flags a condition code holds, as bits; not for those of PF. */
    private static long conditions(int code) {
        long bits = 0;
        for (int f = 0; f < 16; f++) {
            boolean less = (f & SF) != 0 != ((f & OF) != 0);
            boolean holds =
                    switch (code >> 1) {
                        case 0 -> (f & OF) != 0;
                        case 1 -> (f & CF) != 0;
                        case 2 -> (f & ZF) != 0;
                        case 3 -> (f & (CF | ZF)) != 0;
                        case 4 -> (f & SF) != 0;
                        case 6 -> less;
                        default -> less || (f & ZF) != 0;
                    };
            if (holds != ((code & 1) != 0)) {
                bits |= 1L << f;
            }
        }
        return bits;
    }
}
