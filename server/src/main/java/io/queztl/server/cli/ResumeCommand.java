package io.queztl.server.cli;

import io.queztl.server.control.Arguments;
import java.util.Map;
import picocli.CommandLine.Command;

/** {@code queztl resume}: lets a paused VM go on. */
@Command(name = "resume", description = "Lets a paused VM go on.", mixinStandardHelpOptions = true)
final class ResumeCommand extends VmCommand {
    ResumeCommand(HostIo io) {
        super(io, "resume");
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments) {
        target.resume();
        return Map.of();
    }
}
