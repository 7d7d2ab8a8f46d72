package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/** Placeholder until the real one lands. */
public final class Delivery {
    private Delivery() {}

    /** Triple fault. */
    public static final class TripleFault extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** Stackless. */
        public TripleFault() {
            super(null, null, false, false);
        }
    }

    /** Delivers a fault. */
    public static void exception(Cpu c, int vector, int errorCode) {
        throw new TripleFault();
    }

    /** Delivers an external interrupt. */
    public static void interrupt(Cpu c, int vector) {
        throw new TripleFault();
    }
}
