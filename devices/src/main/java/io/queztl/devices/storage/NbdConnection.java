package io.queztl.devices.storage;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A connection to an NBD server in its transmission phase, shared by any number of requests. A
 * thread that waits for its reply reads those of all, unless another one does. A watch of its own
 * ends the connection when a reply is overdue; then every request fails, and nothing is still
 * written into its memory.
 */
final class NbdConnection {
    private static final long WATCH_MILLIS = 500;

    private static final class Request {
        final boolean reads;
        final @Nullable ScatterList data;
        final long start = System.nanoTime();
        boolean done;
        int error;

        Request(boolean reads, @Nullable ScatterList data) {
            this.reads = reads;
            this.data = data;
        }
    }

    private final SocketChannel channel;
    private final String name;
    private final long answerNanos;
    private final Object sending = new Object();
    private final Object lock = new Object();
    // guarded by lock
    private final Map<Long, Request> pending = new HashMap<>();
    private long cookies;
    private boolean reading;
    private boolean dead;
    private long connectDeadline;
    private boolean established;

    /**
     * @param answerSeconds how long a reply may take
     */
    NbdConnection(SocketChannel channel, String name, int answerSeconds) {
        this.channel = channel;
        this.name = name;
        answerNanos = TimeUnit.SECONDS.toNanos(answerSeconds);
    }

    /** Waits, without end if {@code millis} is 0; interrupts are kept for later. */
    static void await(Object monitor, long millis) {
        try {
            monitor.wait(millis);
        } catch (InterruptedException e) {
            // The thread works for a guest: it ends when its device does.
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Starts the watch, which ends the connection unless it is {@link #established} in time. */
    void watch(int connectSeconds) {
        connectDeadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(connectSeconds);
        Thread ignored = Thread.ofPlatform().daemon().name("queztl-nbd-watch").start(this::watch);
    }

    private void watch() {
        while (true) {
            synchronized (lock) {
                if (dead) {
                    return;
                }
                long now = System.nanoTime();
                boolean late = !established && now > connectDeadline;
                for (Request r : pending.values()) {
                    late |= now - r.start > answerNanos;
                }
                if (!late) {
                    await(lock, WATCH_MILLIS);
                    continue;
                }
            }
            end();
            return;
        }
    }

    /** The transmission phase has begun. */
    void established() {
        synchronized (lock) {
            established = true;
        }
    }

    boolean alive() {
        synchronized (lock) {
            return !dead;
        }
    }

    /** Ends the connection; requests that wait fail. */
    void end() {
        synchronized (lock) {
            dead = true;
            lock.notifyAll();
        }
        try {
            channel.close();
        } catch (IOException e) {
            // It is of no use any more, closed or not.
        }
    }

    /** Says good-bye. */
    void disconnect() throws IOException {
        ByteBuffer head = ByteBuffer.allocate(28).putInt(NbdProtocol.REQUEST_MAGIC);
        head.putShort((short) 0).putShort((short) NbdProtocol.DISCONNECT);
        synchronized (sending) {
            NbdProtocol.send(channel, head.clear());
        }
    }

    /**
     * Sends a request and waits for its reply.
     *
     * @param data what to write, or where to put what is read
     * @return the server's error, 0 for none
     * @throws IOException if the connection ended before the reply came
     */
    int exchange(int type, int command, long offset, int length, @Nullable ScatterList data)
            throws IOException {
        Request request = new Request(type == NbdProtocol.READ, data);
        ByteBuffer head = ByteBuffer.allocate(28);
        head.putInt(NbdProtocol.REQUEST_MAGIC).putShort((short) command).putShort((short) type);
        synchronized (lock) {
            checkAlive();
            head.putLong(++cookies);
            pending.put(cookies, request);
        }
        head.putLong(offset).putInt(length).flip();
        boolean sent = false;
        try {
            ByteBuffer[] all = buffers(head, type == NbdProtocol.WRITE ? data : null);
            synchronized (sending) {
                sendAll(all);
            }
            sent = true;
        } finally {
            if (!sent) {
                end();
            }
        }
        receive(request);
        return request.error;
    }

    private void checkAlive() throws IOException {
        if (dead) {
            throw new EOFException("the NBD connection of " + name + " has ended");
        }
    }

    private static ByteBuffer[] buffers(@Nullable ByteBuffer head, @Nullable ScatterList data) {
        int first = head == null ? 0 : 1;
        ByteBuffer[] all = new ByteBuffer[first + (data == null ? 0 : data.count())];
        if (head != null) {
            all[0] = head;
        }
        if (data != null) {
            for (int i = 0; i < data.count(); i++) {
                all[first + i] = data.piece(i).asByteBuffer();
            }
        }
        return all;
    }

    private void sendAll(ByteBuffer[] all) throws IOException {
        int at = 0;
        while (at < all.length) {
            long ignored = channel.write(all, at, all.length - at);
            while (at < all.length && !all[at].hasRemaining()) {
                at++;
            }
        }
    }

    /** Waits until a request is done, reading replies unless another thread does. */
    private void receive(Request request) throws IOException {
        synchronized (lock) {
            while (!request.done && (reading || dead)) {
                if (dead && !reading) {
                    checkAlive();
                }
                await(lock, 0);
            }
            if (request.done) {
                return;
            }
            reading = true;
        }
        boolean well = false;
        try {
            while (!readReply(request)) {
                // A reply of another's.
            }
            well = true;
        } finally {
            if (!well) {
                end();
            }
            synchronized (lock) {
                reading = false;
                lock.notifyAll();
            }
        }
    }

    /** Reads one reply; true if it is that of {@code own}. */
    private boolean readReply(Request own) throws IOException {
        ByteBuffer reply = NbdProtocol.receive(channel, 16);
        int magic = reply.getInt();
        int error = reply.getInt();
        long cookie = reply.getLong();
        Request request;
        synchronized (lock) {
            request = pending.get(cookie);
        }
        if (magic != NbdProtocol.REPLY_MAGIC || request == null) {
            throw new IOException(name + " answers what was not asked");
        }
        if (error == 0 && request.reads) {
            receiveAll(buffers(null, request.data));
        }
        synchronized (lock) {
            request.error = error;
            request.done = true;
            Request ignored = pending.remove(cookie);
            lock.notifyAll();
        }
        return request == own;
    }

    private void receiveAll(ByteBuffer[] all) throws IOException {
        int at = 0;
        while (at < all.length) {
            if (channel.read(all, at, all.length - at) < 0) {
                throw new EOFException("the NBD connection of " + name + " has ended");
            }
            while (at < all.length && !all[at].hasRemaining()) {
                at++;
            }
        }
    }
}
