package io.queztl.devices.net.user;

import java.io.IOException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The thread that waits for the host's sockets and for time, and the lock of everything it serves.
 *
 * <p>Other threads work with sockets too, with the lock held; what they change in a selection is
 * seen by the thread at once, because it is woken if it sleeps.
 */
final class HostLoop {
    /** A deadline that does not come. */
    static final long NEVER = Long.MAX_VALUE;

    private static final System.Logger LOG = System.getLogger(HostLoop.class.getName());
    private static final long NANOS_PER_MILLI = 1_000_000;
    private static final long JOIN_MILLIS = 2_000;

    /** What a socket belongs to; the attachment of its key. */
    interface Handler {
        /** The socket is ready for some of what it waits for. With the lock held. */
        void ready(SelectionKey key);
    }

    /** What is done with the lock held, whenever the thread wakes. */
    interface Work {
        /** Does what the time has come for, and sends what is to be sent. */
        void run(long now);
    }

    final ReentrantLock lock = new ReentrantLock();
    private final Work work;
    private final Selector selector;
    private final long start = System.nanoTime();
    private final Thread thread;
    private volatile boolean sleeping;
    private volatile boolean again;
    private volatile boolean closed;
    private long deadline = NEVER; // guarded by lock
    private long faults;

    HostLoop(Work work) throws IOException {
        this.work = work;
        selector = Selector.open();
        thread = Thread.ofPlatform().daemon().name("queztl-net").unstarted(this::loop);
    }

    void start() {
        thread.start();
    }

    /** Nanoseconds since the loop was made. */
    long now() {
        return System.nanoTime() - start;
    }

    /** Has {@link Work} run at this time at the latest. */
    void wakeAt(long time) {
        if (time < deadline) {
            deadline = time;
            wake();
        }
    }

    /** Forgets what {@link #wakeAt} was told. */
    void clearDeadline() {
        deadline = NEVER;
    }

    /** The time of the next deadline. */
    long deadline() {
        return deadline;
    }

    /** Waits for a socket, which is made non-blocking. */
    SelectionKey register(SelectableChannel channel, int operations, Handler handler)
            throws IOException {
        channel.configureBlocking(false);
        SelectionKey key = channel.register(selector, operations, handler);
        wake();
        return key;
    }

    /** Changes what is waited for. */
    void interest(SelectionKey key, int operations) {
        if (key.isValid() && key.interestOps() != operations) {
            key.interestOps(operations);
            wake();
        }
    }

    /** Closes a socket, whose file the selection must let go too. */
    void close(SelectableChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // It is gone either way.
        }
        wake();
    }

    /** Has the thread look again at everything. Any thread, without the lock too. */
    void wake() {
        if (Thread.currentThread() == thread) {
            return;
        }
        again = true;
        if (sleeping) {
            selector.wakeup();
        }
    }

    private void loop() {
        try (selector) {
            while (!closed) {
                once();
            }
            closeChannels();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "The user network has stopped.", e);
        }
    }

    private void closeChannels() {
        for (SelectionKey key : selector.keys()) {
            try {
                key.channel().close();
            } catch (IOException e) {
                // It is gone either way.
            }
        }
    }

    private void once() throws IOException {
        long millis = work();
        sleeping = true;
        if (again || closed || millis < 0) {
            again = false;
            selector.selectNow();
        } else {
            selector.select(millis);
        }
        sleeping = false;
        for (SelectionKey key : selector.selectedKeys()) {
            lock.lock();
            try {
                if (key.isValid() && key.attachment() instanceof Handler handler) {
                    handler.ready(key);
                }
            } catch (RuntimeException e) {
                fault(e);
            } finally {
                lock.unlock();
            }
        }
        selector.selectedKeys().clear();
    }

    /** Returns for how long to sleep: 0 for ever, negative not at all. */
    private long work() {
        lock.lock();
        try {
            work.run(now());
            if (deadline == NEVER) {
                return 0;
            }
            long nanos = deadline - now();
            return nanos <= 0 ? -1 : nanos / NANOS_PER_MILLI + 1;
        } catch (RuntimeException e) {
            fault(e);
            return 1;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Something that should not have happened: the packet or event is lost, the network goes on.
     */
    void fault(RuntimeException e) {
        if (faults++ == 0) {
            LOG.log(System.Logger.Level.WARNING, "A fault in the user network.", e);
        }
    }

    long faults() {
        return faults;
    }

    /** Frees what a loop that was never started has. */
    void abandon() {
        closeChannels();
        try {
            selector.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "A selector cannot be closed.", e);
        }
    }

    /** Ends the thread and waits for it, unless called on it. Without the lock. */
    void close() {
        closed = true;
        if (thread.getState() == Thread.State.NEW) {
            abandon();
            return;
        }
        selector.wakeup();
        if (thread == Thread.currentThread()) {
            return;
        }
        try {
            thread.join(JOIN_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
