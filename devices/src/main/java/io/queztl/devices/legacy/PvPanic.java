package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;

/**
 * The port by which a guest's kernel says that it has panicked, as QEMU's {@code pvpanic} (QEMU,
 * docs/specs/pvpanic): reading gives the events there are, writing tells one. One port; no state.
 */
public final class PvPanic implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 1;

    private static final int PANICKED = 1;

    private final Runnable panicked;

    /**
     * @param panicked called when the guest has panicked and runs no crash kernel
     */
    public PvPanic(Runnable panicked) {
        this.panicked = panicked;
    }

    @Override
    public long read(long offset, int size) {
        return PANICKED;
    }

    @Override
    public void write(long offset, int size, long value) {
        if ((value & PANICKED) != 0) {
            panicked.run();
        }
    }
}
