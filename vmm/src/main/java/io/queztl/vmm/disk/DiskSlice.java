package io.queztl.vmm.disk;

import io.queztl.devices.storage.DiskImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A stretch of a disk that is only read: all of it, or a partition.
 *
 * @param start where it begins, in bytes
 * @param size its length in bytes
 */
public record DiskSlice(DiskImage image, long start, long size) {
    /** All of a disk. */
    public static DiskSlice of(DiskImage image) {
        return new DiskSlice(image, 0, image.size());
    }

    /**
     * A stretch of this one.
     *
     * @throws DiskFormatException if it is not within this one
     */
    public DiskSlice slice(long offset, long length) throws DiskFormatException {
        check(offset, length);
        return new DiskSlice(image, start + offset, length);
    }

    /**
     * The bytes from an offset on, to be read in little-endian order.
     *
     * @throws DiskFormatException if some are not within this stretch
     * @throws IOException if the host cannot read them
     */
    public ByteBuffer read(long offset, int length) throws IOException {
        check(offset, length);
        byte[] bytes = new byte[length];
        image.read(start + offset, MemorySegment.ofArray(bytes));
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void check(long offset, long length) throws DiskFormatException {
        if (offset < 0 || length < 0 || offset > size - length) {
            throw new DiskFormatException(
                    "it refers to byte %s, and has %d"
                            .formatted(Long.toUnsignedString(offset), size));
        }
    }
}
