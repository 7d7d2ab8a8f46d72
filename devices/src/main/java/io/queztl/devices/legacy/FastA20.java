package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;

/**
 * System control port A at 0x92: fast A20 gate and reset (PS/2). Address line 20 is always on; the
 * bit only remembers what was asked for.
 */
public final class FastA20 implements BusDevice {
    private static final int RESET = 1;
    private static final int A20 = 2;

    private final Runnable reset;
    private int value = A20;

    /**
     * @param reset resets the machine; called without a lock held
     */
    public FastA20(Runnable reset) {
        this.reset = reset;
    }

    @Override
    public synchronized long read(long offset, int size) {
        return value;
    }

    @Override
    public void write(long offset, int size, long data) {
        boolean rises;
        synchronized (this) {
            rises = (data & ~value & RESET) != 0;
            value = (int) data & (RESET | A20);
        }
        if (rises) {
            reset.run();
        }
    }

    /** A copy of the register. */
    public synchronized FastA20State state() {
        return new FastA20State(value);
    }

    /** Replaces the register. */
    public synchronized void restore(FastA20State state) {
        value = state.value();
    }
}
