package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/** Loads and stores of selected elements, and gathers (SDM volume 2, VMASKMOV and VPGATHERDD). */
public final class AvxMask {
    private AvxMask() {}

    private static boolean selected(Cpu c, int m, int n, int size) {
        return c.vec[m + n * size / 8] << (size == 8 || (n & 1) != 0 ? 0 : 32) < 0;
    }

    private static long element(Cpu c, int s, int n, int size) {
        return size == 8 ? c.vec[s + n] : c.vec[s + (n >> 1)] >>> (n & 1) * 32 & 0xffff_ffffL;
    }

    private static void element(Cpu c, int d, int n, int size, long value) {
        if (size == 8) {
            c.vec[d + n] = value;
        } else {
            int shift = (n & 1) * 32;
            long others = c.vec[d + (n >> 1)] & ~(0xffff_ffffL << shift);
            c.vec[d + (n >> 1)] = others | (value & 0xffff_ffffL) << shift;
        }
    }

    private static void load(Cpu c, Insn i, int size) {
        int m = AvxLanes.vvvv(i);
        AvxLanes.set128(c, AvxLanes.RESULT, 0, 0);
        int count = AvxLanes.bytes(i) / size;
        for (int n = 0; n < count; n++) {
            if (selected(c, m, n, size)) {
                long linear = address(c, i, i.effectiveAddress(c) + (long) n * size, size, false);
                element(c, AvxLanes.RESULT, n, size, c.mem.load(linear, size));
            }
        }
        AvxLanes.copy(c, SseMove.reg(i), AvxLanes.RESULT);
    }

    private static void store(Cpu c, Insn i, int size) {
        int m = AvxLanes.vvvv(i);
        int count = AvxLanes.bytes(i) / size;
        long ea = i.effectiveAddress(c);
        for (int n = 0; n < count; n++) {
            if (selected(c, m, n, size)) {
                c.mem.checkWrite(address(c, i, ea + (long) n * size, size, true), size);
            }
        }
        for (int n = 0; n < count; n++) {
            if (selected(c, m, n, size)) {
                long linear = address(c, i, ea + (long) n * size, size, true);
                c.mem.store(linear, size, element(c, SseMove.reg(i), n, size));
            }
        }
    }

    private static long address(Cpu c, Insn i, long ea, int size, boolean write) {
        return i.mode64
                ? c.effectiveBase[i.segment] + ea
                : Segmentation.linear(c, i.segment, ea & 0xffff_ffffL, size, write);
    }

    /** VMASKMOVPS and VPMASKMOVD from memory: what is not selected is not read, and becomes 0. */
    public static void load32(Cpu c, Insn i) {
        load(c, i, 4);
    }

    /** VMASKMOVPD and VPMASKMOVQ from memory. */
    public static void load64(Cpu c, Insn i) {
        load(c, i, 8);
    }

    /** VMASKMOVPS and VPMASKMOVD to memory. */
    public static void store32(Cpu c, Insn i) {
        store(c, i, 4);
    }

    /** VMASKMOVPD and VPMASKMOVQ to memory. */
    public static void store64(Cpu c, Insn i) {
        store(c, i, 8);
    }

    /**
     * The gathers. Elements are loaded in order; a fault leaves those before it loaded and their
     * mask bits clear. #UD if two of destination, index and mask are the same register.
     */
    public static void gather(Cpu c, Insn i) {
        int d = SseMove.reg(i);
        int m = AvxLanes.vvvv(i);
        int x = i.vectorIndex;
        if (d == m || d == x || m == x) {
            throw c.ud();
        }
        int size = i.row.w == 1 ? 8 : 4;
        int indexSize = (i.row.opcode & 1) != 0 ? 8 : 4;
        int count = AvxLanes.bytes(i) / Math.max(size, indexSize);
        for (int n = 0; n < count; n++) {
            if (selected(c, m, n, size)) {
                long index = element(c, x, n, indexSize);
                long offset = (indexSize == 4 ? (int) index : index) << i.scale;
                long ea = i.effectiveAddress(c) + offset;
                if (i.addressSize != 8) {
                    ea &= 0xffff_ffffL;
                }
                long value = c.mem.load(address(c, i, ea, size, false), size);
                element(c, d, n, size, value);
            }
            element(c, m, n, size, 0);
        }
        for (int n = count * size / 8; n < 4; n++) {
            c.vec[d + n] = 0;
        }
        AvxLanes.set128(c, m, 0, 0);
    }
}
