package io.queztl.emulator.cpu;

import io.queztl.machine.cpu.CpuState;

/** Placeholder until the real one lands. */
public final class StateCodec {
    private StateCodec() {}

    /** Saves. */
    public static CpuState save(Cpu c) {
        throw new UnsupportedOperationException();
    }

    /** Restores. */
    public static void restore(Cpu c, CpuState s) {
        throw new UnsupportedOperationException();
    }
}
