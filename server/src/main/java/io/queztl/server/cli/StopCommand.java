package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.ControlException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code queztl stop}: the power button, or the plug. */
@Command(
        name = "stop",
        description = {
            "Presses the power button of a running VM: a guest that listens switches itself off.",
            "The stock guest does not listen; 'queztl shutdown' asks its agent."
        },
        mixinStandardHelpOptions = true)
final class StopCommand extends VmCommand {
    private static final int FORCE_SECONDS = 30;

    @Option(names = "--force", description = "pull the plug: what is not on disk is lost")
    private boolean force;

    @Option(
            names = "--wait",
            paramLabel = "SECONDS",
            description = "wait so long for the end of the VM")
    private @Nullable Integer wait;

    StopCommand(HostIo io) {
        super(io, "stop");
    }

    @Override
    Map<String, Object> arguments() {
        return Map.of("force", force);
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments) throws ControlException {
        if (arguments.flag("force")) {
            target.machine().stop();
        } else {
            target.powerButton();
        }
        return Map.of();
    }

    @Override
    int show(Arguments result, ControlClient client) {
        Integer seconds = wait == null && force ? Integer.valueOf(FORCE_SECONDS) : wait;
        if (seconds != null && !client.awaitEnd(seconds)) {
            throw new CommandException(
                    ExitStatus.REFUSED,
                    "the VM '%s' has not ended within %d s; 'queztl stop --force %s' ends it."
                            .formatted(vm(), seconds, vm()));
        }
        return ExitStatus.OK;
    }
}
