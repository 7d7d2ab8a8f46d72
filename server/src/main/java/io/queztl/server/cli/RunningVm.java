package io.queztl.server.cli;

import io.queztl.emulator.sight.Sight;
import io.queztl.server.agent.GuestAgent;
import io.queztl.server.control.ControlException;
import io.queztl.vmm.builder.AgentPorts;
import io.queztl.vmm.builder.VirtualMachine;
import io.queztl.vmm.config.VmConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A VM of this process, as the commands on its control socket see it. Any thread may call. */
final class RunningVm {
    private final String name;
    private final VirtualMachine machine;
    private final VmConfig config;
    private final Sight sight;
    private final @Nullable GuestAgent agent;
    private final long started = System.nanoTime();
    private boolean paused; // guarded by this

    RunningVm(String name, VirtualMachine machine, VmConfig config, Sight sight) {
        this.name = name;
        this.machine = machine;
        this.config = config;
        this.sight = sight;
        AgentPorts ports = machine.peripherals().agent();
        agent = ports == null ? null : new GuestAgent(ports);
    }

    /** Its name. */
    String name() {
        return name;
    }

    /** The machine; {@link VirtualMachine#devices} finds its devices. */
    VirtualMachine machine() {
        return machine;
    }

    /** What it is made of. */
    VmConfig config() {
        return config;
    }

    /**
     * The guest's agent.
     *
     * @throws ControlException if the VM was started without ports for one
     */
    GuestAgent agent() throws ControlException {
        if (agent == null) {
            throw new ControlException(
                    "the VM '%s' has no agent; start it with 'queztl run --agent'."
                            .formatted(name));
        }
        return agent;
    }

    /** Counters of CPU and JVM, by section and name. */
    Map<String, Map<String, Number>> statistics() {
        return new StatisticsReport(sight.statistics()).sections();
    }

    /** What {@code queztl ps} shows. */
    synchronized Map<String, Object> summary() {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("name", name);
        s.put("pid", ProcessHandle.current().pid());
        s.put("state", machine.ended() ? "ending" : paused ? "paused" : "running");
        s.put("cpus", config.cpus());
        s.put("memoryBytes", config.memoryBytes());
        s.put("uptimeSeconds", TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - started));
        return s;
    }

    /** Stops vCPUs and time. */
    synchronized void pause() throws InterruptedException {
        if (!paused) {
            machine.pause();
            paused = true;
        }
    }

    /** A device has stopped them. */
    synchronized void pausedByDevice() {
        paused = true;
    }

    /** Lets them go on. */
    synchronized void resume() {
        if (paused) {
            paused = false;
            machine.resume();
        }
    }

    /**
     * Presses the power button.
     *
     * @throws ControlException if the VM is paused, so that nobody would notice
     */
    synchronized void powerButton() throws ControlException {
        if (paused) {
            throw new ControlException(
                    "the VM '%s' is paused and sees no power button; resume it, or say --force."
                            .formatted(name));
        }
        machine.powerButton();
    }
}
