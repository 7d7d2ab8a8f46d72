package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** Counts the references that a qcow2 image's tables make, and compares them with its refcounts. */
final class Qcow2Check {
    /** More clusters than this take too much memory to count. */
    private static final long MAX_CLUSTERS = 1 << 25;

    private static final long MAX_TABLES = 1 << 20;

    /**
     * What was found.
     *
     * @param errors clusters counted less often than used, and entries that make no sense
     * @param leaks clusters counted more often than used
     */
    record Result(long errors, long leaks) {}

    private final ImageFile file;
    private final Qcow2Header header;
    private final Qcow2Image image;
    private final Qcow2Refcounts refcounts;
    private final int clusterSize;
    private final char[] counts;
    private long errors;
    private long tables;

    Qcow2Check(ImageFile file, Qcow2Header header, Qcow2Image image, Qcow2Refcounts refcounts)
            throws IOException {
        this.file = file;
        this.header = header;
        this.image = image;
        this.refcounts = refcounts;
        clusterSize = 1 << header.clusterBits();
        long clusters = (file.length() + clusterSize - 1) / clusterSize;
        if (clusters > MAX_CLUSTERS) {
            throw Qcow2Header.bad(file.path(), "it has too many clusters to check");
        }
        counts = new char[(int) clusters];
    }

    Result run(long[] l1, long l1Offset) throws IOException {
        use(0, clusterSize);
        use(refcounts.tableOffset(), (long) refcounts.tableClusters() * clusterSize);
        for (long block : refcounts.table()) {
            if (block != 0) {
                use(block, clusterSize);
            }
        }
        use(l1Offset, l1.length * 8L);
        countTables(l1);
        snapshots();
        long leaks = 0;
        for (int c = 0; c < counts.length; c++) {
            long counted = refcounts.get(c);
            if (counted > counts[c]) {
                leaks++;
            } else if (counted < counts[c]) {
                errors++;
            }
        }
        return new Result(errors, leaks);
    }

    private void snapshots() throws IOException {
        long at = header.snapshotsOffset();
        long start = at;
        for (int i = 0; i < header.snapshots(); i++) {
            byte[] bytes = new byte[40];
            file.read(at, MemorySegment.ofArray(bytes));
            ByteBuffer b = ByteBuffer.wrap(bytes);
            long offset = b.getLong(0);
            int entries = b.getInt(8);
            long extra = b.getInt(36) & 0xFFFFFFFFL;
            long names = (b.getShort(12) & 0xFFFF) + (b.getShort(14) & 0xFFFF);
            if (entries < 0
                    || entries > Qcow2Header.MAX_L1_BYTES / 8
                    || offset < 0
                    || offset % clusterSize != 0
                    || offset > file.length() - entries * 8L
                    || extra > 1024) {
                throw Qcow2Header.bad(file.path(), "its snapshot table is damaged");
            }
            use(offset, entries * 8L);
            countTables(Qcow2Refcounts.readTable(file, offset, entries));
            at += 40 + extra + names + 7 & -8L;
        }
        if (header.snapshots() > 0) {
            use(start, at - start);
        }
    }

    private void countTables(long[] l1) throws IOException {
        for (long entry : l1) {
            long offset = entry & Qcow2Image.OFFSET;
            if (offset == 0) {
                continue;
            }
            if (!use(offset, clusterSize)) {
                continue;
            }
            if (++tables > MAX_TABLES) {
                throw Qcow2Header.bad(file.path(), "it has too many L2 tables to check");
            }
            for (long e : Qcow2Refcounts.readTable(file, offset, clusterSize / 8)) {
                if ((e & Qcow2Image.COMPRESSED) != 0) {
                    long first = image.compressedOffset(e) & -clusterSize;
                    long end = image.compressedOffset(e) + image.compressedSize(e);
                    use(first, end - first);
                } else if ((e & Qcow2Image.OFFSET) != 0) {
                    use(e & Qcow2Image.OFFSET, clusterSize);
                }
            }
        }
    }

    /** One more reference to each cluster of the range; false if it is misplaced. */
    private boolean use(long offset, long bytes) {
        if (offset % clusterSize != 0 || offset < 0 || offset / clusterSize >= counts.length) {
            errors++;
            return false;
        }
        long end = Math.min(counts.length, (offset + bytes + clusterSize - 1) / clusterSize);
        for (long c = offset / clusterSize; c < end; c++) {
            if (counts[(int) c] < Character.MAX_VALUE) {
                counts[(int) c]++;
            }
        }
        return true;
    }
}
