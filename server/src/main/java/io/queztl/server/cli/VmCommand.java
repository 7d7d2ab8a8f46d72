package io.queztl.server.cli;

import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.ControlConnection;
import io.queztl.server.control.ControlException;
import io.queztl.server.control.RuntimeFolder;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Parameters;

/**
 * A command to a running VM, both ends of it: the one of the command line, which asks, and the one
 * in the VM's own process, which does. {@link VmCommands} lists them all.
 */
abstract class VmCommand implements Callable<Integer> {
    /** How long a VM has for an answer if a command says nothing else. */
    static final int ANSWER_SECONDS = 30;

    /** The streams of the command line. */
    final HostIo io;

    private final String wireName;

    @Parameters(index = "0", paramLabel = "NAME", description = "the VM; 'queztl ps' lists them")
    private String vm = "";

    /**
     * @param wireName what the request is called
     */
    VmCommand(HostIo io, String wireName) {
        this.io = io;
        this.wireName = wireName;
    }

    /** What the request is called. */
    final String wireName() {
        return wireName;
    }

    /** The VM that the command line names. */
    final String vm() {
        return vm;
    }

    // ---- the end that asks

    /** What goes with the request; called on the command line's end. */
    Map<String, Object> arguments() {
        return Map.of();
    }

    /** Shows the result and gives the exit status; the connection is still open. */
    int show(Arguments result, ControlClient client) throws IOException {
        return 0;
    }

    @Override
    public final Integer call() throws IOException {
        RuntimeFolder folder = RuntimeFolder.of(System.getenv());
        try (ControlClient client = ControlClient.connect(folder, vm)) {
            return show(client.request(wireName, arguments(), ANSWER_SECONDS), client);
        }
    }

    // ---- the end that does

    /**
     * Does the command in the VM's process; on a thread of its own.
     *
     * @return the result: maps, lists, strings, numbers, booleans
     * @throws ControlException if it cannot be done
     */
    abstract Map<String, ?> serve(RunningVm target, Arguments arguments)
            throws ControlException, InterruptedException;

    /** The same, for commands that use the connection for more than one answer. */
    void converse(RunningVm target, Arguments arguments, ControlConnection connection)
            throws ControlException, IOException, InterruptedException {
        connection.answer(serve(target, arguments));
    }
}
