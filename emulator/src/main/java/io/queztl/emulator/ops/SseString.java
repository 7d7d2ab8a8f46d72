package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * String comparison: PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM volume 2, 4.1). Operand 1 is
 * ModRM.reg, operand 2 ModRM.rm. Immediate: format 1:0 (bytes or words, signed), aggregation 3:2,
 * polarity 5:4, output 6.
 */
public final class SseString {
    private SseString() {}

    /** PCMPISTRI: strings end at a zero element; the index goes to ECX. */
    public static void pcmpistri(Cpu c, Insn i) {
        int b = SseMove.source(c, i, 16);
        int a = SseMove.reg(i);
        int imm = (int) i.immediate;
        index(c, a, b, implicitLength(c.vec, a, imm), implicitLength(c.vec, b, imm), imm);
    }

    /** PCMPISTRM: strings end at a zero element; the mask goes to XMM0. */
    public static void pcmpistrm(Cpu c, Insn i) {
        int b = SseMove.source(c, i, 16);
        int a = SseMove.reg(i);
        int imm = (int) i.immediate;
        mask(c, a, b, implicitLength(c.vec, a, imm), implicitLength(c.vec, b, imm), imm);
    }

    /** PCMPESTRI: lengths are the absolute values of rAX and rDX. */
    public static void pcmpestri(Cpu c, Insn i) {
        int b = SseMove.source(c, i, 16);
        int imm = (int) i.immediate;
        int lengthA = explicitLength(c, i, Cpu.RAX, imm);
        index(c, SseMove.reg(i), b, lengthA, explicitLength(c, i, Cpu.RDX, imm), imm);
    }

    /** PCMPESTRM. */
    public static void pcmpestrm(Cpu c, Insn i) {
        int b = SseMove.source(c, i, 16);
        int imm = (int) i.immediate;
        int lengthA = explicitLength(c, i, Cpu.RAX, imm);
        mask(c, SseMove.reg(i), b, lengthA, explicitLength(c, i, Cpu.RDX, imm), imm);
    }

    private static int elements(int imm) {
        return 16 >> (imm & 1);
    }

    private static int explicitLength(Cpu c, Insn i, int register, int imm) {
        long length = c.r[register];
        if ((i.rex & 8) == 0) {
            length = length << 32 >> 32;
        }
        int n = elements(imm);
        return length > n || length < -n ? n : (int) Math.abs(length);
    }

    private static int implicitLength(long[] v, int s, int imm) {
        int n = elements(imm);
        int length = 0;
        while (length < n && element(v, s, length, imm) != 0) {
            length++;
        }
        return length;
    }

    private static int element(long[] v, int s, int n, int imm) {
        return switch (imm & 3) {
            case 0 -> (int) (v[s + (n >> 3)] >>> (n & 7) * 8) & 0xff;
            case 1 -> (int) (v[s + (n >> 2)] >>> (n & 3) * 16) & 0xffff;
            case 2 -> (byte) (v[s + (n >> 3)] >>> (n & 7) * 8);
            default -> (short) (v[s + (n >> 2)] >>> (n & 3) * 16);
        };
    }

    /** IntRes2 of the SDM: one bit for each element of b; sets the flags. */
    private static int compare(Cpu c, int a, int b, int lengthA, int lengthB, int imm) {
        long[] v = c.vec;
        int n = elements(imm);
        int result =
                switch (imm >> 2 & 3) {
                    case 0 -> equalAny(v, a, b, lengthA, lengthB, imm);
                    case 1 -> ranges(v, a, b, lengthA, lengthB, imm);
                    case 2 -> equalEach(v, a, b, lengthA, lengthB, imm);
                    default -> equalOrdered(v, a, b, lengthA, lengthB, imm);
                };
        if ((imm & 0x10) != 0) {
            result ^= (imm & 0x20) != 0 ? (1 << lengthB) - 1 : (1 << n) - 1;
        }
        Flags.arithmetic(
                c,
                (result != 0 ? Flags.CF : 0)
                        | (lengthB < n ? Flags.ZF : 0)
                        | (lengthA < n ? Flags.SF : 0)
                        | ((result & 1) != 0 ? Flags.OF : 0));
        return result;
    }

    private static int equalAny(long[] v, int a, int b, int lengthA, int lengthB, int imm) {
        int result = 0;
        for (int j = 0; j < lengthB; j++) {
            int x = element(v, b, j, imm);
            for (int i = 0; i < lengthA; i++) {
                if (element(v, a, i, imm) == x) {
                    result |= 1 << j;
                    break;
                }
            }
        }
        return result;
    }

    private static int ranges(long[] v, int a, int b, int lengthA, int lengthB, int imm) {
        int result = 0;
        for (int j = 0; j < lengthB; j++) {
            int x = element(v, b, j, imm);
            for (int i = 0; i + 1 < lengthA; i += 2) {
                if (element(v, a, i, imm) <= x && x <= element(v, a, i + 1, imm)) {
                    result |= 1 << j;
                    break;
                }
            }
        }
        return result;
    }

    private static int equalEach(long[] v, int a, int b, int lengthA, int lengthB, int imm) {
        int both = Math.min(lengthA, lengthB);
        // Elements beyond both ends count as equal, beyond one end as different.
        int result = (1 << elements(imm)) - 1 & -1 << Math.max(lengthA, lengthB);
        for (int j = 0; j < both; j++) {
            if (element(v, a, j, imm) == element(v, b, j, imm)) {
                result |= 1 << j;
            }
        }
        return result;
    }

    private static int equalOrdered(long[] v, int a, int b, int lengthA, int lengthB, int imm) {
        int n = elements(imm);
        int result = 0;
        for (int j = 0; j < n; j++) {
            boolean match = true;
            for (int i = 0; match && i < lengthA && i + j < n; i++) {
                match = i + j < lengthB && element(v, a, i, imm) == element(v, b, i + j, imm);
            }
            if (match) {
                result |= 1 << j;
            }
        }
        return result;
    }

    private static void index(Cpu c, int a, int b, int lengthA, int lengthB, int imm) {
        int result = compare(c, a, b, lengthA, lengthB, imm);
        int at;
        if (result == 0) {
            at = elements(imm);
        } else if ((imm & 0x40) != 0) {
            at = 31 - Integer.numberOfLeadingZeros(result);
        } else {
            at = Integer.numberOfTrailingZeros(result);
        }
        c.r[Cpu.RCX] = at;
    }

    private static void mask(Cpu c, int a, int b, int lengthA, int lengthB, int imm) {
        int result = compare(c, a, b, lengthA, lengthB, imm);
        long[] v = c.vec;
        if ((imm & 0x40) == 0) {
            v[0] = result;
            v[1] = 0;
        } else if ((imm & 1) == 0) {
            v[0] = spreadToBytes(result & 0xff);
            v[1] = spreadToBytes(result >> 8);
        } else {
            v[0] = spreadToWords(result & 15);
            v[1] = spreadToWords(result >> 4);
        }
    }

    private static long spreadToBytes(int bits) {
        long result = 0;
        for (int n = 0; n < 8; n++) {
            result |= (bits >> n & 1) * 0xffL << n * 8;
        }
        return result;
    }

    private static long spreadToWords(int bits) {
        long result = 0;
        for (int n = 0; n < 4; n++) {
            result |= (bits >> n & 1) * 0xffffL << n * 16;
        }
        return result;
    }
}
