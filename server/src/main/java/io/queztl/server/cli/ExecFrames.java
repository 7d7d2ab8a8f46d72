package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.ControlConnection;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What goes over a control connection after the answer to {@code exec}, both ways: frames of a kind
 * [1], a length [4], most significant byte first, and so many bytes.
 */
final class ExecFrames {
    /** To the VM: what the command reads; empty at its end. */
    static final int INPUT = 0;

    /** From the VM: what it prints. */
    static final int OUTPUT = 1;

    /** From the VM: what it prints to standard error. */
    static final int ERROR = 2;

    /** From the VM, the last: the status of the command [4]. */
    static final int STATUS = 3;

    /** From the VM, the last: a sentence about why there is no status. */
    static final int FAILURE = 4;

    /** The longest frame, in bytes. */
    static final int MAX = 1 << 16;

    private static final int HEADER = 5;

    private ExecFrames() {}

    /**
     * A frame that came.
     *
     * @param kind one of the constants
     * @param data what is in it
     */
    record Frame(int kind, byte[] data) {}

    /** Sends a frame, or several if one is not enough. */
    static void send(ControlConnection connection, int kind, byte[] bytes, int start, int length)
            throws IOException {
        int done = 0;
        do {
            int n = Math.min(MAX, length - done);
            ByteBuffer frame = ByteBuffer.allocate(HEADER + n);
            frame.put((byte) kind).putInt(n).put(bytes, start + done, n).flip();
            connection.write(frame);
            done += n;
        } while (done < length);
    }

    /** A stream whose bytes go out as frames. */
    static OutputStream stream(ControlConnection connection, int kind) {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int start, int length) throws IOException {
                if (length > 0) {
                    send(connection, kind, bytes, start, length);
                }
            }
        };
    }

    /**
     * Reads a frame.
     *
     * @throws IOException also if the connection ends or the frame is too long
     */
    static Frame read(ControlConnection connection) throws IOException {
        byte[] header = new byte[HEADER];
        connection.readFully(header, 0, HEADER);
        ByteBuffer b = ByteBuffer.wrap(header);
        int kind = b.get();
        int length = b.getInt();
        if (length < 0 || length > MAX) {
            throw new IOException("a frame is too long");
        }
        byte[] data = new byte[length];
        connection.readFully(data, 0, length);
        return new Frame(kind, data);
    }

    /**
     * The command line's end: passes streams until the command has ended.
     *
     * @param in what the command reads; null for nothing
     * @return its status
     * @throws CommandException if it has none
     */
    static int run(
            ControlConnection connection,
            @Nullable InputStream in,
            OutputStream out,
            OutputStream err)
            throws IOException {
        if (in == null) {
            send(connection, INPUT, new byte[0], 0, 0);
        } else {
            Thread ignored =
                    Thread.ofPlatform()
                            .daemon()
                            .name("queztl-exec-input")
                            .start(() -> pump(connection, in));
        }
        try {
            for (; ; ) {
                Frame frame = read(connection);
                switch (frame.kind()) {
                    case OUTPUT -> {
                        out.write(frame.data());
                        out.flush();
                    }
                    case ERROR -> {
                        err.write(frame.data());
                        err.flush();
                    }
                    case STATUS -> {
                        return ByteBuffer.wrap(frame.data()).getInt();
                    }
                    case FAILURE ->
                            throw new CommandException(
                                    ExitStatus.REFUSED,
                                    new String(
                                            frame.data(), java.nio.charset.StandardCharsets.UTF_8));
                    default -> throw new IOException("an unknown frame");
                }
            }
        } catch (java.io.EOFException e) {
            throw new CommandException(ExitStatus.NO_VM, "the VM ended before the command did.", e);
        }
    }

    private static void pump(ControlConnection connection, InputStream in) {
        byte[] buffer = new byte[MAX / 2];
        try {
            int n;
            while ((n = in.read(buffer)) >= 0) {
                if (n > 0) {
                    send(connection, INPUT, buffer, 0, n);
                }
            }
            send(connection, INPUT, buffer, 0, 0);
        } catch (IOException e) {
            // The command has ended, or there is nothing to read any more.
        }
    }
}
