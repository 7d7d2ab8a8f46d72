package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import java.util.function.IntConsumer;

/**
 * The way a test payload ends the machine, as QEMU's {@code isa-debug-exit}: writing {@code v}
 * exits with status {@code (v << 1) | 1}. Four ports; no state.
 */
public final class DebugExit implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 4;

    private final IntConsumer exit;

    /**
     * @param exit takes the status, of which a host keeps the low eight bits
     */
    public DebugExit(IntConsumer exit) {
        this.exit = exit;
    }

    @Override
    public long read(long offset, int size) {
        return 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        exit.accept((int) value << 1 | 1);
    }
}
