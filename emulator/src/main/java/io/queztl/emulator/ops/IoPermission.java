package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Placeholder until the real one lands. */
public final class IoPermission {
    private IoPermission() {}

    /** Allows everything at CPL 0. */
    public static void check(Cpu c, int port, int size) {
        if (c.cpl > c.iopl()) {
            throw c.gp(0);
        }
    }
}
