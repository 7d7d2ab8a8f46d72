package io.queztl.server.cli;

import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlConnection;
import io.queztl.server.control.ControlException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** All commands to running VMs; one that is in the list is on the command line and the socket. */
final class VmCommands {
    private VmCommands() {}

    private static List<VmCommand> all(HostIo io) {
        return List.of(
                new StatsCommand(io),
                new StopCommand(io),
                new PauseCommand(io),
                new ResumeCommand(io),
                new ExecCommand(io),
                new ShutdownCommand(io),
                new DiskResizeCommand(io),
                new BalloonCommand(io));
    }

    /**
     * Adds them to the command line. One whose {@code @Command} name has two words, such as {@code
     * disk resize}, becomes the second below the first.
     */
    static void addTo(CommandLine line, HostIo io) {
        line.addSubcommand(new PsCommand(io));
        line.addSubcommand(new CpCommand(io));
        for (VmCommand command : all(io)) {
            CommandSpec spec = CommandSpec.forAnnotatedObject(command);
            String[] words = spec.name().split(" ", 2);
            if (words.length == 1) {
                line.addSubcommand(spec.name(), spec);
                if (command instanceof ExecCommand) {
                    // Options behind the VM's name are the guest's.
                    Objects.requireNonNull(line.getSubcommands().get(spec.name()))
                            .setStopAtPositional(true);
                }
                continue;
            }
            if (!line.getSubcommands().containsKey(words[0])) {
                line.addSubcommand(words[0], group(words[0]));
            }
            Objects.requireNonNull(line.getSubcommands().get(words[0]))
                    .addSubcommand(words[1], spec.name(words[1]));
        }
    }

    private static CommandSpec group(String name) {
        CommandSpec[] spec = new CommandSpec[1];
        Runnable missing =
                () -> {
                    throw new CommandLine.ParameterException(
                            spec[0].commandLine(), "no command given");
                };
        spec[0] = CommandSpec.wrapWithoutInspection(missing).name(name);
        spec[0].usageMessage().description("Commands to a running VM.");
        CommandSpec ignored = spec[0].mixinStandardHelpOptions(true);
        return spec[0];
    }

    /**
     * Does a request of the control socket.
     *
     * @throws ControlException if there is no such command, or it cannot be done
     */
    static void serve(
            RunningVm target, String name, Arguments arguments, ControlConnection connection)
            throws ControlException, IOException, InterruptedException {
        if (name.equals(PsCommand.INFO)) {
            connection.answer(target.summary());
            return;
        }
        Map<String, VmCommand> commands = new LinkedHashMap<>();
        for (VmCommand command : all(HostIo.NONE)) {
            commands.put(command.wireName(), command);
        }
        VmCommand command = commands.get(name);
        if (command == null) {
            throw new ControlException(
                    "there is no command '%s'; there are %s, %s."
                            .formatted(name, PsCommand.INFO, String.join(", ", commands.keySet())));
        }
        command.converse(target, arguments, connection);
    }
}
