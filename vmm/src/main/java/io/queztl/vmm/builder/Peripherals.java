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
    private volatile Runnable pause = () -> {};
    private volatile Runnable paused = () -> {};
    private @Nullable AgentPorts agent;

    Peripherals() {}

    /** What prints, and is to be flushed at the end. */
    List<OutputBuffer> outputs() {
        return outputs;
    }

    /** Sets what pauses the VM. */
    void onPause(Runnable task) {
        pause = task;
    }

    /** Sets what runs once a device has paused the VM, on a thread of its own. */
    public void onPaused(Runnable task) {
        paused = task;
    }

    /** Pauses the VM, on a thread of its own: whoever asks may be one that a pause waits for. */
    void pause() {
        Thread ignored =
                Thread.ofPlatform()
                        .daemon()
                        .name("queztl-pause")
                        .start(() -> {
                            pause.run();
                            paused.run();
                        });
    }

    void console(ConsolePort port) {
        console = port;
    }

    void agent(AgentPorts ports) {
        agent = ports;
    }

    /** The ports of the guest's agent, or null if the VM has none. */
    public @Nullable AgentPorts agent() {
        return agent;
    }

    /** The VirtIO terminal, or null if the VM has none. */
    public @Nullable ConsolePort console() {
        return console;
    }
}
