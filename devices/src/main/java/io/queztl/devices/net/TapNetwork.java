package io.queztl.devices.net;

import io.queztl.linux.HostInterface;
import io.queztl.linux.LinuxException;
import io.queztl.linux.Tap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A TAP interface of the host: what the guest sends is what arrives there, and the other way round.
 * The kernel does the checksums and the segmentation that the guest leaves undone. Each queue has a
 * thread that reads; while the guest has no buffer, packets wait in the interface's own queue.
 */
public final class TapNetwork implements NetworkBackend {
    /** The most queues. */
    public static final int MAX_QUEUES = 16;

    private static final int EPERM = 1;
    private static final int ENOENT = 2;
    private static final int EACCES = 13;
    private static final int EBUSY = 16;
    private static final int ENODEV = 19;
    private static final int EINVAL = 22;
    private static final long JOIN_MILLIS = 2_000;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final List<Queue> queues;
    private final String name;
    private final AtomicLong refused = new AtomicLong();
    private volatile boolean closed;
    private int active; // guarded by this

    private TapNetwork(List<Tap> taps) {
        name = taps.getFirst().name();
        active = taps.size();
        queues = new ArrayList<>();
        for (Tap tap : taps) {
            queues.add(new Queue(queues.size(), tap));
        }
    }

    /**
     * Opens an interface, makes it if there is none of the name, and brings it up.
     *
     * @param name empty for one that the kernel chooses
     * @param bridge the bridge whose port it becomes, null for none
     * @param count of queues, 1–16
     * @param mtu its MTU in bytes, 0 to leave it
     * @throws IOException with a sentence for the user
     */
    public static TapNetwork open(String name, @Nullable String bridge, int count, int mtu)
            throws IOException {
        List<Tap> taps = new ArrayList<>();
        try {
            taps.add(first(name, count > 1));
            while (taps.size() < count) {
                taps.add(Tap.open(taps.getFirst().name(), true));
            }
            prepare(taps.getFirst().name(), bridge, mtu);
            return new TapNetwork(taps);
        } catch (LinuxException e) {
            taps.forEach(Tap::close);
            throw new IOException(reason(name, e), e);
        } catch (IOException e) {
            taps.forEach(Tap::close);
            throw e;
        }
    }

    private static Tap first(String name, boolean several) {
        try {
            return Tap.open(name, several);
        } catch (LinuxException e) {
            if (e.errno() != EINVAL || several) {
                throw e;
            }
            return Tap.open(name, true); // it was made for several
        }
    }

    private static void prepare(String name, @Nullable String bridge, int mtu) throws IOException {
        HostInterface host = new HostInterface(name);
        try {
            if (mtu != 0) {
                host.mtu(mtu);
            }
            if (!host.isUp()) {
                host.up();
            }
        } catch (LinuxException e) {
            throw new IOException(
                    "the TAP interface %s cannot be set up (%s); as root, run 'ip link set %s up'%s"
                            .formatted(
                                    name, e.getMessage(), name, mtu == 0 ? "" : " and set its MTU"),
                    e);
        }
        if (bridge != null) {
            try {
                host.joinBridge(bridge);
            } catch (LinuxException e) {
                String why =
                        switch (e.errno()) {
                            case ENODEV -> "there is no such bridge";
                            case EPERM -> "this user may not; add it as root";
                            case EBUSY -> "it is a port of a bridge already";
                            default -> e.getMessage();
                        };
                throw new IOException(
                        "the TAP interface %s cannot join the bridge %s: %s"
                                .formatted(name, bridge, why),
                        e);
            }
        }
    }

    private static String reason(String name, LinuxException e) {
        String which = name.isEmpty() ? "a TAP interface" : "the TAP interface " + name;
        return switch (e.errno()) {
            case EPERM, EACCES ->
                    "this user may not open %s; as root, make one for the user with 'ip tuntap add"
                                    .formatted(which)
                            + " dev NAME mode tap user USER'";
            case EBUSY -> which + " is in use by another program";
            case EINVAL ->
                    which
                            + " is of another kind: it must be a TAP, made with 'multi_queue' for"
                            + " several queues";
            case ENOENT, ENODEV -> "this host has no /dev/net/tun; load the module tun as root";
            default -> "%s cannot be opened: %s".formatted(which, e.getMessage());
        };
    }

    /** The interface's name on the host. */
    public String name() {
        return name;
    }

    /** Packets of the guest, and settings, that the kernel refused. */
    public long refused() {
        return refused.get();
    }

    @Override
    public Offloads offloads() {
        return Offloads.ALL;
    }

    @Override
    public void start(Receiver receiver) {
        for (Queue queue : queues) {
            queue.start(receiver);
        }
    }

    @Override
    public void guestOffloads(Offloads guest) {
        int flags = 0;
        if (guest.checksum()) {
            flags |= Tap.CHECKSUM;
            flags |= guest.tcp4() ? Tap.TCP4 : 0;
            flags |= guest.tcp6() ? Tap.TCP6 : 0;
            flags |= guest.ecn() && (guest.tcp4() || guest.tcp6()) ? Tap.ECN : 0;
        }
        try {
            queues.getFirst().tap.offloads(flags); // they are the interface's
        } catch (LinuxException e) {
            long ignored = refused.incrementAndGet(); // it was deleted
        }
    }

    @Override
    public int queues() {
        return queues.size();
    }

    @Override
    public synchronized void activeQueues(int count) {
        // What is not in use must not be given packets by the kernel.
        int wanted = Math.clamp(count, 1, queues.size());
        try {
            while (active < wanted) {
                queues.get(active).tap.attach(true);
                active++;
            }
            while (active > wanted) {
                queues.get(active - 1).tap.attach(false);
                active--;
            }
        } catch (LinuxException e) {
            long ignored = refused.incrementAndGet(); // it was deleted
        }
    }

    @Override
    public void send(ByteBuffer packet) {
        send(0, packet);
    }

    @Override
    public void send(int queue, ByteBuffer packet) {
        try {
            int ignored =
                    queues.get(queue).tap.write(MemorySegment.ofBuffer(packet), packet.remaining());
        } catch (LinuxException e) {
            // A header that makes no sense, or the interface is down.
            long ignored = refused.incrementAndGet();
        }
    }

    @Override
    public void receiverReady() {
        for (Queue queue : queues) {
            queue.ready.release();
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Queue queue : queues) {
            queue.close();
        }
    }

    private final class Queue {
        private final int number;
        private final Tap tap;
        private final Semaphore ready = new Semaphore(0);
        private volatile @Nullable Thread thread;

        Queue(int number, Tap tap) {
            this.number = number;
            this.tap = tap;
        }

        void start(Receiver receiver) {
            thread =
                    Thread.ofPlatform()
                            .daemon()
                            .name("queztl-" + name + "-" + number)
                            .start(() -> run(receiver));
        }

        private void run(Receiver receiver) {
            ByteBuffer packet = ByteBuffer.allocateDirect(MAX_PACKET_BYTES);
            MemorySegment target = MemorySegment.ofBuffer(packet);
            while (!closed) {
                try {
                    int bytes = tap.read(target);
                    if (bytes == 0) {
                        tap.await();
                        continue;
                    }
                    ByteBuffer whole = packet.clear().limit(bytes);
                    while (!receiver.deliver(number, whole) && !closed) {
                        ready.acquireUninterruptibly();
                        int ignored = ready.drainPermits();
                    }
                } catch (LinuxException e) {
                    // The interface is down or was deleted: perhaps it comes back.
                    LockSupport.parkNanos(PAUSE_NANOS);
                }
            }
        }

        void close() {
            Thread t = thread;
            if (t != null) {
                tap.wake();
                ready.release();
                try {
                    t.join(JOIN_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                if (t.isAlive()) {
                    return; // it still has the descriptor
                }
            }
            tap.close();
        }
    }
}
