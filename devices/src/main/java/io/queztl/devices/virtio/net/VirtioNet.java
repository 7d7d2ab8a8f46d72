package io.queztl.devices.virtio.net;

import static io.queztl.devices.virtio.net.NetLayout.*;

import io.queztl.devices.net.MacAddress;
import io.queztl.devices.net.NetworkBackend;
import io.queztl.devices.net.NetworkBackend.Offloads;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A network interface (VirtIO 1.2, 5.1) in front of a {@link NetworkBackend}. Packets cross it with
 * one copy in either direction, so that nobody behind it sees memory that a guest can change.
 *
 * <p>Threads: worker 0 serves the control queue and tells the backend of new receive buffers, one
 * more for each pair of queues sends. The backend's own threads deliver.
 *
 * <p>Lock order: a lane's monitor, then the lock of its queue.
 */
public final class VirtioNet extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 1;

    /** PCI class: Ethernet controller. */
    public static final int PCI_CLASS = 0x02_0000;

    /** The most pairs of queues. */
    public static final int MAX_QUEUE_PAIRS = 16;

    /** The smallest MTU that a driver can be told (5.1.4). */
    public static final int MIN_MTU = 68;

    /** The largest one. */
    public static final int MAX_MTU = 65_535;

    private static final int QUEUE_SIZE = 256;
    private static final int CONTROL_SIZE = 64;

    /** Packets after which the driver gets its buffers back, and the backend flushes. */
    private static final int BATCH = 64;

    private final NetworkBackend backend;
    private final long ownMac;
    private final int pairs;
    private final boolean mtu;
    private final ReceiveLane[] receivers;
    private final Sender[] senders;
    private final DescriptorChain command;
    private final ControlQueue control;
    private volatile ReceiveFilter filter;
    private volatile int activePairs = 1;
    private volatile long guestOffloads;
    private volatile boolean mergeable;
    private volatile boolean ready;
    // guarded by linkLock
    private final Object linkLock = new Object();
    private boolean announce;
    private boolean started;

    /**
     * @param name for threads and messages
     * @param backend where its frames go, closed by its owner after this device
     * @param mac its address unless the driver sets another
     * @param mtu what the driver is told of the largest IP packet in bytes, 0 for nothing
     * @param pairs pairs of queues, 1–16; more than one if the backend can make use of them
     */
    public VirtioNet(
            String name,
            GuestMemory memory,
            NetworkBackend backend,
            MacAddress mac,
            int mtu,
            int pairs) {
        super(name, DEVICE_ID, memory, CONFIG_BYTES, pairs + 1, sizes(pairs));
        this.backend = backend;
        this.pairs = pairs;
        this.mtu = mtu != 0;
        ownMac = mac.value();
        filter = ReceiveFilter.open(ownMac);
        receivers = new ReceiveLane[pairs];
        senders = new Sender[pairs];
        for (int i = 0; i < pairs; i++) {
            receivers[i] = new ReceiveLane(memory);
            senders[i] = new Sender(i);
        }
        command = new DescriptorChain(memory);
        control = new ControlQueue(this);
        showMac(ownMac);
        setConfig(MAX_PAIRS, 2, pairs);
        setConfig(MTU, 2, mtu);
        showStatus();
    }

    private static int[] sizes(int pairs) {
        int[] sizes = new int[2 * pairs + 1];
        Arrays.fill(sizes, QUEUE_SIZE);
        sizes[2 * pairs] = CONTROL_SIZE;
        return sizes;
    }

    @Override
    protected long deviceFeatures() {
        Offloads host = backend.offloads();
        long features =
                F_MAC
                        | F_STATUS
                        | F_MRG_RXBUF
                        | F_CTRL_VQ
                        | F_CTRL_RX
                        | F_CTRL_RX_EXTRA
                        | F_CTRL_VLAN
                        | F_CTRL_MAC_ADDR
                        | F_GUEST_ANNOUNCE
                        | F_CTRL_GUEST_OFFLOADS
                        | GUEST_OFFLOADS;
        if (host.checksum()) {
            features |= F_CSUM;
            features |= host.tcp4() ? F_HOST_TSO4 : 0;
            features |= host.tcp6() ? F_HOST_TSO6 : 0;
            features |= host.ecn() ? F_HOST_ECN : 0;
        }
        features |= mtu ? F_MTU : 0;
        return pairs > 1 ? features | F_MQ : features;
    }

    @Override
    protected int workerOf(int queue) {
        return (queue & 1) == 1 ? 1 + queue / 2 : 0;
    }

    private int controlQueue() {
        return negotiated(F_MQ) ? 2 * pairs : 2;
    }

    // ---- the guest sends

    @Override
    protected void process(int queue, Virtqueue ring) {
        if (queue == controlQueue()) {
            control(queue, ring);
        } else if (!ready) {
            return; // a driver that does not wait until it has set DRIVER_OK
        } else if ((queue & 1) == 1) {
            senders[queue / 2].send(queue, ring);
        } else {
            // Each later buffer is taken without asking; ReceiveLane asks when it lacks some.
            ring.disableNotifications();
        }
    }

    @Override
    protected void processed(int queue) {
        if (!ready || queue == controlQueue()) {
            return;
        }
        if ((queue & 1) == 0) {
            backend.receiverReady();
        } else {
            backend.flush(queue / 2);
        }
    }

    private void control(int queue, Virtqueue ring) {
        if (!negotiated(F_CTRL_VQ)) {
            return;
        }
        do {
            ring.disableNotifications();
            while (ring.pop(command)) {
                int ack = control.run(command);
                command.skipWritable(command.writable() - 1);
                command.write8(ack);
                ring.push(command, command.written());
                complete(queue, ring);
            }
        } while (ring.enableNotifications());
    }

    /** What one transmit queue needs. */
    private final class Sender {
        private final int pair;
        private final DescriptorChain chain = new DescriptorChain(memory);
        private final ByteBuffer packet =
                ByteBuffer.allocateDirect(NetworkBackend.MAX_PACKET_BYTES);
        private final MemorySegment bytes = MemorySegment.ofBuffer(packet);

        Sender(int pair) {
            this.pair = pair;
        }

        void send(int queue, Virtqueue ring) {
            ring.disableNotifications();
            int sent = 0;
            while (sent < BATCH && ring.pop(chain)) {
                send();
                ring.push(chain, 0);
                sent++;
            }
            if (sent > 0) {
                complete(queue, ring);
            }
            // Served again after the flush, for which the lock must be free.
            if (sent == BATCH || ring.enableNotifications()) {
                kick(queue);
            }
        }

        private void send() {
            long length = chain.readable();
            if (length < NetworkBackend.HEADER_BYTES + ETHERNET_HEADER
                    || length > NetworkBackend.MAX_PACKET_BYTES) {
                guestError("a packet of %d bytes".formatted(length));
                return;
            }
            long ignored = chain.read(bytes, 0, length);
            packet.clear().limit((int) length);
            backend.send(pair, packet);
        }
    }

    // ---- the guest receives

    private final class Receiver implements NetworkBackend.Receiver {
        @Override
        public boolean deliver(ByteBuffer packet) {
            return VirtioNet.this.deliver(0, packet);
        }

        @Override
        public boolean deliver(int queue, ByteBuffer packet) {
            return VirtioNet.this.deliver(queue, packet);
        }

        @Override
        public void linkChanged() {
            VirtioNet.this.linkChanged();
        }
    }

    private boolean deliver(int source, ByteBuffer packet) {
        int bytes = packet.remaining();
        if (bytes < NetworkBackend.HEADER_BYTES + ETHERNET_HEADER
                || bytes > NetworkBackend.MAX_PACKET_BYTES
                || !filter.accepts(packet, packet.position() + NetworkBackend.HEADER_BYTES)) {
            return true;
        }
        int pair = source % activePairs;
        int queue = 2 * pair;
        ReceiveLane lane = receivers[pair];
        ReceiveLane.Result[] result = {ReceiveLane.Result.NO_ROOM};
        synchronized (lane) {
            boolean ignored =
                    withQueue(
                            queue,
                            ring -> {
                                result[0] = lane.deliver(ring, packet, mergeable);
                                if (result[0] == ReceiveLane.Result.DELIVERED) {
                                    complete(queue, ring);
                                }
                            });
        }
        if (result[0] == ReceiveLane.Result.TOO_LARGE) {
            guestError("receive buffers too small for %d bytes".formatted(bytes));
        }
        return result[0] != ReceiveLane.Result.NO_ROOM;
    }

    private void linkChanged() {
        boolean up = backend.linkUp();
        synchronized (linkLock) {
            // Whoever has learnt where this station is may have forgotten it.
            announce = up && negotiated(F_GUEST_ANNOUNCE);
        }
        showStatus();
        configChanged();
    }

    private void showStatus() {
        synchronized (linkLock) {
            int link = backend.linkUp() ? S_LINK_UP : 0;
            setConfig(STATUS, 2, link | (announce ? S_ANNOUNCE : 0));
        }
    }

    private void showMac(long mac) {
        for (int i = 0; i < 6; i++) {
            setConfig(MAC + i, 1, mac >>> 40 - 8 * i);
        }
    }

    // ---- life

    @Override
    protected void activated() {
        if (negotiated(F_CTRL_VLAN)) {
            filter = filter.withoutVlans();
        }
        guestOffloads = offeredToDriver();
        tellBackend();
    }

    /** The features that the driver has chosen of those that say what it takes undone. */
    private long offeredToDriver() {
        long bits = 0;
        for (long left = GUEST_OFFLOADS; left != 0; left &= left - 1) {
            long bit = Long.lowestOneBit(left);
            bits |= negotiated(bit) ? bit : 0;
        }
        return bits;
    }

    private void tellBackend() {
        mergeable = negotiated(F_MRG_RXBUF);
        boolean first;
        synchronized (linkLock) {
            first = !started;
            started = true;
        }
        if (first) {
            backend.start(new Receiver());
        }
        backend.activeQueues(activePairs);
        tellOffloads();
        showStatus();
        ready = true;
    }

    private void tellOffloads() {
        long bits = guestOffloads;
        boolean checksum = (bits & F_GUEST_CSUM) != 0;
        boolean tcp4 = checksum && (bits & F_GUEST_TSO4) != 0;
        boolean tcp6 = checksum && (bits & F_GUEST_TSO6) != 0;
        boolean ecn = (tcp4 || tcp6) && (bits & F_GUEST_ECN) != 0;
        backend.guestOffloads(new Offloads(checksum, tcp4, tcp6, ecn));
    }

    @Override
    protected void deviceReset() {
        filter = ReceiveFilter.open(ownMac);
        showMac(ownMac);
        activePairs = 1;
        guestOffloads = 0;
        mergeable = false;
        ready = false;
        boolean told;
        synchronized (linkLock) {
            announce = false;
            told = started;
        }
        showStatus();
        if (told) {
            backend.activeQueues(1);
            backend.guestOffloads(Offloads.NONE);
        }
    }

    // ---- for the control queue

    boolean hasFeature(long feature) {
        return negotiated(feature);
    }

    ReceiveFilter filter() {
        return filter;
    }

    void filter(ReceiveFilter wanted) {
        filter = wanted;
        showMac(wanted.mac());
    }

    /** Uses this many pairs of queues; false if there are not so many. */
    boolean activePairs(int count) {
        if (count < 1 || count > pairs) {
            return false;
        }
        activePairs = count;
        backend.activeQueues(count);
        return true;
    }

    /** Sets what the driver takes undone; false if that was not negotiated. */
    boolean guestOffloads(long bits) {
        if ((bits & ~offeredToDriver()) != 0) {
            return false;
        }
        guestOffloads = bits;
        tellOffloads();
        return true;
    }

    void announced() {
        synchronized (linkLock) {
            announce = false;
        }
        showStatus();
    }

    /** A copy of its state. */
    public VirtioNetState state() {
        return atRest(() -> {
            synchronized (linkLock) {
                return new VirtioNetState(
                        commonState(), filter, activePairs, guestOffloads, announce);
            }
        });
    }

    /**
     * Replaces its state.
     *
     * @throws IllegalArgumentException if it is of a device with other queues
     */
    public void restore(VirtioNetState state) {
        boolean ignored =
                atRest(() -> {
                    ready = false;
                    restoreCommon(state.common());
                    filter(state.filter());
                    activePairs = Math.clamp(state.pairs(), 1, pairs);
                    guestOffloads = state.guestOffloads() & GUEST_OFFLOADS;
                    synchronized (linkLock) {
                        announce = state.announce();
                    }
                    return true;
                });
        if (live()) {
            tellBackend();
        } else {
            showStatus();
        }
    }
}
