package io.queztl.devices.storage;

import java.io.IOException;

/** What the entries of an image's L2 tables say (QEMU's docs/interop/qcow2.txt). */
final class Qcow2Entries {
    static final long COPIED = 1L << 63;
    static final long COMPRESSED = 1L << 62;
    static final long ZERO = 1;
    static final long OFFSET = 0x00FFFFFFFFFFFE00L;

    private final ImageFile file;
    private final boolean zeroFlag;
    private final int clusterBits;

    Qcow2Entries(ImageFile file, Qcow2Header header) {
        this.file = file;
        zeroFlag = header.version() >= 3;
        clusterBits = header.clusterBits();
    }

    /** Whether the entry says that its cluster reads as zero, allocated or not. */
    boolean isZero(long entry) {
        return zeroFlag && (entry & (ZERO | COMPRESSED)) == ZERO;
    }

    /** Whether the entry names a cluster that nothing else names. */
    static boolean isOwn(long entry) {
        return (entry & (COMPRESSED | COPIED)) == COPIED && (entry & OFFSET) != 0;
    }

    /** Where a cluster that is not compressed is in the file. */
    long dataOffset(long entry) throws IOException {
        long offset = entry & OFFSET;
        if ((offset & (1L << clusterBits) - 1) != 0) {
            throw Qcow2Header.bad(file.path(), "an L2 entry is damaged");
        }
        return offset;
    }

    /** Where a compressed cluster begins in the file. */
    long compressedOffset(long entry) {
        return entry & (1L << 70 - clusterBits) - 1;
    }

    /** Bytes of the sectors that hold a compressed cluster, from its beginning. */
    int compressedSize(long entry) {
        int sectors = (int) ((entry & ~(COPIED | COMPRESSED)) >>> 70 - clusterBits) + 1;
        return sectors * 512 - (int) (compressedOffset(entry) & 511);
    }
}
