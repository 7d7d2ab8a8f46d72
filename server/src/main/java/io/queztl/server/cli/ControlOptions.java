package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.control.ControlServer;
import io.queztl.server.control.RuntimeFolder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} about the VM's control socket. */
final class ControlOptions {
    @Option(
            names = "--name",
            paramLabel = "NAME",
            description =
                    "what 'queztl ps', 'stats', 'stop' and so on call the VM (default: vm1, vm2"
                            + " and so on)")
    private @Nullable String name;

    /** For picocli. */
    ControlOptions() {}

    /** A socket under the VM's name, and who serves it once the VM is there. */
    record Reserved(RuntimeFolder folder, RuntimeFolder.Endpoint endpoint) {
        ControlServer serve(RunningVm vm) {
            return new ControlServer(
                            folder,
                            endpoint,
                            (command, arguments, connection) ->
                                    VmCommands.serve(vm, command, arguments, connection))
                    .start();
        }

        /** What the VM is called. */
        String name() {
            return endpoint.name();
        }

        void close() {
            folder.close(endpoint);
        }
    }

    /**
     * Takes the name.
     *
     * @return null if the host has no place for a socket and nobody asked for a name
     * @throws CommandException if the name is taken
     */
    @Nullable Reserved reserve(HostIo io) {
        try {
            RuntimeFolder folder = RuntimeFolder.of(System.getenv());
            return new Reserved(folder, folder.listen(name));
        } catch (CommandException e) {
            if (name != null) {
                throw e;
            }
            io.err().println("queztl: no command will reach this VM: " + e.getMessage());
            return null;
        }
    }
}
