package io.queztl.machine.time;

import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Runs the timers of one VM on one daemon thread. Actions run without the lock held, so they may
 * arm timers; an action may still run once shortly after {@code disarm}.
 */
public final class TimerThread implements Timers, AutoCloseable {
    private record Deadline(long nanos, Entry entry, long version) {}

    private final class Entry implements Timer {
        final Runnable action;
        long version;

        Entry(Runnable action) {
            this.action = action;
        }

        @Override
        public void arm(long deadlineNanos) {
            lock.lock();
            try {
                version++;
                queue.add(new Deadline(Math.max(deadlineNanos, 0), this, version));
                if (queue.size() > 4096) {
                    queue.removeIf(d -> d.version != d.entry.version);
                }
                Deadline first = queue.peek();
                if (first != null && first.entry == this) {
                    changed.signal();
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void disarm() {
            lock.lock();
            try {
                version++;
            } finally {
                lock.unlock();
            }
        }
    }

    private final Clock clock;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final PriorityQueue<Deadline> queue =
            new PriorityQueue<>((a, b) -> Long.compare(a.nanos, b.nanos));
    private final Thread thread;
    private boolean closed;

    /** Starts the thread. */
    public TimerThread(Clock clock) {
        this.clock = clock;
        thread = Thread.ofPlatform().daemon().name("queztl-timers").start(this::loop);
    }

    @Override
    public Clock clock() {
        return clock;
    }

    @Override
    public Timer timer(Runnable action) {
        return new Entry(action);
    }

    private void loop() {
        Entry due;
        while ((due = next()) != null) {
            try {
                due.action.run();
            } catch (RuntimeException e) {
                // A defect of one device must not stop the time of all others.
                Thread self = Thread.currentThread();
                self.getUncaughtExceptionHandler().uncaughtException(self, e);
            }
        }
    }

    private @Nullable Entry next() {
        lock.lock();
        try {
            while (!closed) {
                Deadline first = queue.peek();
                if (first == null) {
                    changed.await();
                } else if (first.version != first.entry.version) {
                    queue.poll();
                } else {
                    long wait = first.nanos - clock.nanos();
                    if (wait <= 0) {
                        queue.poll();
                        return first.entry;
                    }
                    long ignored = changed.awaitNanos(Math.min(wait, TimeUnit.SECONDS.toNanos(1)));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
        return null;
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
        if (Thread.currentThread() != thread) {
            try {
                thread.join(1000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
