package io.queztl.devices.net;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The network of another program that speaks QEMU's stream protocol over a Unix socket: a length of
 * four bytes, big endian, and an Ethernet frame. {@code passt(1)} is one. It takes no offloads;
 * {@link OffloadingNetwork} goes before it. When the program ends, the link is down until one
 * listens again.
 */
public final class PasstNetwork implements NetworkBackend {
    private static final long RETRY_MILLIS = 500;
    private static final long JOIN_MILLIS = 2_000;

    private final UnixDomainSocketAddress address;
    private final Selector selector;
    private final GuestPort guest = new GuestPort();
    private final AtomicLong dropped = new AtomicLong();
    private volatile @Nullable FrameStream stream;
    private volatile boolean closed;
    private @Nullable Thread thread;

    private PasstNetwork(UnixDomainSocketAddress address, FrameStream stream) throws IOException {
        this.address = address;
        this.stream = stream;
        selector = Selector.open();
    }

    /**
     * Connects to the socket.
     *
     * @throws IOException with a sentence for the user
     */
    public static PasstNetwork connect(Path socket) throws IOException {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(socket);
        try {
            return new PasstNetwork(address, open(address));
        } catch (IOException e) {
            throw new IOException(
                    "nobody answers at the socket %s (%s); start 'passt --socket %s' first"
                            .formatted(socket, e.getMessage(), socket),
                    e);
        }
    }

    private static FrameStream open(UnixDomainSocketAddress address) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            boolean ignored = channel.connect(address);
            channel.configureBlocking(false);
            return new FrameStream(channel, false);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** Frames of the guest for which there was no room. */
    public long dropped() {
        return dropped.get();
    }

    @Override
    public Offloads offloads() {
        return Offloads.NONE;
    }

    @Override
    public void guestOffloads(Offloads offloads) {
        // What comes from there is complete.
    }

    @Override
    public void start(Receiver receiver) {
        guest.start(receiver);
        thread = Thread.ofPlatform().daemon().name("queztl-passt").start(this::run);
    }

    @Override
    public void send(ByteBuffer packet) {
        FrameStream s = stream;
        try {
            if (s == null || !s.add(packet)) {
                long ignored = dropped.incrementAndGet();
            }
        } catch (IOException e) {
            Selector ignored = selector.wakeup(); // which finds the stream broken, too
        }
    }

    @Override
    public void flush(int queue) {
        FrameStream s = stream;
        try {
            if (s != null && !s.flush()) {
                Selector ignored = selector.wakeup();
            }
        } catch (IOException e) {
            Selector ignored = selector.wakeup();
        }
    }

    @Override
    public void receiverReady() {
        guest.ready();
    }

    @Override
    public boolean linkUp() {
        return stream != null;
    }

    private void run() {
        try {
            while (!closed) {
                FrameStream s = stream;
                if (s == null) {
                    connectAgain();
                    continue;
                }
                try {
                    serve(s);
                } catch (IOException e) {
                    stream = null;
                    s.close();
                    if (!closed) {
                        guest.linkChanged();
                    }
                }
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e); // the selector itself
        }
    }

    private void connectAgain() throws IOException {
        int ignored = selector.select(RETRY_MILLIS);
        try {
            stream = open(address);
        } catch (IOException e) {
            return; // later, perhaps
        }
        guest.linkChanged();
    }

    /** Moves packets until the stream breaks. */
    private void serve(FrameStream s) throws IOException {
        SelectionKey key = s.channel().register(selector, SelectionKey.OP_READ);
        while (!closed) {
            int write = s.backlog() ? SelectionKey.OP_WRITE : 0;
            SelectionKey same = key.interestOps(SelectionKey.OP_READ | write);
            int ignored = selector.select();
            selector.selectedKeys().clear();
            boolean sent = s.flush();
            if (!s.read()) {
                throw new ClosedChannelException();
            }
            for (ByteBuffer p = s.next(); p != null; p = s.next()) {
                guest.deliver(p, () -> flush(0));
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        guest.close();
        Selector ignored = selector.wakeup();
        Thread t = thread;
        if (t != null) {
            try {
                t.join(JOIN_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        FrameStream s = stream;
        if (s != null) {
            s.close();
        }
        try {
            selector.close();
        } catch (IOException e) {
            // It is gone either way.
        }
    }
}
