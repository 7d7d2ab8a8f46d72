package io.queztl.devices.virtio.vsock;

import static io.queztl.devices.virtio.vsock.VsockLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The socket device (VirtIO 1.2, 5.10): streams between the guest and Unix sockets of the host, as
 * {@link VsockHost} has them. A packet that makes no sense where a connection stands resets it; one
 * for no connection is answered by a reset.
 *
 * <p>Threads: the device's worker serves the queues, the host's thread says which sockets are
 * ready. {@link #table} guards connections; it is taken after a queue's lock, and no socket blocks
 * under it.
 */
public final class VirtioVsock extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 19;

    /** PCI class: other communication controller. */
    public static final int PCI_CLASS = 0x07_8000;

    /** The most connections at a time. */
    public static final int MAX_CONNECTIONS = 256;

    /** How long the guest, or a program of the host, may take to answer. */
    static final long PATIENCE_NANOS = 30_000_000_000L;

    private static final int QUEUE_SIZE = 128;
    private static final int PACKET_BYTES = 64 << 10;

    /** With more resets than this to be sent, nothing more is taken from the guest. */
    private static final int MAX_RESETS = 256;

    /** Packets of the guest's that are taken before it is its other queue's turn. */
    private static final int TURN = 64;

    private static final int FIRST_HOST_PORT = 1 << 30;

    /** A packet without a connection. */
    private record Reset(long hostCid, int hostPort, int guestPort) {}

    /** Guards everything below. */
    final Object table = new Object();

    private final long guestCid;
    private final VsockHost host;
    private final DescriptorChain chain;
    private final byte[] packet = new byte[VsockConnection.WINDOW];
    private final Map<Long, VsockConnection> connections = new HashMap<>();
    private final ArrayDeque<VsockConnection> ready = new ArrayDeque<>();
    private final ArrayDeque<Reset> resets = new ArrayDeque<>();
    private int nextHostPort = FIRST_HOST_PORT;
    private boolean connectionsLost;

    /**
     * @param name for threads and messages
     * @param guestCid the guest's address, 3 to 2^32 - 2
     * @param path the host's sockets: this one, and those that begin with it and {@code _}
     * @throws IOException with a message for the user, if the socket cannot be had
     */
    @SuppressWarnings("this-escape") // the last statement
    public VirtioVsock(String name, GuestMemory memory, long guestCid, Path path)
            throws IOException {
        super(name, DEVICE_ID, memory, CONFIG_BYTES, 1, QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE);
        this.guestCid = guestCid;
        chain = new DescriptorChain(memory);
        setConfig(0, 8, guestCid);
        host = new VsockHost(this, path);
        host.start();
    }

    @Override
    protected long deviceFeatures() {
        return F_STREAM;
    }

    @Override
    protected void process(int queue, Virtqueue ring) {
        switch (queue) {
            case TO_GUEST -> toGuest(ring);
            case FROM_GUEST -> fromGuest(ring);
            default -> events(ring);
        }
    }

    private static long key(int hostPort, int guestPort) {
        return (long) hostPort << 32 | guestPort & 0xffff_ffffL;
    }

    // ---- from the guest

    private void fromGuest(Virtqueue ring) {
        int turn = TURN;
        do {
            ring.disableNotifications();
            while (mayTake() && ring.pop(chain)) {
                synchronized (table) {
                    take();
                }
                ring.push(chain, 0);
                complete(FROM_GUEST, ring);
                if (--turn == 0) {
                    kick(TO_GUEST);
                    kick(FROM_GUEST);
                    return;
                }
            }
        } while (ring.enableNotifications() && mayTake());
        kick(TO_GUEST);
    }

    private boolean mayTake() {
        synchronized (table) {
            return resets.size() < MAX_RESETS;
        }
    }

    private void take() {
        if (chain.readable() < HEADER_BYTES) {
            guestError("a packet of %d bytes".formatted(chain.readable()));
            return;
        }
        long source = chain.read64();
        long target = chain.read64();
        int guestPort = chain.read32();
        int hostPort = chain.read32();
        long length = Integer.toUnsignedLong(chain.read32());
        int type = chain.read16();
        int operation = chain.read16();
        int flags = chain.read32();
        int alloc = chain.read32();
        int forwarded = chain.read32();
        if (source != guestCid) {
            guestError("a packet from address %d".formatted(source));
            return;
        }
        VsockConnection c =
                target == HOST_CID && type == TYPE_STREAM
                        ? connections.get(key(hostPort, guestPort))
                        : null;
        if (c == null) {
            if (operation == REQUEST && target == HOST_CID && type == TYPE_STREAM) {
                request(hostPort, guestPort, alloc, forwarded);
            } else if (operation != RST) {
                resets.add(new Reset(target, hostPort, guestPort));
            }
            return;
        }
        c.peer(alloc, forwarded);
        if (!handle(c, operation, flags, length)) {
            guestError("operation %d of %d bytes".formatted(operation, length));
            reset(c);
        } else if (!c.gone) {
            enqueue(c);
        }
    }

    /** False if the packet makes no sense now. */
    private boolean handle(VsockConnection c, int operation, int flags, long length) {
        if (c.connecting && operation != RESPONSE && operation != RST) {
            return false;
        }
        switch (operation) {
            case RESPONSE -> {
                if (!c.connecting) {
                    return false;
                }
                c.connecting = false;
                return greet(c);
            }
            case RST -> remove(c);
            case SHUTDOWN -> {
                c.guestShutdown |= flags & (NO_RECEIVE | NO_SEND);
                flush(c);
            }
            case RW -> {
                boolean silent = (c.guestShutdown & NO_SEND) != 0;
                if (silent || length > chain.readable() || !c.hasRoom(length)) {
                    return false;
                }
                int n = chain.read(packet, 0, (int) length);
                c.receive(packet, n);
                flush(c);
            }
            case CREDIT_UPDATE -> {}
            case CREDIT_REQUEST -> c.pending |= 1 << CREDIT_UPDATE;
            default -> {
                return false;
            }
        }
        return true;
    }

    private void request(int hostPort, int guestPort, int alloc, int forwarded) {
        SocketChannel channel = null;
        try {
            if (connections.size() >= MAX_CONNECTIONS) {
                throw new IOException("too many connections");
            }
            channel = host.connect(hostPort);
            SelectionKey key = host.register(channel);
            VsockConnection c = new VsockConnection(hostPort, guestPort, channel, key, 0);
            add(c);
            c.peer(alloc, forwarded);
            c.pending = 1 << RESPONSE;
            enqueue(c);
        } catch (IOException e) {
            VsockHost.close(channel);
            resets.add(new Reset(HOST_CID, hostPort, guestPort));
        }
    }

    private void add(VsockConnection c) {
        Object ignored = c.key.attach(c);
        VsockConnection none = connections.put(key(c.hostPort, c.guestPort), c);
    }

    /** Tells a program that the guest has accepted; false if it is gone. */
    private boolean greet(VsockConnection c) {
        try {
            byte[] text = VsockHost.accepted(c.hostPort);
            if (c.channel.write(ByteBuffer.wrap(text)) == text.length) {
                host.await(c, SelectionKey.OP_READ);
                return true;
            }
        } catch (IOException e) {
            // It is gone.
        }
        return false;
    }

    private void flush(VsockConnection c) {
        try {
            if (!c.flush()) {
                host.await(c, SelectionKey.OP_WRITE);
            } else if (c.finished()) {
                reset(c);
            }
        } catch (IOException e) {
            reset(c);
        }
    }

    private void reset(VsockConnection c) {
        if (!c.gone) {
            remove(c);
            resets.add(new Reset(HOST_CID, c.hostPort, c.guestPort));
        }
    }

    private void remove(VsockConnection c) {
        c.gone = true;
        VsockConnection ignored = connections.remove(key(c.hostPort, c.guestPort));
        c.key.cancel();
        VsockHost.close(c.channel);
        host.wakeup();
    }

    private void enqueue(VsockConnection c) {
        if (!c.queued && !c.gone && (c.pending != 0 || c.deliverable())) {
            c.queued = true;
            ready.add(c);
        }
    }

    // ---- from the host; with the table's lock held

    /** A program wants a port of the guest; false if there is no room for it. */
    boolean connectGuest(int guestPort, SocketChannel channel, SelectionKey key) {
        if (connections.size() >= MAX_CONNECTIONS || !live()) {
            return false;
        }
        while (connections.containsKey(key(nextHostPort, guestPort))) {
            nextPort();
        }
        int ignored = key.interestOpsAnd(0);
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        VsockConnection c = new VsockConnection(nextHostPort, guestPort, channel, key, deadline);
        nextPort();
        c.connecting = true;
        c.pending = 1 << REQUEST;
        add(c);
        enqueue(c);
        kick(TO_GUEST);
        return true;
    }

    private void nextPort() {
        nextHostPort = nextHostPort == Integer.MAX_VALUE ? FIRST_HOST_PORT : nextHostPort + 1;
    }

    void socketReady(VsockConnection c, boolean read, boolean write) {
        if (c.gone) {
            return;
        }
        c.readable |= read;
        if (write) {
            flush(c);
        }
        enqueue(c);
        kick(TO_GUEST);
    }

    /** Gives up connections that the guest has not answered in time. */
    void expire(long now) {
        for (VsockConnection c : connections.values().toArray(VsockConnection[]::new)) {
            if (c.connecting && now - c.deadline > 0) {
                reset(c);
                kick(TO_GUEST);
            }
        }
    }

    // ---- to the guest

    private void toGuest(Virtqueue ring) {
        do {
            ring.disableNotifications();
            while (hasPacket() && ring.pop(chain)) {
                boolean sent;
                synchronized (table) {
                    sent = send();
                }
                if (sent) {
                    ring.push(chain, chain.written());
                    complete(TO_GUEST, ring);
                } else {
                    ring.unpop(chain);
                }
            }
        } while (ring.enableNotifications() && hasPacket());
        kick(FROM_GUEST);
    }

    private boolean hasPacket() {
        synchronized (table) {
            while (!ready.isEmpty() && ready.peek().gone) {
                VsockConnection ignored = ready.poll();
            }
            return !resets.isEmpty() || !ready.isEmpty();
        }
    }

    /** Fills a buffer; false if there is nothing for it after all. */
    private boolean send() {
        if (chain.writable() <= HEADER_BYTES) {
            guestError("a buffer of %d bytes".formatted(chain.writable()));
            return true;
        }
        Reset reset = resets.poll();
        if (reset != null) {
            header(reset.hostCid, reset.hostPort, reset.guestPort, 0, RST, 0, 0, 0);
            return true;
        }
        VsockConnection c = ready.poll();
        if (c == null || c.gone) {
            return false;
        }
        c.queued = false;
        boolean sent = send(c);
        enqueue(c);
        return sent;
    }

    private boolean send(VsockConnection c) {
        for (int operation : new int[] {REQUEST, RESPONSE, SHUTDOWN}) {
            if ((c.pending & 1 << operation) != 0) {
                c.pending &= ~(1 << operation);
                header(c, 0, operation, operation == SHUTDOWN ? NO_SEND : 0);
                return true;
            }
        }
        if (c.deliverable()) {
            return data(c);
        }
        if ((c.pending & 1 << CREDIT_UPDATE) != 0) {
            header(c, 0, CREDIT_UPDATE, 0);
            return true;
        }
        return false;
    }

    /** Moves bytes from the socket into the buffer. */
    private boolean data(VsockConnection c) {
        int room = (int) Math.min(chain.writable() - HEADER_BYTES, PACKET_BYTES);
        int n;
        try {
            n = c.channel.read(ByteBuffer.wrap(packet, 0, Math.min(room, c.credit())));
        } catch (IOException e) {
            n = -1;
        }
        if (n > 0) {
            header(c, n, RW, 0);
            int ignored = chain.write(packet, 0, n);
            c.sent(n);
            return true;
        }
        c.readable = false;
        if (n == 0) {
            host.await(c, SelectionKey.OP_READ);
            return false;
        }
        c.hostDone = true;
        header(c, 0, SHUTDOWN, NO_SEND);
        return true;
    }

    private void header(VsockConnection c, int length, int operation, int flags) {
        header(
                HOST_CID,
                c.hostPort,
                c.guestPort,
                length,
                operation,
                flags,
                VsockConnection.WINDOW,
                c.tellForwarded());
    }

    private void header(
            long hostCid,
            int hostPort,
            int guestPort,
            int length,
            int operation,
            int flags,
            int alloc,
            int forwarded) {
        chain.write64(hostCid);
        chain.write64(guestCid);
        chain.write32(hostPort);
        chain.write32(guestPort);
        chain.write32(length);
        chain.write16(TYPE_STREAM);
        chain.write16(operation);
        chain.write32(flags);
        chain.write32(alloc);
        chain.write32(forwarded);
    }

    private void events(Virtqueue ring) {
        do {
            ring.disableNotifications();
            while (eventWaits() && ring.pop(chain)) {
                chain.write32(EVENT_TRANSPORT_RESET);
                ring.push(chain, chain.written());
                complete(EVENTS, ring);
                synchronized (table) {
                    connectionsLost = false;
                }
            }
        } while (ring.enableNotifications() && eventWaits());
    }

    private boolean eventWaits() {
        synchronized (table) {
            return connectionsLost;
        }
    }

    // ---- reset, snapshot, end

    @Override
    protected void deviceReset() {
        synchronized (table) {
            closeAll();
            connectionsLost = false;
        }
    }

    private void closeAll() {
        List.copyOf(connections.values()).forEach(this::remove);
        ready.clear();
        resets.clear();
    }

    /** How many connections there are. */
    public int connections() {
        synchronized (table) {
            return connections.size();
        }
    }

    /** A copy of its state. */
    public VirtioVsockState state() {
        return atRest(() -> {
            synchronized (table) {
                boolean lost = connectionsLost || !connections.isEmpty();
                return new VirtioVsockState(commonState(), guestCid, lost);
            }
        });
    }

    /**
     * Replaces its state; connections that there are end.
     *
     * @throws IllegalArgumentException if it is a guest's with another address
     */
    public void restore(VirtioVsockState state) {
        if (state.guestCid() != guestCid) {
            throw new IllegalArgumentException(name() + " has address " + guestCid);
        }
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    synchronized (table) {
                        closeAll();
                        connectionsLost = state.connectionsLost();
                    }
                    return true;
                });
    }

    @Override
    public void close() {
        super.close();
        synchronized (table) {
            closeAll();
        }
        VsockHost.close(host::close);
    }
}
