package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;

/** The diagnostics port 0x80, to which systems also write for delay, as to its stand-in 0xed. */
public final class PostPort implements BusDevice {
    private volatile int code;

    /** The last byte written. */
    public int code() {
        return code;
    }

    @Override
    public long read(long offset, int size) {
        return code;
    }

    @Override
    public void write(long offset, int size, long value) {
        code = (int) value & 0xff;
    }

    /** A copy of the register. */
    public PostPortState state() {
        return new PostPortState(code);
    }

    /** Replaces the register. */
    public void restore(PostPortState state) {
        code = state.code();
    }
}
