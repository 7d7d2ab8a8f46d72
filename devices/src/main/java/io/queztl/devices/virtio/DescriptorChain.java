package io.queztl.devices.virtio;

import io.queztl.devices.storage.ScatterList;
import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One buffer that the driver has made available: device-readable segments, then device-writable
 * ones (VirtIO 1.2, 2.6), every one checked to be RAM when the chain is taken from its {@link
 * Virtqueue}. Reading and writing go forward through the two halves as through two streams.
 *
 * <p>The object is reused for one chain after another, by one thread at a time.
 */
public final class DescriptorChain {
    /** The most segments a chain may have, whatever the size of its queue. */
    public static final int MAX_SEGMENTS = 1024;

    /** Something that moves bytes between a host resource and a piece of guest RAM. */
    @FunctionalInterface
    public interface Transfer {
        /**
         * Fills or empties the whole piece.
         *
         * @param piece a bounded view of guest RAM
         * @param position bytes moved before by the same call
         */
        void transfer(MemorySegment piece, long position) throws IOException;
    }

    private final GuestMemory memory;
    private final MemorySegment ram;
    private long[] guest = new long[16];
    private long[] offset = new long[16];
    private long[] length = new long[16];
    private int count;
    private int firstWritable;
    private long readable;
    private long writable;
    private long written;
    private int readSegment;
    private long readPosition;
    private int writeSegment;
    private long writePosition;

    /** What the ring calls this chain: head index (split) or buffer id (packed). */
    int id;

    /** Descriptors it takes in a packed ring. */
    int slots;

    /** An empty chain in a guest's memory. */
    public DescriptorChain(GuestMemory memory) {
        this.memory = memory;
        ram = memory.ram();
    }

    // ---- built by the queue

    void clear() {
        count = 0;
        firstWritable = 0;
        readable = 0;
        writable = 0;
        written = 0;
        readSegment = 0;
        readPosition = 0;
        writeSegment = 0;
        writePosition = 0;
    }

    void add(long address, long bytes, boolean deviceWritable) {
        if (count == MAX_SEGMENTS) {
            throw new MalformedRingException("a chain of too many descriptors");
        }
        if (!memory.isRam(address, bytes)) {
            throw new MalformedRingException(
                    "a buffer outside RAM: 0x%x, %d bytes".formatted(address, bytes));
        }
        if (!deviceWritable && count > firstWritable) {
            throw new MalformedRingException("a readable segment after a writable one");
        }
        if (count == guest.length) {
            guest = Arrays.copyOf(guest, count * 2);
            offset = Arrays.copyOf(offset, count * 2);
            length = Arrays.copyOf(length, count * 2);
        }
        guest[count] = address;
        offset[count] = bytes == 0 ? 0 : memory.offset(address, bytes);
        length[count] = bytes;
        count++;
        if (deviceWritable) {
            writable += bytes;
        } else {
            firstWritable = count;
            readable += bytes;
            writeSegment = count;
        }
    }

    // ---- used by the device

    /** Bytes left to read. */
    public long readable() {
        return readable;
    }

    /** Bytes left to write. */
    public long writable() {
        return writable;
    }

    /** Bytes written so far, those skipped included: what the used ring tells the driver. */
    public long written() {
        return written;
    }

    /** Segments of both kinds. */
    public int segments() {
        return count;
    }

    /** The guest-physical address of a segment; see {@link #segmentBytes}. */
    public long segmentAddress(int index) {
        return guest[index];
    }

    /** The length of a segment in bytes. */
    public long segmentBytes(int index) {
        return length[index];
    }

    /**
     * Copies the next readable bytes.
     *
     * @return how many there were, at most {@code bytes}
     */
    public int read(byte[] target, int start, int bytes) {
        int done = 0;
        while (done < bytes && readable > 0) {
            int n = (int) readPiece(bytes - done);
            MemorySegment.copy(
                    ram,
                    GuestMemory.I8,
                    offset[readSegment] + readPosition,
                    target,
                    start + done,
                    n);
            readDone(n);
            done += n;
        }
        return done;
    }

    /**
     * Copies the next readable bytes.
     *
     * @return how many there were, at most {@code bytes}
     */
    public long read(MemorySegment target, long start, long bytes) {
        long done = 0;
        while (done < bytes && readable > 0) {
            long n = readPiece(bytes - done);
            MemorySegment.copy(ram, offset[readSegment] + readPosition, target, start + done, n);
            readDone(n);
            done += n;
        }
        return done;
    }

    /**
     * Moves up to {@code bytes} readable bytes out of guest RAM, a piece at a time.
     *
     * @return how many were moved
     * @throws IOException whatever {@code sink} throws; the position is then before its piece
     */
    public long read(long bytes, Transfer sink) throws IOException {
        long done = 0;
        while (done < bytes && readable > 0) {
            long n = readPiece(bytes - done);
            sink.transfer(ram.asSlice(offset[readSegment] + readPosition, n), done);
            readDone(n);
            done += n;
        }
        return done;
    }

    /**
     * Adds the next readable bytes to a list over {@link GuestMemory#ram}.
     *
     * @return how many there were, at most {@code bytes}
     */
    public long gather(long bytes, ScatterList list) {
        long done = 0;
        while (done < bytes && readable > 0) {
            long n = readPiece(bytes - done);
            list.add(offset[readSegment] + readPosition, n);
            readDone(n);
            done += n;
        }
        return done;
    }

    /**
     * Adds the next writable bytes to a list over {@link GuestMemory#ram}, without going on; once
     * they are written, {@link #wrote} does.
     *
     * @return how many there are, at most {@code bytes}
     */
    public long scatter(long bytes, ScatterList list) {
        int segment = writeSegment;
        long position = writePosition;
        long left = Math.min(bytes, writable);
        long done = left;
        while (left > 0) {
            long n = Math.min(left, length[segment] - position);
            list.add(offset[segment] + position, n);
            left -= n;
            segment++;
            position = 0;
        }
        return done;
    }

    /** Goes on behind writable bytes that were written by way of {@link #scatter}. */
    public void wrote(long bytes) {
        long left = Math.min(bytes, writable);
        while (left > 0) {
            long n = writePiece(left);
            memory.written(guest[writeSegment] + writePosition, n);
            writeDone(n);
            left -= n;
        }
    }

    /** Leaves out up to {@code bytes} readable bytes. */
    public void skipReadable(long bytes) {
        long left = Math.min(bytes, readable);
        while (left > 0) {
            long n = readPiece(left);
            readDone(n);
            left -= n;
        }
    }

    private long readPiece(long wanted) {
        while (length[readSegment] == readPosition) {
            readSegment++;
            readPosition = 0;
        }
        return Math.min(wanted, length[readSegment] - readPosition);
    }

    private void readDone(long n) {
        readPosition += n;
        readable -= n;
    }

    /** The next byte, or 0 at the end. */
    public int read8() {
        return (int) readLittleEndian(1);
    }

    /** The next 16 bits; what is missing at the end is 0. */
    public int read16() {
        return (int) readLittleEndian(2);
    }

    /** The next 32 bits; what is missing at the end is 0. */
    public int read32() {
        return (int) readLittleEndian(4);
    }

    /** The next 64 bits; what is missing at the end is 0. */
    public long read64() {
        return readLittleEndian(8);
    }

    private long readLittleEndian(int bytes) {
        long value = 0;
        for (int i = 0; i < bytes && readable > 0; i++) {
            long ignored = readPiece(1);
            long at = offset[readSegment] + readPosition;
            value |= (ram.get(GuestMemory.I8, at) & 0xffL) << i * 8;
            readDone(1);
        }
        return value;
    }

    /**
     * Copies into the next writable bytes.
     *
     * @return how many had room, at most {@code bytes}
     */
    public int write(byte[] source, int start, int bytes) {
        int done = 0;
        while (done < bytes && writable > 0) {
            int n = (int) writePiece(bytes - done);
            MemorySegment.copy(
                    source,
                    start + done,
                    ram,
                    GuestMemory.I8,
                    offset[writeSegment] + writePosition,
                    n);
            memory.written(guest[writeSegment] + writePosition, n);
            writeDone(n);
            done += n;
        }
        return done;
    }

    /**
     * Copies into the next writable bytes.
     *
     * @return how many had room, at most {@code bytes}
     */
    public long write(MemorySegment source, long start, long bytes) {
        long done = 0;
        while (done < bytes && writable > 0) {
            long n = writePiece(bytes - done);
            MemorySegment.copy(source, start + done, ram, offset[writeSegment] + writePosition, n);
            memory.written(guest[writeSegment] + writePosition, n);
            writeDone(n);
            done += n;
        }
        return done;
    }

    /**
     * Moves up to {@code bytes} bytes into writable guest RAM, a piece at a time.
     *
     * @return how many were moved
     * @throws IOException whatever {@code source} throws; the position is then before its piece,
     *     which may have been written in part
     */
    public long write(long bytes, Transfer source) throws IOException {
        long done = 0;
        while (done < bytes && writable > 0) {
            long n = writePiece(bytes - done);
            try {
                source.transfer(ram.asSlice(offset[writeSegment] + writePosition, n), done);
            } finally {
                memory.written(guest[writeSegment] + writePosition, n);
            }
            writeDone(n);
            done += n;
        }
        return done;
    }

    /** Leaves out up to {@code bytes} writable bytes; they count as written. */
    public void skipWritable(long bytes) {
        long left = Math.min(bytes, writable);
        while (left > 0) {
            long n = writePiece(left);
            writeDone(n);
            left -= n;
        }
    }

    private long writePiece(long wanted) {
        while (length[writeSegment] == writePosition) {
            writeSegment++;
            writePosition = 0;
        }
        return Math.min(wanted, length[writeSegment] - writePosition);
    }

    private void writeDone(long n) {
        writePosition += n;
        writable -= n;
        written += n;
    }

    /** Writes one byte, if there is room. */
    public void write8(int value) {
        writeLittleEndian(value, 1);
    }

    /** Writes 16 bits, as far as there is room. */
    public void write16(int value) {
        writeLittleEndian(value, 2);
    }

    /** Writes 32 bits, as far as there is room. */
    public void write32(int value) {
        writeLittleEndian(value, 4);
    }

    /** Writes 64 bits, as far as there is room. */
    public void write64(long value) {
        writeLittleEndian(value, 8);
    }

    private void writeLittleEndian(long value, int bytes) {
        for (int i = 0; i < bytes && writable > 0; i++) {
            long ignored = writePiece(1);
            long at = offset[writeSegment] + writePosition;
            ram.set(GuestMemory.I8, at, (byte) (value >>> i * 8));
            memory.written(guest[writeSegment] + writePosition, 1);
            writeDone(1);
        }
    }

    /**
     * Replaces a byte of the writable half, which may lie behind or before the current position.
     *
     * @param position counted from the start of the writable half
     * @return false if the half is shorter
     */
    public boolean patch(long position, int value) {
        long left = position;
        for (int i = firstWritable; i < count; i++) {
            if (left < length[i]) {
                ram.set(GuestMemory.I8, offset[i] + left, (byte) value);
                memory.written(guest[i] + left, 1);
                return true;
            }
            left -= length[i];
        }
        return false;
    }
}
