package io.queztl.devices.virtio;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A thread that serves queues of one device. {@link #kick} only sets a bit and wakes it, so a vCPU
 * that notifies never waits; kicks of a queue that is not served yet become one. The thread starts
 * with the first kick.
 */
final class QueueWorker {
    /** The most queues a device can have. */
    static final int MAX_QUEUES = 64;

    private static final long JOIN_MILLIS = 2_000;

    private final String name;
    private final IntConsumer service;
    private final AtomicLong kicked = new AtomicLong();
    private volatile @Nullable Thread thread;
    private volatile boolean closed;

    /**
     * @param service called on the thread with the number of a queue; it must not throw
     */
    QueueWorker(String name, IntConsumer service) {
        this.name = name;
        this.service = service;
    }

    /** Has the queue served soon. Any thread. */
    void kick(int queue) {
        long bit = 1L << queue;
        if (kicked.getAndUpdate(bits -> bits | bit) == 0 && !closed) {
            Thread t = thread;
            LockSupport.unpark(t == null ? start() : t);
        }
    }

    /** True for its own thread. */
    boolean isThread(Thread t) {
        return thread == t;
    }

    private synchronized Thread start() {
        Thread t = thread;
        if (t == null) {
            t = Thread.ofPlatform().daemon().name("queztl-" + name).unstarted(this::loop);
            // Before it runs, for it asks which worker it is.
            thread = t;
            t.start();
        }
        return t;
    }

    private void loop() {
        while (!closed) {
            long queues = kicked.getAndSet(0);
            if (queues == 0) {
                LockSupport.park(this);
                continue;
            }
            while (queues != 0 && !closed) {
                int queue = Long.numberOfTrailingZeros(queues);
                queues &= queues - 1;
                service.accept(queue);
            }
        }
    }

    /** Ends the thread and waits a little for it, unless called on it. */
    void close() {
        closed = true;
        Thread t = thread;
        if (t == null || t == Thread.currentThread()) {
            return;
        }
        LockSupport.unpark(t);
        try {
            t.join(JOIN_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
