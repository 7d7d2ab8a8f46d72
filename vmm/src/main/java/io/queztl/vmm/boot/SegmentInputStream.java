package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The bytes of a segment as a stream, for decompressors. */
final class SegmentInputStream extends InputStream {
    private final MemorySegment data;
    private long position;

    SegmentInputStream(MemorySegment data) {
        this.data = data;
    }

    @Override
    public int read() {
        return position < data.byteSize() ? data.get(GuestMemory.I8, position++) & 0xff : -1;
    }

    @Override
    public int read(byte[] target, int start, int length) {
        Objects.checkFromIndexSize(start, length, target.length);
        long left = data.byteSize() - position;
        if (length == 0) {
            return 0;
        }
        if (left == 0) {
            return -1;
        }
        int n = (int) Math.min(length, left);
        MemorySegment.copy(data, GuestMemory.I8, position, target, start, n);
        position += n;
        return n;
    }

    @Override
    public long skip(long bytes) {
        long n = Math.clamp(bytes, 0, data.byteSize() - position);
        position += n;
        return n;
    }

    @Override
    public int available() {
        return (int) Math.min(Integer.MAX_VALUE, data.byteSize() - position);
    }
}
