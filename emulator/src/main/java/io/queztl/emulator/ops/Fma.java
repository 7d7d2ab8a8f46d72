package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.fpu.Float32;
import io.queztl.emulator.fpu.Float64;
import io.queztl.emulator.fpu.FloatStatus;

/** Fused multiply-add, FMA3 (SDM volume 1, 14.5). */
public final class Fma {
    private Fma() {}

    /** Product and addend of opcode 6 to F: bit 0 negates the product, bit 1 the addend. */
    private static final int[] SIGNS = {2, 0, 0, 0, 2, 2, 1, 1, 3, 3};

    private static long element(
            FloatStatus s, Insn i, long x, long y, long z, boolean single, int signs) {
        // x, y, z are operands 1, 2 and 3.
        long a = x;
        long b = z;
        long addend = y;
        switch (i.row.opcode >> 4) {
            case 0xA -> {
                a = y;
                b = x;
                addend = z;
            }
            case 0xB -> {
                a = y;
                addend = x;
            }
            default -> {}
        }
        boolean p = (signs & 1) != 0;
        boolean n = (signs & 2) != 0;
        return single
                ? Float32.fma(s, (int) a, (int) b, (int) addend, p, n) & 0xffff_ffffL
                : Float64.fma(s, a, b, addend, p, n);
    }

    /** VFMADD, VFMSUB and their kin, packed. */
    public static void packed(Cpu c, Insn i) {
        int z = AvxLanes.source(c, i);
        int y = AvxLanes.vvvv(i);
        int d = SseMove.reg(i);
        boolean single = i.row.w == 0;
        int kind = (i.row.opcode & 15) - 6;
        int even = SIGNS[kind];
        int odd = kind < 2 ? even ^ 2 : even;
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long[] v = c.vec;
        for (int n = 0; n < (i.wide ? 4 : 2); n++) {
            long p = v[d + n];
            long q = v[y + n];
            long r = v[z + n];
            v[AvxLanes.RESULT + n] =
                    single
                            ? element(s, i, p, q, r, true, even)
                                    | element(s, i, p >>> 32, q >>> 32, r >>> 32, true, odd) << 32
                            : element(s, i, p, q, r, false, (n & 1) == 0 ? even : odd);
        }
        c.raised |= s.flags;
        ScalarFloat.raise(c);
        AvxLanes.copy(c, d, AvxLanes.RESULT);
    }

    /** VFMADD, VFMSUB and their kin, scalar. */
    public static void scalar(Cpu c, Insn i) {
        boolean single = i.row.w == 0;
        int z = AvxLanes.source(c, i, single ? 4 : 8);
        int d = SseMove.reg(i);
        FloatStatus s = c.floatStatus;
        s.begin(c.mxcsr);
        long[] v = c.vec;
        int signs = SIGNS[(i.row.opcode & 15) - 6];
        long r = element(s, i, v[d], v[AvxLanes.vvvv(i)], v[z], single, signs);
        c.raised |= s.flags;
        ScalarFloat.raise(c);
        v[d] = single ? v[d] & 0xffff_ffff_0000_0000L | r : r;
    }
}
