package io.queztl.devices.net.user;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** Pieces of memory for {@link StreamBuffer}s, as many as allowed. Guarded by the stack's lock. */
final class ChunkPool {
    /** Bytes of a chunk; what a stream of one byte takes. */
    static final int CHUNK = 64 << 10;

    private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();
    private final int most;
    private int made;

    ChunkPool(int bytes) {
        most = Math.max(2, bytes / CHUNK);
    }

    /** A chunk, or null if all are in use. */
    @Nullable ByteBuffer take() {
        ByteBuffer chunk = free.poll();
        if (chunk == null && made < most) {
            made++;
            chunk = ByteBuffer.allocateDirect(CHUNK);
        }
        return chunk;
    }

    void give(ByteBuffer chunk) {
        free.push(chunk.clear());
    }

    /** Bytes that are not in use. */
    int available() {
        return (most - made + free.size()) * CHUNK;
    }

    /** Chunks in use. */
    int used() {
        return made - free.size();
    }
}
