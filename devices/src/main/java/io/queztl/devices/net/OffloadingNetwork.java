package io.queztl.devices.net;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A network that cannot take packets with work undone, behind one that does the work: the guest
 * saves the time, and sends fewer and larger packets through its queues.
 */
public final class OffloadingNetwork implements NetworkBackend {
    private final NetworkBackend inner;
    private final OffloadFinisher[] finishers;
    private final AtomicLong dropped = new AtomicLong();

    /** Closes {@code inner} when it is closed. */
    public OffloadingNetwork(NetworkBackend inner) {
        this.inner = inner;
        finishers = new OffloadFinisher[inner.queues()];
        for (int i = 0; i < finishers.length; i++) {
            finishers[i] = new OffloadFinisher();
        }
    }

    /** Packets of the guest whose headers did not fit them. */
    public long dropped() {
        return dropped.get();
    }

    @Override
    public Offloads offloads() {
        return Offloads.ALL;
    }

    @Override
    public void send(ByteBuffer packet) {
        send(0, packet);
    }

    @Override
    public void send(int queue, ByteBuffer packet) {
        if (!finishers[queue].finish(packet, inner.offloads(), p -> inner.send(queue, p))) {
            long ignored = dropped.incrementAndGet();
        }
    }

    @Override
    public void start(Receiver receiver) {
        inner.start(receiver);
    }

    @Override
    public void guestOffloads(Offloads offloads) {
        inner.guestOffloads(offloads);
    }

    @Override
    public void receiverReady() {
        inner.receiverReady();
    }

    @Override
    public int queues() {
        return inner.queues();
    }

    @Override
    public void activeQueues(int count) {
        inner.activeQueues(count);
    }

    @Override
    public void flush(int queue) {
        inner.flush(queue);
    }

    @Override
    public boolean linkUp() {
        return inner.linkUp();
    }

    @Override
    public void close() {
        inner.close();
    }
}
