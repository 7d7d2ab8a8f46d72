package io.queztl.devices.legacy;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;

/**
 * Carries bytes from a guest's console port to a host stream on a thread of its own: a burst goes
 * out in one write, and no byte waits longer than {@link #GATHER_MILLIS} unless the stream blocks.
 * When the stream is slower than the guest, {@link #full()} tells the device to hold the guest
 * back; nothing is lost before {@link #LIMIT} bytes wait. After an error of the stream, bytes are
 * discarded.
 */
public final class OutputBuffer implements AutoCloseable {
    /** How long bytes may be gathered into one write. */
    static final long GATHER_MILLIS = 1;

    /** From this many waiting bytes on the device is asked to hold the guest back. */
    public static final int HIGH_WATER = 64 * 1024;

    /** More bytes than this never wait. */
    public static final int LIMIT = 1024 * 1024;

    private static final int SEND_AT_ONCE = 8 * 1024;

    private final OutputStream stream;
    private final Thread thread;
    private final Object lock = new Object();
    private byte[] waiting = new byte[4096];
    private int count;
    private boolean writing;
    private boolean flushing;
    private boolean closed;
    private boolean broken;
    private volatile Runnable drained = () -> {};
    private volatile boolean full;

    /**
     * Starts the thread.
     *
     * @param name names the thread
     * @param stream written and flushed; closed by its owner, not here
     */
    public OutputBuffer(String name, OutputStream stream) {
        this.stream = stream;
        thread = Thread.ofPlatform().daemon().name("queztl-" + name).start(this::run);
    }

    /** Sets what runs, on the buffer's thread and without its lock, when it stops being full. */
    public void onDrained(Runnable listener) {
        drained = listener;
    }

    /** True if the guest should wait. */
    public boolean full() {
        return full;
    }

    /** Takes one byte; never blocks. */
    public void put(int value) {
        synchronized (lock) {
            if (broken || closed || count == LIMIT) {
                return;
            }
            if (count == waiting.length) {
                waiting = Arrays.copyOf(waiting, count * 2);
            }
            waiting[count++] = (byte) value;
            if (count == 1 || count == SEND_AT_ONCE) {
                lock.notifyAll();
            }
            if (count >= HIGH_WATER) {
                full = true;
            }
        }
    }

    /**
     * Takes bytes as long as it is not full; never blocks. If it takes fewer than given, whoever
     * set {@link #onDrained} is told when it takes more.
     *
     * @return how many were taken
     */
    public int offer(byte[] bytes, int start, int length) {
        synchronized (lock) {
            if (broken || closed) {
                return length;
            }
            int taken = Math.min(length, Math.max(0, HIGH_WATER - count));
            if (count + taken > waiting.length) {
                waiting = Arrays.copyOf(waiting, Math.max(count + taken, waiting.length * 2));
            }
            System.arraycopy(bytes, start, waiting, count, taken);
            count += taken;
            if (taken > 0) {
                lock.notifyAll();
            }
            if (taken < length) {
                full = true;
            }
            return taken;
        }
    }

    private void run() {
        byte[] spare = new byte[4096];
        try {
            while (true) {
                byte[] bytes;
                int length;
                Runnable tell = null;
                synchronized (lock) {
                    writing = false;
                    lock.notifyAll();
                    while (count == 0 && !closed) {
                        lock.wait();
                    }
                    if (count == 0) {
                        return;
                    }
                    if (count < SEND_AT_ONCE && !flushing && !closed) {
                        lock.wait(GATHER_MILLIS);
                    }
                    bytes = waiting;
                    length = count;
                    waiting = spare;
                    count = 0;
                    spare = bytes;
                    writing = true;
                    if (full) {
                        full = false;
                        tell = drained;
                    }
                }
                send(bytes, length);
                if (tell != null) {
                    tell.run();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void send(byte[] bytes, int length) {
        try {
            stream.write(bytes, 0, length);
            stream.flush();
        } catch (IOException e) {
            synchronized (lock) {
                broken = true;
                count = 0;
                full = false;
            }
            drained.run();
        }
    }

    /**
     * Waits until everything put so far has been written, at most {@code millis} milliseconds.
     *
     * @return false if some was not
     */
    public boolean flush(long millis) {
        long end = System.nanoTime() + millis * 1_000_000;
        synchronized (lock) {
            flushing = true;
            lock.notifyAll();
            try {
                while (count > 0 || writing) {
                    long left = (end - System.nanoTime() + 999_999) / 1_000_000;
                    if (left <= 0 || !thread.isAlive()) {
                        return false;
                    }
                    lock.wait(left);
                }
                return true;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            } finally {
                flushing = false;
            }
        }
    }

    /** Writes what waits, for a second at most, and ends the thread. */
    @Override
    public void close() {
        boolean ignored = flush(1000);
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
    }
}
