package io.queztl.devices.net.user;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * The part of a byte stream that is on its way: the bytes from {@code head} to {@code tail}, both
 * counted from the stream's start, and behind the tail possibly pieces that came too early. Memory
 * comes from the pool when bytes do and goes back when they have gone.
 */
final class StreamBuffer {
    private static final int CHUNK = ChunkPool.CHUNK;

    private final ChunkPool pool;
    private final int capacity;
    private final @Nullable ByteBuffer[] chunks;
    private final ByteBuffer[] one = new ByteBuffer[1];
    private final ByteBuffer[] two = new ByteBuffer[2];
    private long head;
    private long tail;
    private boolean early;

    /**
     * @param capacity the most bytes from the head on
     */
    StreamBuffer(ChunkPool pool, int capacity) {
        this.pool = pool;
        this.capacity = capacity;
        chunks = new ByteBuffer[capacity / CHUNK + 2];
    }

    int size() {
        return (int) (tail - head);
    }

    int space() {
        return capacity - size();
    }

    private int index(long position) {
        return (int) (position / CHUNK % chunks.length);
    }

    private @Nullable ByteBuffer chunk(long position) {
        int i = index(position);
        ByteBuffer chunk = chunks[i];
        if (chunk == null) {
            chunk = pool.take();
            chunks[i] = chunk;
        }
        return chunk;
    }

    /**
     * Reads once from a channel, two chunks at most.
     *
     * @return bytes read, 0 if there are none or no memory, -1 at the end
     */
    int read(ScatteringByteChannel channel) throws IOException {
        int room = space();
        int offset = (int) (tail % CHUNK);
        ByteBuffer first = room == 0 ? null : chunk(tail);
        if (first == null) {
            return 0;
        }
        int firstBytes = Math.min(room, CHUNK - offset);
        first.limit(offset + firstBytes).position(offset);
        long next = tail + firstBytes;
        ByteBuffer second = room > firstBytes ? chunk(next) : null;
        long n = -1;
        try {
            if (second == null) {
                n = channel.read(first);
            } else {
                second.limit(Math.min(room - firstBytes, CHUNK)).position(0);
                two[0] = first;
                two[1] = second;
                n = channel.read(two);
            }
        } finally {
            tail += Math.max(0, n);
            if (second != null && n <= firstBytes) {
                release(next);
            }
            releaseEmpty();
        }
        return (int) n;
    }

    /** Bytes that one {@link #read} would take at most. */
    int readable() {
        int offset = (int) (tail % CHUNK);
        return Math.min(space(), 2 * CHUNK - offset);
    }

    /**
     * Writes from the head on to a channel, until it takes no more.
     *
     * @return bytes written, which are no longer kept
     */
    int write(GatheringByteChannel channel) throws IOException {
        int total = 0;
        while (tail > head) {
            ByteBuffer chunk = chunks[index(head)];
            if (chunk == null) {
                throw new IllegalStateException("a stream without its bytes");
            }
            int offset = (int) (head % CHUNK);
            int bytes = (int) Math.min(tail - head, CHUNK - offset);
            chunk.limit(offset + bytes).position(offset);
            one[0] = chunk;
            int n = (int) channel.write(one);
            discard(n);
            total += n;
            if (n < bytes) {
                break;
            }
        }
        return total;
    }

    /**
     * Puts bytes at a distance behind the tail without moving it.
     *
     * @return how many found memory
     */
    int put(int distance, ByteBuffer source, int at, int bytes) {
        long position = tail + distance;
        int done = 0;
        while (done < bytes) {
            int offset = (int) ((position + done) % CHUNK);
            int n = Math.min(bytes - done, CHUNK - offset);
            ByteBuffer chunk = chunk(position + done);
            if (chunk == null) {
                break;
            }
            chunk.clear();
            chunk.put(offset, source, at + done, n);
            done += n;
        }
        early |= distance > 0;
        return done;
    }

    /** Moves the tail over bytes that were {@link #put} there. */
    void extend(int bytes) {
        tail += bytes;
    }

    /** Copies bytes at a distance behind the head. */
    void copy(int distance, ByteBuffer target, int at, int bytes) {
        long position = head + distance;
        int done = 0;
        while (done < bytes) {
            int offset = (int) ((position + done) % CHUNK);
            int n = Math.min(bytes - done, CHUNK - offset);
            ByteBuffer chunk = chunks[index(position + done)];
            if (chunk == null) {
                throw new IllegalStateException("a stream without its bytes");
            }
            chunk.clear();
            target.put(at + done, chunk, offset, n);
            done += n;
        }
    }

    /** Nothing is behind the tail any more. */
    void noneEarly() {
        early = false;
        releaseEmpty();
    }

    /** Forgets bytes at the head; where there are fewer, the stream goes on behind them. */
    void discard(int bytes) {
        long to = head + bytes;
        for (long p = head; p / CHUNK < to / CHUNK; p += CHUNK) {
            release(p);
        }
        head = to;
        tail = Math.max(tail, head);
        releaseEmpty();
    }

    private void releaseEmpty() {
        if (head == tail && !early) {
            release(head);
        }
    }

    private void release(long position) {
        int i = index(position);
        ByteBuffer chunk = chunks[i];
        if (chunk != null) {
            chunks[i] = null;
            pool.give(chunk);
        }
    }

    /** Gives back all memory. */
    void close() {
        for (int i = 0; i < chunks.length; i++) {
            ByteBuffer chunk = chunks[i];
            if (chunk != null) {
                chunks[i] = null;
                pool.give(chunk);
            }
        }
        head = tail;
    }
}
