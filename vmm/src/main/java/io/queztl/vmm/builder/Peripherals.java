package io.queztl.vmm.builder;

import io.queztl.devices.legacy.OutputBuffer;
import io.queztl.devices.virtio.console.ConsolePort;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Those optional devices of a VM that its owner works with while it runs. */
public final class Peripherals {
    private final List<OutputBuffer> outputs = new ArrayList<>();
    private @Nullable ConsolePort console;

    Peripherals() {}

    /** What prints, and is to be flushed at the end. */
    List<OutputBuffer> outputs() {
        return outputs;
    }

    void console(ConsolePort port) {
        console = port;
    }

    /** The VirtIO terminal, or null if the VM has none. */
    public @Nullable ConsolePort console() {
        return console;
    }
}
