package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;

/** The debug console of Bochs at port 0xe9: bytes written come out, a read gives 0xe9. No state. */
public final class DebugConsole implements BusDevice {
    private static final int PRESENT = 0xe9;

    private final OutputBuffer output;

    /**
     * @param output takes what the guest writes
     */
    public DebugConsole(OutputBuffer output) {
        this.output = output;
    }

    @Override
    public long read(long offset, int size) {
        return PRESENT;
    }

    @Override
    public void write(long offset, int size, long value) {
        output.put((int) value);
    }
}
