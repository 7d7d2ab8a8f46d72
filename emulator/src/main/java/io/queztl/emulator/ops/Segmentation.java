package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Placeholder until the real one lands. */
public final class Segmentation {
    private Segmentation() {}

    /** Linear address. */
    public static long linear(Cpu c, int segment, long offset, int size, boolean write) {
        long a = c.effectiveBase[segment] + offset;
        return c.mode64 ? a : a & 0xffff_ffffL;
    }
}
