package io.queztl.devices;

import io.queztl.machine.irq.IrqLine;

/** A wire that counts its rising edges. */
public final class RecordingLine implements IrqLine {
    private boolean high;
    private int rises;

    @Override
    public synchronized void set(boolean level) {
        if (level && !high) {
            rises++;
        }
        high = level;
    }

    /** The level. */
    public synchronized boolean high() {
        return high;
    }

    /** The rising edges since the last call. */
    public synchronized int takeRises() {
        int taken = rises;
        rises = 0;
        return taken;
    }
}
