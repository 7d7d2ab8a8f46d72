package io.queztl.devices.storage;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A disk's content, wherever it is kept. All offsets and lengths are bytes and may have any
 * alignment; a request outside {@code [0, size)} is an {@link IOException}. Methods may be called
 * from several threads at once; requests that overlap in time and place have no order. Threads that
 * call must not be interrupted: the JDK closes a file under an interrupted thread. Memory that is
 * given must not be confined to a thread.
 */
public interface DiskImage extends Closeable {
    /** Size in bytes; changes only by {@link #resize}. */
    long size();

    /** The format it is kept in. */
    ImageFormat format();

    /** Whether every write is refused. */
    boolean readOnly();

    /** Size in bytes of the unit in which space is allocated, a hint for discard granularity. */
    int allocationUnit();

    /** Size in bytes of the smallest unit that is written without reading more first, a hint. */
    default int blockSize() {
        return 512;
    }

    /** Whether requests wait for something far away, so that several at once are quicker. */
    default boolean remote() {
        return false;
    }

    /** Fills the segment with the bytes from the offset on. */
    void read(long offset, MemorySegment target) throws IOException;

    /** Fills all pieces, in order, with the bytes from the offset on. */
    default void read(long offset, ScatterList target) throws IOException {
        long at = offset;
        for (int i = 0; i < target.count(); i++) {
            read(at, target.piece(i));
            at += target.length(i);
        }
    }

    /**
     * Fills all pieces if it is sure that nobody and nothing is waited for: not for a device of the
     * host and not for another thread.
     *
     * @return false if that is not so, or something is wrong; the pieces may hold anything then,
     *     and {@link #read} is to be called
     */
    default boolean readNow(long offset, ScatterList target) {
        return false;
    }

    /** Writes the segment at the offset; durable only after {@link #flush}. */
    void write(long offset, MemorySegment source) throws IOException;

    /** Writes all pieces, in order, from the offset on. */
    default void write(long offset, ScatterList source) throws IOException {
        long at = offset;
        for (int i = 0; i < source.count(); i++) {
            write(at, source.piece(i));
            at += source.length(i);
        }
    }

    /** Makes durable what was written by calls that have returned: an fsync. */
    void flush() throws IOException;

    /** Whether {@link #discard} gives space back. */
    default boolean discards() {
        return false;
    }

    /** Tells that the bytes are no longer needed; they may read as zero or as before. */
    void discard(long offset, long length) throws IOException;

    /** Makes the bytes read as zero; with {@code mayUnmap} their space may be given back. */
    void writeZeroes(long offset, long length, boolean mayUnmap) throws IOException;

    /** Changes the size in bytes; what is new reads as zero. */
    void resize(long newSize) throws IOException;

    /**
     * Length in bytes, at most {@code length}, of the run at the offset that is known to read as
     * zero without looking at data; 0 if the first byte there may be anything.
     */
    default long zeroRun(long offset, long length) throws IOException {
        return 0;
    }

    /** Facts for people and scripts. */
    ImageInfo info() throws IOException;

    /** Flushes, gives back the lock and closes. */
    @Override
    void close() throws IOException;
}
