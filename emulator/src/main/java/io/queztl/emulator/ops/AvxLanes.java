package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Row;

/**
 * 256-bit operations made of two 128-bit lanes (SDM volume 1, 14.9). Those that may raise
 * exceptions put results in a scratch register until the exceptions of all elements are known.
 */
public final class AvxLanes {
    /** Scratch register for results. */
    static final int RESULT = Cpu.VEC_SCRATCH + Cpu.VEC_STRIDE;

    /** Scratch register for rearranged sources. */
    static final int SOURCE = Cpu.VEC_SCRATCH + 2 * Cpu.VEC_STRIDE;

    /** What the names of 256-bit semantics end in. */
    public static final String WIDE = "Wide";

    private AvxLanes() {}

    /** Both lanes of d = f(a, b). */
    public static void apply(Cpu c, Semantics.Vec f, int d, int a, int b) {
        applyTo(c, f, d, a, b, b + 2);
    }

    /** As {@link #apply}, the second lane's b elsewhere. */
    static void applyTo(Cpu c, Semantics.Vec f, int d, int a, int b, int b2) {
        c.gathering = true;
        f.apply(c, RESULT, a, b);
        f.apply(c, RESULT + 2, a + 2, b2);
        commit(c, d);
    }

    /** Both lanes of d = f(a, b, immediate). */
    public static void applyImmediate(
            Cpu c, Semantics.VecI f, int d, int a, int b, int immediate, int immediate2) {
        c.gathering = true;
        f.apply(c, RESULT, a, b, immediate);
        f.apply(c, RESULT + 2, a + 2, b + 2, immediate2);
        commit(c, d);
    }

    /** Both lanes of d = f(b). */
    public static void applyOne(Cpu c, Semantics.Vec1 f, int d, int b, int b2) {
        c.gathering = true;
        f.apply(c, RESULT, b);
        f.apply(c, RESULT + 2, b2);
        commit(c, d);
    }

    /** Both lanes of d = f(b, immediate). */
    public static void applyOneImmediate(
            Cpu c, Semantics.Vec1I f, int d, int b, int immediate, int immediate2) {
        c.gathering = true;
        f.apply(c, RESULT, b, immediate);
        f.apply(c, RESULT + 2, b + 2, immediate2);
        commit(c, d);
    }

    /**
     * True if the 256-bit form of a row of a vector kind is its semantics run on the low lane, then
     * on the high one, because it raises no exceptions. Where this is false there are semantics for
     * 256 bits, of the same name with {@link #WIDE} behind it and the same parameters.
     */
    public static boolean independent(Row row) {
        return switch (row.kind) {
            case VEC, VECI, VEC1, VEC1I -> !hasWide(row);
            default -> false;
        };
    }

    private static boolean hasWide(Row row) {
        int dot = row.semantics.indexOf('.');
        return switch (row.semantics.substring(0, dot)) {
            case "SseFloat" -> !row.semantics.startsWith("SseFloat.r");
            case "SseConvert" -> !row.semantics.equals("SseConvert.cvtdq2pd");
            case "SseCompare", "SseHorizontal", "Fma" -> true;
            default -> false;
        };
    }

    private static void commit(Cpu c, int d) {
        c.gathering = false;
        ScalarFloat.raise(c);
        copy(c, d, RESULT);
    }

    /** Copies 256 bits. */
    static void copy(Cpu c, int d, int s) {
        System.arraycopy(c.vec, s, c.vec, d, 4);
    }

    /** Writes 128 bits and clears what is above. */
    static void set128(Cpu c, int d, long low, long high) {
        long[] v = c.vec;
        v[d] = low;
        v[d + 1] = high;
        v[d + 2] = 0;
        v[d + 3] = 0;
    }

    /** Index of the register in VEX.vvvv. */
    static int vvvv(Insn i) {
        return i.vvvv * Cpu.VEC_STRIDE;
    }

    /** Index of the r/m operand, loaded if it is memory; zero above the size. */
    static int source(Cpu c, Insn i, int size) {
        if (!i.mem) {
            return SseMove.rm(i);
        }
        return load(c, Operands.address(c, i, size, false), size);
    }

    static int load(Cpu c, long linear, int size) {
        long[] v = c.vec;
        int s = Cpu.VEC_SCRATCH;
        if (size < 8) {
            set128(c, s, c.mem.load(linear, size), 0);
            return s;
        }
        v[s] = c.mem.load64(linear);
        v[s + 1] = size > 8 ? c.mem.load64(linear + 8) : 0;
        v[s + 2] = size > 16 ? c.mem.load64(linear + 16) : 0;
        v[s + 3] = size > 16 ? c.mem.load64(linear + 24) : 0;
        return s;
    }

    /** A 256-bit or 128-bit source as VEX.L says. */
    static int source(Cpu c, Insn i) {
        return source(c, i, bytes(i));
    }

    static int bytes(Insn i) {
        return i.wide ? 32 : 16;
    }

    /** d = f of each half of a source of some size, as a lane. */
    static void widen(Cpu c, Insn i, int size, Semantics.Vec1 f) {
        int b = source(c, i, size);
        long[] v = c.vec;
        long next = size == 16 ? v[b + 1] : v[b] >>> size * 4;
        long first = v[b];
        set128(c, SOURCE, first, 0);
        v[SOURCE + 2] = next;
        applyOne(c, f, SseMove.reg(i), SOURCE, SOURCE + 2);
    }

    /** d's low half = low quadwords of f of the lanes. */
    static void narrow(Cpu c, Insn i, Semantics.Vec1 f) {
        int b = source(c, i, 32);
        applyOne(c, f, SOURCE, b, b + 2);
        set128(c, SseMove.reg(i), c.vec[SOURCE], c.vec[SOURCE + 2]);
    }
}
