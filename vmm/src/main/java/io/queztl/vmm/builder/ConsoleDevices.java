package io.queztl.vmm.builder;

import io.queztl.devices.legacy.OutputBuffer;
import io.queztl.devices.virtio.VirtioPci;
import io.queztl.devices.virtio.console.ConsolePort;
import io.queztl.devices.virtio.console.PortSocket;
import io.queztl.devices.virtio.console.VirtioConsole;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.config.PortConfig;
import io.queztl.vmm.config.VmException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes the VirtIO terminal and the device that all named ports belong to. */
final class ConsoleDevices {
    private final Closer closer;
    private final GuestMemory memory;
    private final PciSlots slots;
    private final Peripherals peripherals;
    private final Map<String, Path> ports = new LinkedHashMap<>();

    ConsoleDevices(Closer closer, GuestMemory memory, PciSlots slots, Peripherals peripherals) {
        this.closer = closer;
        this.memory = memory;
        this.slots = slots;
        this.peripherals = peripherals;
    }

    /** Adds the terminal, which prints to {@code out}. */
    void addTerminal(OutputStream out) {
        if (peripherals.console() != null) {
            throw new VmException(
                    VmException.Code.CONFIGURATION, "a VM has one VirtIO console at most.");
        }
        OutputBuffer output = closer.add(new OutputBuffer("hvc0", out));
        ConsolePort port = ConsolePort.console();
        output.onDrained(port::outputReady);
        port.open(output::offer);
        peripherals.outputs().add(output);
        peripherals.console(port);
        plug(new VirtioConsole("console", memory, List.of(port)));
    }

    /** Adds the ports of the guest's agent. */
    void addAgent() {
        if (peripherals.agent() != null) {
            throw new VmException(
                    VmException.Code.CONFIGURATION, "a VM has one agent; ask for it once.");
        }
        AgentPorts agent = new AgentPorts();
        peripherals.agent(agent);
        plug(new VirtioConsole("agent", memory, agent.all()));
    }

    private void plug(VirtioConsole device) {
        VirtioPci ignored = slots.add(closer.add(device), VirtioConsole.PCI_CLASS);
    }

    /** Notes a port for {@link #addPorts}. */
    void note(PortConfig port) {
        boolean twice = ports.put(port.name(), port.socket()) != null;
        if (twice || ports.size() > VirtioConsole.MAX_PORT_COUNT) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "a VM has at most %d ports, each with another name; leave one '%s' out."
                            .formatted(VirtioConsole.MAX_PORT_COUNT, port.name()));
        }
    }

    /**
     * Adds the device with all ports, if there are any.
     *
     * @throws VmException if a socket cannot be had
     */
    void addPorts() {
        if (ports.isEmpty()) {
            return;
        }
        List<ConsolePort> list = ports.keySet().stream().map(ConsolePort::named).toList();
        plug(new VirtioConsole("ports", memory, list));
        int next = 0;
        for (Path path : ports.values()) {
            ConsolePort port = list.get(next++);
            try {
                PortSocket ignored = closer.add(new PortSocket(port, path));
            } catch (IOException e) {
                throw new VmException(
                        VmException.Code.HOST,
                        "port %s cannot have the socket %s: %s."
                                .formatted(port.name(), path, OptionalDevices.reason(e)),
                        e);
            }
        }
    }
}
