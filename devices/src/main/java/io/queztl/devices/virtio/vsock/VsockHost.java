package io.queztl.devices.virtio.vsock;

import io.queztl.devices.host.PrivateListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The host's side of a {@link VirtioVsock}, by Firecracker's convention: a guest that connects to
 * port P of the host reaches the Unix socket {@code PATH_P}; a program that connects to {@code
 * PATH} and sends {@code CONNECT P} and a newline reaches port P of the guest, and reads {@code OK}
 * and a port once the guest has accepted.
 *
 * <p>One thread waits for all sockets, none of which blocks. It holds the device's lock while it
 * looks at what has come, so a program that sends nothing keeps nobody waiting.
 */
final class VsockHost implements AutoCloseable {
    private static final int MAX_GREETING = 32;

    /** Programs that have connected and not said where to. */
    private static final int MAX_UNGREETED = 64;

    private static final long SELECT_MILLIS = 1000;
    private static final Pattern GREETING = Pattern.compile("CONNECT (\\d{1,10})");

    private final VirtioVsock device;
    private final Path path;
    private final PrivateListener listener;
    private final Selector selector;
    private final Set<Greeting> ungreeted = new LinkedHashSet<>();
    private volatile boolean closed;
    private long nextLook = System.nanoTime();

    /** A program that is yet to say which port it wants. */
    private static final class Greeting {
        final SocketChannel channel;
        final SelectionKey key;
        final StringBuilder text = new StringBuilder();
        final long deadline = System.nanoTime() + VirtioVsock.PATIENCE_NANOS;

        Greeting(SocketChannel channel, SelectionKey key) {
            this.channel = channel;
            this.key = key;
        }
    }

    VsockHost(VirtioVsock device, Path path) throws IOException {
        this.device = device;
        this.path = path;
        selector = Selector.open();
        boolean listens = false;
        try {
            listener = PrivateListener.open(path);
            listens = true;
        } finally {
            if (!listens) {
                selector.close();
            }
        }
        var ignored = listener.channel().configureBlocking(false);
        SelectionKey key = listener.channel().register(selector, SelectionKey.OP_ACCEPT);
        key.attach(this);
    }

    void start() {
        Thread ignored = Thread.ofPlatform().daemon().name("queztl-vsock").start(this::loop);
    }

    /**
     * Connects to the socket of a port.
     *
     * @throws IOException if nobody listens there
     */
    SocketChannel connect(int port) throws IOException {
        Path target =
                path.resolveSibling(path.getFileName() + "_" + Integer.toUnsignedString(port));
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        boolean connected = false;
        try {
            var ignored = channel.configureBlocking(false);
            connected = channel.connect(UnixDomainSocketAddress.of(target));
            if (!connected) {
                throw new IOException("too many wait at " + target);
            }
            return channel;
        } finally {
            if (!connected) {
                channel.close();
            }
        }
    }

    /** Waits for what a channel has to say. */
    SelectionKey register(SocketChannel channel) throws IOException {
        SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
        Selector ignored = selector.wakeup();
        return key;
    }

    /** Waits for more of a connection: {@link SelectionKey#OP_READ} or OP_WRITE. */
    void await(VsockConnection connection, int operation) {
        try {
            int ignoredBefore = connection.key.interestOpsOr(operation);
            Selector ignored = selector.wakeup();
        } catch (CancelledKeyException e) {
            // Closed meanwhile.
        }
    }

    /** Lets the selector notice that a channel is closed, which then really is. */
    void wakeup() {
        Selector ignored = selector.wakeup();
    }

    private void loop() {
        while (!closed) {
            try {
                int ignored = selector.select(SELECT_MILLIS);
                synchronized (device.table) {
                    for (SelectionKey key : selector.selectedKeys()) {
                        ready(key);
                    }
                    selector.selectedKeys().clear();
                    expire();
                }
            } catch (ClosedSelectorException e) {
                return;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private void ready(SelectionKey key) {
        if (!key.isValid()) {
            return;
        }
        int ready = key.readyOps();
        switch (key.attachment()) {
            case VsockConnection connection -> {
                int ignored = key.interestOpsAnd(~ready);
                device.socketReady(
                        connection,
                        (ready & SelectionKey.OP_READ) != 0,
                        (ready & SelectionKey.OP_WRITE) != 0);
            }
            case Greeting greeting -> read(greeting);
            default -> accept();
        }
    }

    private void accept() {
        SocketChannel channel = null;
        try {
            channel = listener.channel().accept();
            if (channel == null) {
                return;
            }
            if (!device.live() || ungreeted.size() >= MAX_UNGREETED) {
                channel.close();
                return;
            }
            var ignored = channel.configureBlocking(false);
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
            Greeting greeting = new Greeting(channel, key);
            key.attach(greeting);
            boolean ignoredNew = ungreeted.add(greeting);
        } catch (IOException e) {
            // It is gone again, or the process has no descriptor left; others go on.
            close(channel);
        }
    }

    /** Byte by byte: what comes behind the line is the guest's. */
    private void read(Greeting greeting) {
        ByteBuffer one = ByteBuffer.allocate(1);
        try {
            int n;
            while ((n = greeting.channel.read(one.clear())) > 0) {
                char c = (char) one.get(0);
                if (c == '\n') {
                    greeted(greeting);
                    return;
                }
                boolean ignored = greeting.text.append(c).length() > 0;
                if (greeting.text.length() > MAX_GREETING) {
                    n = -1;
                    break;
                }
            }
            if (n == 0) {
                return;
            }
        } catch (IOException e) {
            // As good as its end.
        }
        drop(greeting);
    }

    private void greeted(Greeting greeting) {
        Matcher matcher = GREETING.matcher(greeting.text);
        long port = matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
        if (port < 0 || port > 0xffff_fffeL) {
            drop(greeting);
            return;
        }
        boolean ignored = ungreeted.remove(greeting);
        if (!device.connectGuest((int) port, greeting.channel, greeting.key)) {
            drop(greeting);
        }
    }

    private void drop(Greeting greeting) {
        boolean ignored = ungreeted.remove(greeting);
        greeting.key.cancel();
        close(greeting.channel);
    }

    private void expire() {
        long now = System.nanoTime();
        if (now - nextLook < 0) {
            return;
        }
        nextLook = now + SELECT_MILLIS * 1_000_000;
        for (Greeting greeting : ungreeted.toArray(Greeting[]::new)) {
            if (now - greeting.deadline > 0) {
                drop(greeting);
            }
        }
        device.expire(now);
    }

    /** What a program reads once the guest has accepted. */
    static byte[] accepted(int port) {
        return ("OK " + Integer.toUnsignedString(port) + "\n").getBytes(StandardCharsets.US_ASCII);
    }

    static void close(java.io.@org.jspecify.annotations.Nullable Closeable channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // There is nothing more to do for it.
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        Selector ignored = selector.wakeup();
        synchronized (device.table) {
            for (Greeting greeting : ungreeted.toArray(Greeting[]::new)) {
                drop(greeting);
            }
            listener.close();
            selector.close();
        }
    }
}
