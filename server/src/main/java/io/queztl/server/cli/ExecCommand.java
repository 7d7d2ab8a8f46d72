package io.queztl.server.cli;

import io.queztl.server.agent.AgentSession;
import io.queztl.server.agent.GuestAgent;
import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.ControlConnection;
import io.queztl.server.control.ControlException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code queztl exec}: a command in the guest, by its agent. */
@Command(
        name = "exec",
        description = {
            "Runs a command in a running VM whose guest has Queztl's agent ('queztl run --agent'),"
                    + " with this command's standard streams, and ends with its status.",
            "A shell's syntax needs a shell: queztl exec NAME -- sh -c 'ls | wc -l'"
        },
        mixinStandardHelpOptions = true)
final class ExecCommand extends VmCommand {
    /** What the request is called. */
    static final String EXEC = "exec";

    private static final int AGENT_SECONDS = 20;
    private static final int POLL_MILLIS = 250;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "COMMAND",
            description = "the program and its arguments")
    private List<String> command = new ArrayList<>();

    ExecCommand(HostIo io) {
        super(io, EXEC);
    }

    /** A word as a shell takes it for itself. */
    static String quote(String word) {
        return "'" + word.replace("'", "'\\''") + "'";
    }

    @Override
    Map<String, Object> arguments() {
        List<String> words =
                command.getFirst().equals("--") ? command.subList(1, command.size()) : command;
        return Map.of(
                "script",
                "exec " + words.stream().map(ExecCommand::quote).collect(Collectors.joining(" ")));
    }

    @Override
    int show(Arguments result, ControlClient client) throws IOException {
        return ExecFrames.run(client.connection(), io.in(), io.out(), io.err());
    }

    // ---- the end that does

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments) {
        throw new IllegalStateException("this command converses");
    }

    @Override
    void converse(RunningVm target, Arguments arguments, ControlConnection connection)
            throws ControlException, IOException, InterruptedException {
        String script = arguments.string("script");
        GuestAgent agent = target.agent();
        agent.await(AGENT_SECONDS);
        CountDownLatch answered = new CountDownLatch(1);
        AgentSession started =
                agent.start(
                        script,
                        after(answered, connection, ExecFrames.OUTPUT),
                        after(answered, connection, ExecFrames.ERROR));
        try (AgentSession session = started) {
            connection.answer(Map.of());
            answered.countDown();
            Thread reader =
                    Thread.ofPlatform()
                            .daemon()
                            .name("queztl-exec-input")
                            .start(() -> read(connection, session));
            OptionalInt status;
            do {
                status = session.await(POLL_MILLIS);
            } while (status.isEmpty() && agent.present() && reader.isAlive());
            if (status.isPresent()) {
                byte[] bytes = ByteBuffer.allocate(4).putInt(status.getAsInt()).array();
                ExecFrames.send(connection, ExecFrames.STATUS, bytes, 0, bytes.length);
            } else if (!agent.present()) {
                byte[] text =
                        "the agent in the guest has gone away, and the command with it."
                                .getBytes(StandardCharsets.UTF_8);
                ExecFrames.send(connection, ExecFrames.FAILURE, text, 0, text.length);
            } else {
                session.kill(); // whoever wanted it is gone
            }
        } finally {
            // What the reader waits for makes no request.
            connection.close();
        }
    }

    /** Frames must not come before the answer. */
    private static java.io.OutputStream after(
            CountDownLatch answered, ControlConnection connection, int kind) {
        java.io.OutputStream frames = ExecFrames.stream(connection, kind);
        return new java.io.OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int start, int length) throws IOException {
                try {
                    answered.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new java.io.InterruptedIOException();
                }
                frames.write(bytes, start, length);
            }
        };
    }

    /** Ends when the other side goes away; the end of the input does not end it. */
    private static void read(ControlConnection connection, AgentSession session) {
        try {
            for (; ; ) {
                ExecFrames.Frame frame = ExecFrames.read(connection);
                if (frame.kind() != ExecFrames.INPUT) {
                    return;
                }
                if (frame.data().length == 0) {
                    session.endInput();
                } else {
                    session.input(frame.data(), frame.data().length);
                }
            }
        } catch (IOException e) {
            // The other side is gone.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
