package io.queztl.vmm.builder;

import io.queztl.devices.virtio.console.ConsolePort;
import java.util.ArrayList;
import java.util.List;

/**
 * The ports by which the agent in the guest is spoken to ({@code docs/agent.md}): one for orders,
 * and for each of a few commands at a time one for its standard input, output and error.
 */
public final class AgentPorts {
    /** How many commands can run at once. */
    public static final int SESSIONS = 4;

    private static final String NAME = "io.queztl.agent";

    /**
     * The streams of a command.
     *
     * @param input what it reads
     * @param output what it prints
     * @param error where it complains
     */
    public record Streams(ConsolePort input, ConsolePort output, ConsolePort error) {}

    private final ConsolePort control = ConsolePort.named(NAME);
    private final List<Streams> sessions = new ArrayList<>();

    AgentPorts() {
        for (int i = 0; i < SESSIONS; i++) {
            sessions.add(
                    new Streams(
                            ConsolePort.named(NAME + ".in." + i),
                            ConsolePort.named(NAME + ".out." + i),
                            ConsolePort.named(NAME + ".err." + i)));
        }
    }

    /** Lines of orders for the agent. */
    public ConsolePort control() {
        return control;
    }

    /** The streams of all commands, by number. */
    public List<Streams> sessions() {
        return List.copyOf(sessions);
    }

    List<ConsolePort> all() {
        List<ConsolePort> all = new ArrayList<>();
        all.add(control);
        for (Streams s : sessions) {
            all.addAll(List.of(s.input(), s.output(), s.error()));
        }
        return all;
    }
}
