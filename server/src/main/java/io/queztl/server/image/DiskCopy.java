package io.queztl.server.image;

import io.queztl.devices.storage.DiskImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;

/** Copies a disk to another that reads as zero; what is zero takes no space there. */
public final class DiskCopy {
    private static final int CHUNK = 1 << 20;
    private static final int PIECE = 4096;

    private DiskCopy() {}

    /**
     * Copies all of it.
     *
     * @param percent told how far it is, each number once
     */
    public static void copy(DiskImage source, DiskImage target, IntConsumer percent)
            throws IOException {
        byte[] buffer = new byte[CHUNK];
        MemorySegment segment = MemorySegment.ofArray(buffer);
        long size = source.size();
        int shown = -1;
        for (long at = 0; at < size; ) {
            long zeroes = source.zeroRun(at, size - at);
            at += zeroes;
            int n = (int) Math.min(CHUNK - at % CHUNK, size - at);
            source.read(at, segment.asSlice(0, n));
            writeNonZero(target, at, buffer, n);
            at += n;
            int done = size == 0 ? 100 : (int) (at / (size / 100.0));
            if (done != shown) {
                percent.accept(done);
                shown = done;
            }
        }
    }

    private static void writeNonZero(DiskImage target, long at, byte[] buffer, int n)
            throws IOException {
        int start = -1;
        for (int i = 0; i < n; i += PIECE) {
            int end = Math.min(i + PIECE, n);
            boolean zero = true;
            for (int k = i; k < end && zero; k++) {
                zero = buffer[k] == 0;
            }
            if (zero && start >= 0) {
                target.write(at + start, MemorySegment.ofArray(buffer).asSlice(start, i - start));
                start = -1;
            } else if (!zero && start < 0) {
                start = i;
            }
        }
        if (start >= 0) {
            target.write(at + start, MemorySegment.ofArray(buffer).asSlice(start, n - start));
        }
    }
}
