package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Decompresses into memory outside the Java heap, up to a limit. */
final class Unpacker {
    /** The compressed data is damaged, or expands to more than the limit. */
    static final class UnpackException extends Exception {
        private static final long serialVersionUID = 1L;
        private final String reason;
        private final boolean tooBig;

        UnpackException(String reason, boolean tooBig, @Nullable Throwable cause) {
            super(reason, cause);
            this.reason = reason;
            this.tooBig = tooBig;
        }

        /** Why, as part of a sentence. */
        String reason() {
            return reason;
        }

        /** True if it is only too much data. */
        boolean tooBig() {
            return tooBig;
        }
    }

    private static final int CHUNK = 1 << 18;

    /** A size that a file claims is believed up to here. */
    private static final long EXPECTED_LIMIT = 128 << 20;

    private Unpacker() {}

    /**
     * Decompresses a whole stream.
     *
     * @param single stop after the first compressed stream
     * @param expected how many bytes probably come out, to be right at the first try; any value
     * @param limit most bytes that may come out
     * @param arena what the result lives in
     */
    static MemorySegment unpack(
            Compression compression,
            MemorySegment data,
            boolean single,
            long expected,
            long limit,
            Arena arena)
            throws UnpackException {
        try (InputStream in = compression.open(data, single)) {
            byte[] chunk = new byte[CHUNK];
            MemorySegment buffer =
                    arena.allocate(Math.min(limit, Math.clamp(expected, 0, EXPECTED_LIMIT)));
            long size = 0;
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
                if (n > limit - size) {
                    throw new UnpackException(
                            "it expands to more than " + limit + " bytes", true, null);
                }
                if (n > buffer.byteSize() - size) {
                    // Outgrown buffers stay until the arena closes: together less than the last.
                    MemorySegment next =
                            arena.allocate(Math.min(limit, 2 * (buffer.byteSize() + CHUNK)));
                    MemorySegment.copy(buffer, 0, next, 0, size);
                    buffer = next;
                }
                MemorySegment.copy(chunk, 0, buffer, GuestMemory.I8, size, n);
                size += n;
            }
            return buffer.asSlice(0, size);
        } catch (IOException | RuntimeException e) {
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new UnpackException(reason, false, e);
        } catch (OutOfMemoryError e) {
            throw new UnpackException("the host has no memory for it", true, e);
        }
    }
}
