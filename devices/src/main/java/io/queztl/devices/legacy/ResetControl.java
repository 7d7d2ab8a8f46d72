package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;

/**
 * The reset control register at port 0xcf9 (ICH9 data sheet, 13.7.5). It lies inside the PCI
 * configuration ports, whose device passes it on.
 */
public final class ResetControl implements BusDevice {
    private static final int RESET_CPU = 4;
    private static final int WRITABLE = 0x0e;

    private final Runnable reset;
    private int value;

    /**
     * @param reset resets the machine; called without a lock held
     */
    public ResetControl(Runnable reset) {
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
            rises = (data & ~value & RESET_CPU) != 0;
            value = (int) data & WRITABLE;
        }
        if (rises) {
            reset.run();
        }
    }

    /** A copy of the register. */
    public synchronized ResetControlState state() {
        return new ResetControlState(value);
    }

    /** Replaces the register. */
    public synchronized void restore(ResetControlState state) {
        value = state.value();
    }
}
