package io.queztl.devices.virtio.console;

import io.queztl.devices.host.PrivateListener;
import io.queztl.devices.legacy.OutputBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Connects a {@link ConsolePort} to a private Unix socket, one client at a time; the next one waits
 * until the client before has closed its side. A client that does not read holds the guest's writer
 * back, a guest that does not read holds the client back.
 */
public final class PortSocket implements AutoCloseable {
    private static final int READ_BYTES = 16 << 10;
    private static final long ROOM_MILLIS = 1000;

    private final ConsolePort port;
    private final PrivateListener listener;
    private volatile @Nullable SocketChannel client;
    private volatile boolean closed;

    /**
     * Listens and starts to serve.
     *
     * @throws IOException with a message for the user, if the socket cannot be had
     */
    @SuppressWarnings("this-escape") // the last statement
    public PortSocket(ConsolePort port, Path path) throws IOException {
        this.port = port;
        listener = PrivateListener.open(path);
        Thread ignored =
                Thread.ofPlatform().daemon().name("queztl-port-" + port.name()).start(this::serve);
    }

    private void serve() {
        while (!closed) {
            try (SocketChannel channel = listener.channel().accept()) {
                client = channel;
                if (!closed) {
                    serve(channel);
                }
            } catch (IOException e) {
                // This client is gone; if the listener is, so is the port's host.
                if (!listener.channel().isOpen()) {
                    return;
                }
            } catch (InterruptedException e) {
                return;
            } finally {
                client = null;
            }
        }
    }

    private void serve(SocketChannel channel) throws IOException, InterruptedException {
        OutputBuffer output =
                new OutputBuffer("port-" + port.name() + "-out", Channels.newOutputStream(channel));
        output.onDrained(port::outputReady);
        port.open(output::offer);
        try (output) {
            ByteBuffer buffer = ByteBuffer.allocate(READ_BYTES);
            while (channel.read(buffer) >= 0) {
                int sent = 0;
                while (sent < buffer.position() && !closed) {
                    sent += port.send(buffer.array(), sent, buffer.position() - sent);
                    if (sent < buffer.position()) {
                        boolean ignored = port.awaitRoom(ROOM_MILLIS);
                    }
                }
                buffer.clear();
            }
        } finally {
            port.close();
        }
    }

    /** Ends the connection, if there is one, and stops listening. */
    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        SocketChannel c = client;
        if (c != null) {
            c.close();
        }
    }
}
