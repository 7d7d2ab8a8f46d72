package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Placeholder until the real one lands. */
public final class Reset {
    private Reset() {}

    /** Power-on. */
    public static void powerOn(Cpu c) {}

    /** INIT. */
    public static void init(Cpu c) {}

    /** SIPI. */
    public static void startup(Cpu c, int vector) {}
}
