package io.queztl.devices.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * Packets over a stream socket that does not block: before each its length in four bytes, big
 * endian. What goes out waits in a bounded buffer. One thread reads; any thread may send.
 *
 * <p>With {@code headers} the packets on the stream have their VirtIO header, else they are bare
 * frames and get an empty one here.
 */
final class FrameStream implements AutoCloseable {
    private static final int LENGTH = 4;
    private static final int HEADER = NetworkBackend.HEADER_BYTES;
    private static final int ETHERNET = 14;
    private static final int OUT_BYTES = 512 << 10;

    /** In front of the first length there is room for an empty header. */
    private static final int RESERVE = HEADER - LENGTH;

    private static final int IN_BYTES = RESERVE + 2 * (LENGTH + NetworkBackend.MAX_PACKET_BYTES);

    private final SocketChannel channel;
    private final boolean headers;
    private final int least;
    private final int most;
    private final ByteBuffer in = ByteBuffer.allocateDirect(IN_BYTES);
    private final ByteBuffer out = ByteBuffer.allocateDirect(OUT_BYTES); // guarded by itself
    private int start = RESERVE;
    private volatile boolean backlog;

    /** A stream over a channel that does not block, which it closes. */
    FrameStream(SocketChannel channel, boolean headers) {
        this.channel = channel;
        this.headers = headers;
        least = ETHERNET + (headers ? HEADER : 0);
        most = NetworkBackend.MAX_PACKET_BYTES - (headers ? 0 : HEADER);
        in.position(RESERVE);
    }

    SocketChannel channel() {
        return channel;
    }

    /**
     * Puts a packet behind what is to go out.
     *
     * @return false if there is no room for it
     * @throws IOException if the stream is broken
     */
    boolean add(ByteBuffer packet) throws IOException {
        int skip = headers ? 0 : HEADER;
        int bytes = packet.remaining() - skip;
        synchronized (out) {
            if (out.remaining() < LENGTH + bytes && !flush() && out.remaining() < LENGTH + bytes) {
                return false;
            }
            out.putInt(bytes);
            out.put(out.position(), packet, packet.position() + skip, bytes);
            out.position(out.position() + bytes);
            return true;
        }
    }

    /**
     * Sends what the socket takes.
     *
     * @return true if nothing is left
     * @throws IOException if the stream is broken
     */
    boolean flush() throws IOException {
        synchronized (out) {
            out.flip();
            try {
                while (out.hasRemaining() && channel.write(out) > 0) {}
            } finally {
                out.compact();
                backlog = out.position() > 0;
            }
            return !backlog;
        }
    }

    /** True if {@link #flush} has left something. */
    boolean backlog() {
        return backlog;
    }

    /**
     * Reads what has come.
     *
     * @return false at the end of the stream
     * @throws IOException if it is broken
     */
    boolean read() throws IOException {
        if (start > RESERVE) {
            // The bytes in front of what is left were delivered.
            in.limit(in.position()).position(start);
            ByteBuffer rest = in.slice();
            in.clear().position(RESERVE);
            in.put(rest);
            start = RESERVE;
        }
        return channel.read(in) >= 0;
    }

    /**
     * The next packet that has come as a whole, valid until the next {@link #read}, or null.
     *
     * @throws IOException for a length that no packet has
     */
    @org.jspecify.annotations.Nullable
    ByteBuffer next() throws IOException {
        int have = in.position() - start;
        if (have < LENGTH) {
            return null;
        }
        int bytes = in.getInt(start);
        if (bytes < least || bytes > most) {
            throw new IOException("a frame of %d bytes".formatted(bytes));
        }
        if (have < LENGTH + bytes) {
            return null;
        }
        int first = start + LENGTH;
        start = first + bytes;
        if (!headers) {
            first -= HEADER;
            for (int i = 0; i < HEADER; i++) {
                in.put(first + i, (byte) 0);
            }
        }
        return in.slice(first, start - first);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // It is gone either way.
        }
    }
}
