package io.queztl.vmm.boot;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/** A stream decompressed a block at a time. */
abstract class BlockInputStream extends InputStream {
    /** The compressed data. */
    protected final InputStream in;

    /** The block; its content is valid from {@link #position} to {@link #limit}. */
    protected byte[] block = new byte[0];

    /** Next byte to hand out. */
    protected int position;

    /** End of what was decompressed. */
    protected int limit;

    private boolean ended;

    BlockInputStream(InputStream in) {
        this.in = in;
    }

    /**
     * Decompresses the next block to where {@link #position} and {@link #limit} then say.
     *
     * @return false at the end of the data; blocks may be empty
     */
    protected abstract boolean nextBlock() throws IOException;

    @Override
    public final int read() throws IOException {
        return fill() ? block[position++] & 0xff : -1;
    }

    @Override
    public final int read(byte[] target, int start, int length) throws IOException {
        Objects.checkFromIndexSize(start, length, target.length);
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int n = Math.min(length, limit - position);
        System.arraycopy(block, position, target, start, n);
        position += n;
        return n;
    }

    private boolean fill() throws IOException {
        while (position == limit) {
            if (ended || !nextBlock()) {
                ended = true;
                return false;
            }
        }
        return true;
    }

    /** The next byte of the compressed data, which must not be at its end. */
    protected final int byteOrFail() throws IOException {
        int b = in.read();
        if (b < 0) {
            throw new EOFException("the compressed data ends too early");
        }
        return b;
    }

    /** Reads {@code count} big-endian bytes, up to 4. */
    protected final long bigEndian(int count) throws IOException {
        long value = 0;
        for (int i = 0; i < count; i++) {
            value = value << 8 | byteOrFail();
        }
        return value;
    }

    /** Reads {@code count} little-endian bytes, up to 8. */
    protected final long littleEndian(int count) throws IOException {
        long value = 0;
        for (int i = 0; i < count; i++) {
            value |= (long) byteOrFail() << (8 * i);
        }
        return value;
    }

    /** Fills the start of an array. */
    protected final void readFully(byte[] target, int bytes) throws IOException {
        if (in.readNBytes(target, 0, bytes) != bytes) {
            throw new EOFException("the compressed data ends too early");
        }
    }
}
