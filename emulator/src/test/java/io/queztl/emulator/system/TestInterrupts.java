package io.queztl.emulator.system;

import io.queztl.testkit.vector.QuietInterrupts;

/** A local interrupt controller with one interrupt that the test raises. */
final class TestInterrupts extends QuietInterrupts {
    int vector = -1;

    @Override
    public boolean pending() {
        return vector >= 0;
    }

    @Override
    public int acknowledge() {
        int v = vector;
        vector = -1;
        return v;
    }
}
