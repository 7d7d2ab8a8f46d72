package io.queztl.devices.net;

import io.queztl.devices.net.NetworkBackend.Receiver;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Delivery to a guest that may be slow, by one thread: waits for its buffers for a while, and then
 * drops what it does not take, so that a guest that has stopped keeps nobody.
 */
final class GuestPort {
    private static final int STEP_MILLIS = 5;
    private static final int MAX_STEPS = 40;

    private final Semaphore ready = new Semaphore(0);
    private volatile @Nullable Receiver receiver;
    private volatile boolean closed;

    /** Sets who takes the packets. */
    void start(Receiver r) {
        receiver = r;
    }

    /** Tells that the guest has new buffers. Any thread. */
    void ready() {
        ready.release();
    }

    /** Ends all waiting. Any thread. */
    void close() {
        closed = true;
        ready.release();
    }

    /** Tells the device that the link is up or down. */
    void linkChanged() {
        Receiver r = receiver;
        if (r != null) {
            r.linkChanged();
        }
    }

    /**
     * Delivers a packet.
     *
     * @param meanwhile what is to be done now and then while the guest has no room
     */
    void deliver(ByteBuffer packet, Runnable meanwhile) {
        Receiver r = receiver;
        if (r == null) {
            return;
        }
        try {
            for (int i = 0; i < MAX_STEPS && !closed && !r.deliver(packet); i++) {
                boolean ignored = ready.tryAcquire(STEP_MILLIS, TimeUnit.MILLISECONDS);
                int drained = ready.drainPermits();
                meanwhile.run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
