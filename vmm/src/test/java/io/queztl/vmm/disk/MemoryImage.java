package io.queztl.vmm.disk;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageException;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/** A disk that is an array, and counts what is read of it. */
public final class MemoryImage implements DiskImage {
    /** The disk's bytes, which a test may change. */
    public final byte[] bytes;

    /** How many bytes were read. */
    public long read;

    /** A disk of these bytes. */
    public MemoryImage(byte[] bytes) {
        this.bytes = bytes;
    }

    @Override
    public long size() {
        return bytes.length;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.RAW;
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public int allocationUnit() {
        return 1;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        if (offset < 0 || offset > bytes.length - target.byteSize()) {
            throw new AssertionError("asked for what is not there: " + offset);
        }
        read += target.byteSize();
        target.copyFrom(MemorySegment.ofArray(bytes).asSlice(offset, target.byteSize()));
    }

    @Override
    public void write(long offset, MemorySegment source) throws IOException {
        throw new ImageException("it is read-only");
    }

    @Override
    public void flush() {}

    @Override
    public void discard(long offset, long length) throws IOException {
        throw new ImageException("it is read-only");
    }

    @Override
    public void writeZeroes(long offset, long length, boolean mayUnmap) throws IOException {
        throw new ImageException("it is read-only");
    }

    @Override
    public void resize(long newSize) throws IOException {
        throw new ImageException("it is read-only");
    }

    @Override
    public ImageInfo info() {
        return new ImageInfo(ImageFormat.RAW, bytes.length, bytes.length, Map.of());
    }

    @Override
    public void close() {}
}
