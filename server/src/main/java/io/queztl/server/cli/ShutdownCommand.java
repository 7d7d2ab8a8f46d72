package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.agent.GuestAgent;
import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.ControlException;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code queztl shutdown}: the guest's agent switches it off. */
@Command(
        name = "shutdown",
        description = "Has the agent in a running VM's guest shut it down, and waits for the end.",
        mixinStandardHelpOptions = true)
final class ShutdownCommand extends VmCommand {
    private static final int AGENT_SECONDS = 20;

    @Option(
            names = "--wait",
            paramLabel = "SECONDS",
            description = "how long to wait for the end (default: ${DEFAULT-VALUE})")
    private int wait = 60;

    ShutdownCommand(HostIo io) {
        super(io, "shutdown");
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments)
            throws ControlException, InterruptedException {
        GuestAgent agent = target.agent();
        agent.await(AGENT_SECONDS);
        agent.shutdown();
        return Map.of();
    }

    @Override
    int show(Arguments result, ControlClient client) {
        if (!client.awaitEnd(wait)) {
            throw new CommandException(
                    ExitStatus.REFUSED,
                    "the VM '%s' has not ended within %d s; 'queztl stop --force %s' ends it."
                            .formatted(vm(), wait, vm()));
        }
        return ExitStatus.OK;
    }
}
