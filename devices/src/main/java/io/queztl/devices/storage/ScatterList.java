package io.queztl.devices.storage;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Pieces of one memory that together are the bytes of a request, in order. Reused for one request
 * after another, by one thread at a time.
 */
public final class ScatterList {
    private final MemorySegment memory;
    private long[] offsets;
    private long[] lengths;
    private int count;
    private long bytes;

    /** An empty list. */
    public ScatterList(MemorySegment memory) {
        this(memory, 16);
    }

    private ScatterList(MemorySegment memory, int room) {
        this.memory = memory;
        offsets = new long[room];
        lengths = new long[room];
    }

    /** A list of one piece: all of the memory. */
    public static ScatterList of(MemorySegment memory) {
        ScatterList list = new ScatterList(memory, 1);
        list.add(0, memory.byteSize());
        return list;
    }

    /** Takes all pieces out. */
    public void clear() {
        count = 0;
        bytes = 0;
    }

    /** Adds a piece at the end; one that follows on the last in memory becomes part of it. */
    public void add(long offset, long length) {
        if (length == 0) {
            return;
        }
        bytes += length;
        if (count > 0 && offsets[count - 1] + lengths[count - 1] == offset) {
            lengths[count - 1] += length;
            return;
        }
        if (count == offsets.length) {
            offsets = Arrays.copyOf(offsets, count * 2);
            lengths = Arrays.copyOf(lengths, count * 2);
        }
        offsets[count] = offset;
        lengths[count] = length;
        count++;
    }

    /** Bytes of all pieces. */
    public long bytes() {
        return bytes;
    }

    /** Pieces. */
    public int count() {
        return count;
    }

    /** A piece's memory. */
    public MemorySegment piece(int index) {
        return memory.asSlice(offsets[index], lengths[index]);
    }

    /** A piece's length in bytes. */
    public long length(int index) {
        return lengths[index];
    }

    /** The bytes from {@code start} on, {@code length} of them, as a list of their own. */
    public ScatterList slice(long start, long length) {
        if (start == 0 && length == bytes) {
            return this;
        }
        ScatterList part = new ScatterList(memory, Math.max(1, Math.min(count, 16)));
        long skip = start;
        long left = length;
        for (int i = 0; i < count && left > 0; i++) {
            if (skip >= lengths[i]) {
                skip -= lengths[i];
                continue;
            }
            long n = Math.min(left, lengths[i] - skip);
            part.add(offsets[i] + skip, n);
            left -= n;
            skip = 0;
        }
        if (left > 0) {
            throw new IndexOutOfBoundsException(left + " bytes too many");
        }
        return part;
    }

    /** Sets all bytes to zero. */
    public void zero() {
        for (int i = 0; i < count; i++) {
            piece(i).fill((byte) 0);
        }
    }

    /** Copies as many bytes as the list has from the source, which has at least so many. */
    public void copyFrom(MemorySegment source, long start) {
        long at = start;
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(source, at, memory, offsets[i], lengths[i]);
            at += lengths[i];
        }
    }

    /** Copies all bytes of the list into the target. */
    public void copyTo(MemorySegment target, long start) {
        long at = start;
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(memory, offsets[i], target, at, lengths[i]);
            at += lengths[i];
        }
    }

    /** What the pieces are pieces of. */
    public MemorySegment memory() {
        return memory;
    }

    /** Where the pieces begin; those behind {@link #count} mean nothing. */
    public long[] offsets() {
        return offsets;
    }

    /** How long the pieces are, likewise. */
    public long[] lengths() {
        return lengths;
    }
}
