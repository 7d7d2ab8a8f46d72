package io.queztl.server.control;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The other side of a {@link ControlServer}. */
public final class ControlClient implements AutoCloseable {
    private final String name;
    private final ControlConnection connection;

    private ControlClient(String name, ControlConnection connection) {
        this.name = name;
        this.connection = connection;
    }

    /**
     * Connects to a running VM.
     *
     * @throws CommandException if there is none of that name
     */
    public static ControlClient connect(RuntimeFolder folder, String name) {
        CommandException none =
                new CommandException(
                        ExitStatus.NO_VM,
                        "no VM called '%s' is running; 'queztl ps' lists those that are."
                                .formatted(name));
        if (!RuntimeFolder.NAME.matcher(name).matches()) {
            throw none;
        }
        try {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                boolean ignored = channel.connect(UnixDomainSocketAddress.of(folder.socket(name)));
                return new ControlClient(name, new ControlConnection(channel));
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw none;
        }
    }

    /** The connection, for commands that go on after the answer. */
    public ControlConnection connection() {
        return connection;
    }

    /**
     * Sends a request and waits for its result.
     *
     * @param seconds how long; after that the connection is of no use
     * @throws CommandException if the VM refuses it or does not answer
     */
    public Arguments request(String command, Map<String, ?> arguments, int seconds) {
        Map<String, Object> request = new HashMap<>();
        request.put("command", command);
        request.put("arguments", arguments);
        try {
            String line =
                    within(
                            seconds,
                            () -> {
                                connection.writeLine(Json.write(request));
                                return connection.readLine();
                            });
            if (line == null) {
                throw new CommandException(
                        ExitStatus.NO_VM, "the VM '%s' has ended.".formatted(name));
            }
            Arguments answer = Arguments.parse(line);
            if (answer.values().containsKey("error")) {
                throw new CommandException(ExitStatus.REFUSED, answer.string("error"));
            }
            return answer.object("result");
        } catch (ControlException e) {
            throw new CommandException(
                    ExitStatus.NO_VM,
                    "the VM '%s' answers what makes no sense: %s".formatted(name, e.getMessage()),
                    e);
        }
    }

    /**
     * Waits until the VM has ended.
     *
     * @return false if it has not after so many seconds
     */
    public boolean awaitEnd(int seconds) {
        try {
            String ignored = within(seconds, connection::readLine);
            return true;
        } catch (CommandException e) {
            return false;
        }
    }

    private interface Exchange {
        @Nullable String run() throws IOException;
    }

    /** Blocking channels know no time limit: a thread that is left behind does. */
    private @Nullable String within(int seconds, Exchange exchange) {
        CompletableFuture<@Nullable String> result = new CompletableFuture<>();
        Thread ignored =
                Thread.ofPlatform()
                        .daemon()
                        .name("queztl-request")
                        .start(() -> {
                            String line = null;
                            try {
                                line = exchange.run();
                            } catch (IOException e) {
                                // As good as the end.
                            }
                            boolean unused = result.complete(line);
                        });
        try {
            return result.get(seconds, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new CommandException(
                    ExitStatus.NO_VM,
                    "the VM '%s' has not answered for %d s; its process hangs or is stopped."
                            .formatted(name, seconds));
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (IOException e) {
            // Nothing more is wanted of it.
        }
    }
}
