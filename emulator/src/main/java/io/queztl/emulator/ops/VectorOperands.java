package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Memory operands of vector instructions. */
public final class VectorOperands {
    private VectorOperands() {}

    /**
     * Loads a memory operand into the scratch register; bytes above its size become 0.
     *
     * @param size 1 to 16 bytes, or 32
     * @param aligned #GP(0) unless the address is a multiple of 16
     */
    public static void load(Cpu c, long linear, int size, boolean aligned) {
        long[] v = c.vec;
        int d = Cpu.VEC_SCRATCH;
        if (size < 16) {
            v[d] = c.mem.load(linear, size);
            v[d + 1] = 0;
            return;
        }
        if (aligned && (linear & 15) != 0) {
            throw c.gp(0);
        }
        long low = c.mem.load64(linear);
        v[d + 1] = c.mem.load64(linear + 8);
        v[d] = low;
        if (size == 32) {
            v[d + 2] = c.mem.load64(linear + 16);
            v[d + 3] = c.mem.load64(linear + 24);
        }
    }

    /** Clears bits 255:128 of a register, as VEX-encoded 128-bit instructions do. */
    public static void clearUpper(Cpu c, int d) {
        c.vec[d + 2] = 0;
        c.vec[d + 3] = 0;
    }
}
