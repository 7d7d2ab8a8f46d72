package io.queztl.devices.firmware;

import io.queztl.machine.bus.BusDevice;

/**
 * The register SMI_EN of the ICH9's power management block (ICH9 data sheet, 13.8.3.10), four
 * ports. This machine has no system management mode: the register says that it is taken already,
 * which is how firmware is told to leave it alone. No state.
 */
public final class SmiControl implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 4;

    /** Offset in the power management block. */
    public static final int OFFSET = 0x30;

    private static final int ENABLED_BY_COMMAND_PORT = 0x20;

    @Override
    public long read(long offset, int size) {
        return ENABLED_BY_COMMAND_PORT >>> offset * 8;
    }

    @Override
    public void write(long offset, int size, long value) {}
}
