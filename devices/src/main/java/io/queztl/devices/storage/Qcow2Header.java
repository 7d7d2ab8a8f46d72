package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The header of a qcow2 image (QEMU's docs/interop/qcow2.txt, "Header"), checked: every table it
 * names is aligned, of a bounded size and inside the file.
 */
record Qcow2Header(
        int version,
        int clusterBits,
        long size,
        int l1Size,
        long l1Offset,
        long refcountTableOffset,
        int refcountTableClusters,
        int snapshots,
        long snapshotsOffset,
        boolean dirty,
        boolean corrupt,
        long autoclear,
        int refcountOrder,
        boolean zstd,
        @Nullable String backing,
        @Nullable String backingFormat) {
    static final int MAGIC = 0x514649FB;
    static final int MAX_L1_BYTES = 32 << 20;
    static final int MAX_REFCOUNT_TABLE_BYTES = 8 << 20;
    static final int SIZE_AT = 24;

    /** Of the entries of the L1 table, followed by its place in the file. */
    static final int L1_AT = 36;

    static final int REFCOUNT_TABLE_AT = 48;
    static final int INCOMPATIBLE_AT = 72;
    static final int AUTOCLEAR_AT = 88;

    private static final int DIRTY = 1;
    private static final int CORRUPT = 2;
    private static final int EXTERNAL_DATA = 4;
    private static final int COMPRESSION_TYPE = 8;
    private static final int EXTENDED_L2 = 16;
    private static final int BACKING_FORMAT = 0xE2792ACA;

    static Qcow2Header read(ImageFile file) throws IOException {
        Path path = file.path();
        long length = file.length();
        byte[] bytes = new byte[(int) Math.min(length, 4096)];
        file.read(0, MemorySegment.ofArray(bytes));
        ByteBuffer b = ByteBuffer.wrap(bytes);
        if (bytes.length < 72 || b.getInt(0) != MAGIC) {
            throw bad(path, "it is no qcow2 image");
        }
        int version = b.getInt(4);
        if (version != 2 && version != 3) {
            throw bad(
                    path,
                    "its version is %s, not 2 or 3".formatted(Integer.toUnsignedString(version)));
        }
        if (version == 3 && bytes.length < 104) {
            throw bad(path, "its header is cut off");
        }
        int clusterBits = b.getInt(20);
        if (clusterBits < 9 || clusterBits > 21) {
            throw bad(path, "its clusters are of 2^%d bytes".formatted(clusterBits & 0xFFFFFFFFL));
        }
        if (b.getInt(32) != 0) {
            throw bad(path, "it is encrypted, which is not supported");
        }
        long incompatible = version == 3 ? b.getLong(INCOMPATIBLE_AT) : 0;
        if ((incompatible & EXTERNAL_DATA) != 0) {
            throw bad(path, "its data is in another file, which is not supported");
        }
        if ((incompatible & EXTENDED_L2) != 0) {
            throw bad(path, "it has extended L2 entries, which are not supported");
        }
        if ((incompatible & ~(DIRTY | CORRUPT | COMPRESSION_TYPE)) != 0) {
            throw bad(path, "it has unknown incompatible features 0x%x".formatted(incompatible));
        }
        int headerLength = version == 3 ? b.getInt(100) : 72;
        if (headerLength < (version == 3 ? 104 : 72) || headerLength > bytes.length) {
            throw bad(path, "its header's length is wrong");
        }
        boolean zstd = false;
        if ((incompatible & COMPRESSION_TYPE) != 0) {
            int type = headerLength > 104 ? bytes[104] : -1;
            if (type != 0 && type != 1) {
                throw bad(path, "its compression is unknown");
            }
            zstd = type == 1;
        }
        int order = version == 3 ? b.getInt(96) : 4;
        if (order < 0 || order > 6) {
            throw bad(path, "its refcounts are too wide");
        }
        long size = b.getLong(SIZE_AT);
        long cluster = 1L << clusterBits;
        int l1Size = b.getInt(L1_AT);
        long l1Offset = b.getLong(40);
        if (size < 0 || l1Size < 0 || l1Size > MAX_L1_BYTES / 8) {
            throw bad(path, "its L1 table is too big");
        }
        long perL1 = cluster * (cluster / 8);
        if (size / perL1 + (size % perL1 == 0 ? 0 : 1) > l1Size) {
            throw bad(path, "its L1 table is too small for its size");
        }
        inside(path, "L1 table", l1Offset, l1Size * 8L, cluster, length);
        long tableOffset = b.getLong(REFCOUNT_TABLE_AT);
        int tableClusters = b.getInt(56);
        if (tableClusters <= 0 || (long) tableClusters * cluster > MAX_REFCOUNT_TABLE_BYTES) {
            throw bad(path, "its refcount table has a wrong size");
        }
        inside(path, "refcount table", tableOffset, tableClusters * cluster, cluster, length);
        int snapshots = b.getInt(60);
        long snapshotsOffset = b.getLong(64);
        if (snapshots < 0 || snapshots > 65536) {
            throw bad(path, "it has too many snapshots");
        }
        if (snapshots > 0) {
            inside(path, "snapshot table", snapshotsOffset, snapshots * 40L, 8, length);
        }
        long backingAt = b.getLong(8);
        String backing = null;
        if (backingAt != 0) {
            int n = b.getInt(16);
            if (n <= 0
                    || n > 1023
                    || backingAt < 72
                    || backingAt > cluster - n
                    || backingAt > length - n) {
                throw bad(path, "the name of its backing file is damaged");
            }
            byte[] name = new byte[n];
            file.read(backingAt, MemorySegment.ofArray(name));
            backing = new String(name, StandardCharsets.UTF_8);
            if (backing.indexOf('\0') >= 0) {
                throw bad(path, "the name of its backing file is damaged");
            }
        }
        return new Qcow2Header(
                version,
                clusterBits,
                size,
                l1Size,
                l1Offset,
                tableOffset,
                tableClusters,
                snapshots,
                snapshotsOffset,
                (incompatible & DIRTY) != 0,
                (incompatible & CORRUPT) != 0,
                version == 3 ? b.getLong(AUTOCLEAR_AT) : 0,
                order,
                zstd,
                backing,
                backingFormat(b, headerLength));
    }

    private static @Nullable String backingFormat(ByteBuffer b, int start) {
        int at = start;
        while (at + 8 <= b.limit() && b.getInt(at) != 0) {
            int n = b.getInt(at + 4);
            if (n < 0 || n > b.limit() - at - 8) {
                return null;
            }
            if (b.getInt(at) == BACKING_FORMAT) {
                return new String(b.array(), at + 8, n, StandardCharsets.UTF_8);
            }
            at += 8 + ((n + 7) & ~7);
        }
        return null;
    }

    private static void inside(
            Path path, String what, long offset, long bytes, long alignment, long length)
            throws IOException {
        boolean empty = bytes == 0;
        if (!empty
                && (offset < alignment
                        || offset % alignment != 0
                        || offset > length
                        || bytes > length - offset)) {
            throw bad(path, "its " + what + " is not inside the file");
        }
    }

    static ImageException bad(Path path, String why) {
        return new ImageException("the qcow2 image " + path + " cannot be used: " + why);
    }

    /** The first four clusters of an empty image of size 0. */
    static byte[] empty(int version, int clusterBits) {
        int cluster = 1 << clusterBits;
        ByteBuffer b = ByteBuffer.allocate(4 * cluster);
        b.putInt(0, MAGIC).putInt(4, version).putInt(20, clusterBits);
        b.putInt(L1_AT, 1).putLong(40, 3L * cluster);
        b.putLong(REFCOUNT_TABLE_AT, cluster).putInt(56, 1);
        if (version == 3) {
            b.putInt(96, 4).putInt(100, 112);
        }
        b.putLong(cluster, 2L * cluster);
        for (int i = 0; i < 4; i++) {
            b.putShort(2 * cluster + 2 * i, (short) 1);
        }
        return b.array();
    }

    /** The first four clusters of an image over another one; it has no data of its own. */
    static byte[] overlay(long size, int clusterBits, String base, ImageFormat baseFormat)
            throws IOException {
        byte[] bytes = empty(3, clusterBits);
        long perTable = 1L << 2 * clusterBits - 3;
        long tables = (size + perTable - 1) / perTable;
        byte[] name = base.getBytes(StandardCharsets.UTF_8);
        byte[] format = baseFormat.toString().getBytes(StandardCharsets.US_ASCII);
        if (tables > 1L << clusterBits - 3 || name.length > 1023) {
            throw new ImageException("there can be no image over " + base + ": it is too big");
        }
        ByteBuffer b = ByteBuffer.wrap(bytes);
        b.putLong(SIZE_AT, size).putInt(L1_AT, (int) tables);
        b.putInt(112, BACKING_FORMAT).putInt(116, format.length).put(120, format);
        b.putLong(8, 160).putInt(16, name.length).put(160, name);
        return bytes;
    }
}
