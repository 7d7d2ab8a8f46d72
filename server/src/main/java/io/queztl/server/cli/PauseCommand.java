package io.queztl.server.cli;

import io.queztl.server.control.Arguments;
import java.util.Map;
import picocli.CommandLine.Command;

/** {@code queztl pause}: stops a running VM, its time too, until 'queztl resume'. */
@Command(
        name = "pause",
        description = "Stops vCPUs and time of a running VM until 'queztl resume'.",
        mixinStandardHelpOptions = true)
final class PauseCommand extends VmCommand {
    PauseCommand(HostIo io) {
        super(io, "pause");
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments) throws InterruptedException {
        target.pause();
        return Map.of();
    }
}
