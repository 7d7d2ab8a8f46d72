package io.queztl.devices.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A port of a switch between VMs of one user on one host. There is no process in the middle: each
 * port has a connection to every other and learns for itself which station is behind which, so the
 * end of one VM takes nothing but its own port away. Packets cross with their VirtIO headers: what
 * one guest leaves undone the other takes undone, or the receiving port does it.
 *
 * <p>On a connection both sides first send eight bytes, {@code "QZSW"} and a version; then packets
 * as in {@link FrameStream}. Each direction has a bounded buffer; what a slow port does not take is
 * dropped. Packets of other ports are not trusted.
 */
public final class SwitchNetwork implements NetworkBackend {
    /** The most other ports. */
    static final int MAX_PEERS = 64;

    private static final long HELLO = 0x515a_5357_0000_0001L;
    private static final int HELLO_BYTES = 8;
    private static final long JOIN_MILLIS = 2_000;

    private final SwitchFolder folder;
    private final SwitchFolder.Port port;
    private final Selector selector;
    private final GuestPort guest = new GuestPort();
    private final OffloadFinisher finisher = new OffloadFinisher();
    private final StationTable<Peer> stations = new StationTable<>(System::nanoTime);
    private final AtomicLong dropped = new AtomicLong();
    private final List<Peer> pending = new ArrayList<>();
    private volatile List<Peer> peers = List.of();
    private volatile Offloads guestOffloads = Offloads.NONE;
    private volatile boolean closed;
    private @Nullable Thread thread;

    private SwitchNetwork(SwitchFolder folder, SwitchFolder.Port port) throws IOException {
        this.folder = folder;
        this.port = port;
        selector = Selector.open();
    }

    /**
     * Joins the switch whose ports meet in a folder, which is made if need be.
     *
     * @throws IOException with a sentence for the user
     */
    public static SwitchNetwork join(Path path) throws IOException {
        try {
            SwitchFolder folder = SwitchFolder.open(path);
            SwitchFolder.Port port = folder.join(MAX_PEERS);
            SwitchNetwork network = new SwitchNetwork(folder, port);
            ServerSocketChannel server = port.server();
            server.configureBlocking(false);
            SelectionKey ignored = server.register(network.selector, SelectionKey.OP_ACCEPT);
            for (SocketChannel channel : port.peers()) {
                network.greet(channel);
            }
            // Peers that connect while the guest boots are not kept waiting.
            network.thread = Thread.ofPlatform().daemon().name("queztl-switch").start(network::run);
            return network;
        } catch (IOException | IllegalArgumentException e) {
            throw new IOException(
                    "the switch in %s cannot be joined: %s".formatted(path, e.getMessage()), e);
        }
    }

    /** How many other ports there are. */
    public int peers() {
        return peers.size();
    }

    /** Packets for which a port had no room, or whose headers did not fit them. */
    public long dropped() {
        return dropped.get();
    }

    @Override
    public Offloads offloads() {
        return Offloads.ALL;
    }

    @Override
    public void guestOffloads(Offloads offloads) {
        guestOffloads = offloads;
    }

    @Override
    public void start(Receiver receiver) {
        guest.start(receiver);
    }

    // ---- the guest sends

    @Override
    public void send(ByteBuffer packet) {
        List<Peer> all = peers;
        Peer one = all.isEmpty() ? null : stations.find(address(packet, HEADER_BYTES));
        if (one != null) {
            send(one, packet);
            return;
        }
        for (int i = 0; i < all.size(); i++) {
            send(all.get(i), packet);
        }
    }

    private void send(Peer peer, ByteBuffer packet) {
        try {
            if (!peer.stream.add(packet)) {
                long ignored = dropped.incrementAndGet();
            }
        } catch (IOException e) {
            Selector ignored = selector.wakeup(); // which finds it broken, too
        }
    }

    @Override
    public void flush(int queue) {
        List<Peer> all = peers;
        boolean left = false;
        for (int i = 0; i < all.size(); i++) {
            try {
                left |= !all.get(i).stream.flush();
            } catch (IOException e) {
                left = true;
            }
        }
        if (left) {
            Selector ignored = selector.wakeup();
        }
    }

    private static long address(ByteBuffer packet, int at) {
        long first = packet.getShort(packet.position() + at) & 0xffffL;
        return first << 32 | packet.getInt(packet.position() + at + 2) & 0xffff_ffffL;
    }

    @Override
    public void receiverReady() {
        guest.ready();
    }

    // ---- the others send

    private void run() {
        try {
            while (!closed) {
                for (Peer peer : peers) {
                    int write = peer.stream.backlog() ? SelectionKey.OP_WRITE : 0;
                    if (peer.key.isValid()) {
                        SelectionKey same = peer.key.interestOps(SelectionKey.OP_READ | write);
                    }
                }
                int ignored = selector.select();
                for (SelectionKey key : selector.selectedKeys()) {
                    if (key.attachment() instanceof Peer peer) {
                        serve(peer);
                    } else {
                        accept();
                    }
                }
                selector.selectedKeys().clear();
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e); // the selector itself
        }
    }

    private void accept() {
        try {
            SocketChannel channel = port.server().accept();
            if (channel == null) {
                return;
            }
            if (peers.size() + pending.size() >= MAX_PEERS) {
                channel.close();
            } else {
                greet(channel);
            }
        } catch (IOException e) {
            // Gone before it was accepted.
        }
    }

    /** Sends the hello and waits for the other's. */
    private void greet(SocketChannel channel) throws IOException {
        try {
            channel.configureBlocking(false);
            ByteBuffer hello = ByteBuffer.allocate(HELLO_BYTES).putLong(HELLO).flip();
            if (channel.write(hello) != HELLO_BYTES) {
                throw new ClosedChannelException();
            }
            Peer peer = new Peer(channel, selector);
            pending.add(peer);
        } catch (IOException e) {
            channel.close();
        }
    }

    private void serve(Peer peer) {
        try {
            if (!peer.greeted) {
                welcome(peer);
                return;
            }
            boolean sent = peer.stream.flush();
            if (!peer.stream.read()) {
                throw new ClosedChannelException();
            }
            for (ByteBuffer p = peer.stream.next(); p != null; p = peer.stream.next()) {
                stations.heard(address(p, HEADER_BYTES + 6), peer);
                if (!finisher.finish(p, guestOffloads, this::deliver)) {
                    long ignored = dropped.incrementAndGet();
                }
            }
        } catch (IOException e) {
            remove(peer);
        }
    }

    private void deliver(ByteBuffer packet) {
        guest.deliver(packet, () -> flush(0));
    }

    private void welcome(Peer peer) throws IOException {
        if (peer.stream.channel().read(peer.hello) < 0) {
            throw new ClosedChannelException();
        }
        if (peer.hello.hasRemaining()) {
            return;
        }
        if (peer.hello.getLong(0) != HELLO) {
            throw new IOException("not a port of a switch");
        }
        peer.greeted = true;
        boolean ignored = pending.remove(peer);
        List<Peer> more = new ArrayList<>(peers);
        more.add(peer);
        peers = List.copyOf(more);
    }

    private void remove(Peer peer) {
        peer.stream.close();
        boolean ignored = pending.remove(peer);
        List<Peer> fewer = new ArrayList<>(peers);
        if (fewer.remove(peer)) {
            peers = List.copyOf(fewer);
        }
        stations.forget(peer);
    }

    @Override
    public void close() {
        closed = true;
        guest.close();
        folder.leave(port);
        Selector ignored = selector.wakeup();
        Thread t = thread;
        if (t != null) {
            try {
                t.join(JOIN_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        for (Peer peer : peers) {
            peer.stream.close();
        }
        for (Peer peer : pending) {
            peer.stream.close();
        }
        try {
            selector.close();
        } catch (IOException e) {
            // It is gone either way.
        }
    }

    /** Another port. */
    private static final class Peer {
        final FrameStream stream;
        final SelectionKey key;
        final ByteBuffer hello = ByteBuffer.allocate(HELLO_BYTES);
        boolean greeted;

        Peer(SocketChannel channel, Selector selector) throws IOException {
            stream = new FrameStream(channel, true);
            key = channel.register(selector, SelectionKey.OP_READ, this);
        }
    }
}
