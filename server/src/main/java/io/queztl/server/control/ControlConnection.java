package io.queztl.server.control;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection to a control socket: lines of JSON, and for commands that pass data on,
 * bytes. One thread may read while another writes.
 */
public final class ControlConnection implements AutoCloseable {
    /** The longest line, in bytes. */
    public static final int MAX_LINE = 1 << 20;

    private static final int BUFFER = 1 << 14;

    private final SocketChannel channel;
    private final ByteBuffer input = ByteBuffer.allocate(BUFFER).limit(0);
    private final Object writing = new Object();

    /** Takes over a channel, which must block. */
    ControlConnection(SocketChannel channel) {
        this.channel = channel;
    }

    /**
     * Reads some bytes.
     *
     * @return how many; -1 at the end
     */
    public int read(byte[] target, int start, int bytes) throws IOException {
        if (!fill()) {
            return -1;
        }
        int n = Math.min(bytes, input.remaining());
        ByteBuffer ignored = input.get(target, start, n);
        return n;
    }

    /** Reads exactly so many bytes. */
    public void readFully(byte[] target, int start, int bytes) throws IOException {
        int done = 0;
        while (done < bytes) {
            int n = read(target, start + done, bytes - done);
            if (n < 0) {
                throw new EOFException("the other side went away");
            }
            done += n;
        }
    }

    private boolean fill() throws IOException {
        if (!input.hasRemaining()) {
            input.clear();
            int n = channel.read(input);
            input.flip();
            return n >= 0;
        }
        return true;
    }

    /**
     * The next line without its end, or null at the end.
     *
     * @throws IOException also if it is longer than {@link #MAX_LINE}
     */
    public @Nullable String readLine() throws IOException {
        byte[] line = new byte[256];
        int length = 0;
        while (fill()) {
            byte b = input.get();
            if (b == '\n') {
                return new String(line, 0, length, StandardCharsets.UTF_8);
            }
            if (length == MAX_LINE) {
                throw new IOException("a line is too long");
            }
            if (length == line.length) {
                line = java.util.Arrays.copyOf(line, length * 2);
            }
            line[length++] = b;
        }
        return null;
    }

    /** Writes bytes, as a whole. */
    public void write(ByteBuffer bytes) throws IOException {
        synchronized (writing) {
            while (bytes.hasRemaining()) {
                int ignored = channel.write(bytes);
            }
        }
    }

    /** Writes a line. */
    public void writeLine(String line) throws IOException {
        write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
    }

    /** Sends the result of a request. */
    public void answer(Object result) throws IOException {
        writeLine(Json.write(Map.of("result", result)));
    }

    /** Sends that a request cannot be done. */
    public void refuse(String message) throws IOException {
        writeLine(Json.write(Map.of("error", message)));
    }

    /** True until one side has closed it, as far as is known. */
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
