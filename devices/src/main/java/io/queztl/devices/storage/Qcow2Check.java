package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** Counts the references that a qcow2 image's tables make, and compares them with its refcounts. */
final class Qcow2Check {
    /** More clusters than this take too much memory to count. */
    private static final long MAX_CLUSTERS = 1 << 25;

    /** More bytes of L2 tables, and entries of snapshots' L1 tables, are a sign of damage. */
    private static final long MAX_TABLE_BYTES = 1L << 31;

    private static final long MAX_SNAPSHOT_ENTRIES = 1 << 26;
    private static final int ENTRIES_AT_ONCE = 1 << 16;

    /**
     * What was found.
     *
     * @param errors clusters counted less often than used, and entries that make no sense
     * @param leaks clusters counted more often than used
     */
    record Result(long errors, long leaks) {}

    private final ImageFile file;
    private final Qcow2Header header;
    private final Qcow2Entries entries;
    private final Qcow2Refcounts refcounts;
    private final int clusterSize;
    private final char[] counts;

    /** How often each cluster is named as an L2 table: one read counts for all snapshots. */
    private final char[] tables;

    private long errors;

    Qcow2Check(ImageFile file, Qcow2Header header, Qcow2Entries entries, Qcow2Refcounts refcounts)
            throws IOException {
        this.file = file;
        this.header = header;
        this.entries = entries;
        this.refcounts = refcounts;
        clusterSize = 1 << header.clusterBits();
        long clusters = (file.length() + clusterSize - 1) / clusterSize;
        if (clusters > MAX_CLUSTERS) {
            throw Qcow2Header.bad(file.path(), "it has too many clusters to check");
        }
        counts = new char[(int) clusters];
        tables = new char[(int) clusters];
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
        for (long entry : l1) {
            useTable(entry);
        }
        snapshots();
        countTables();
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
        long all = 0;
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
            all += entries;
            if (all > MAX_SNAPSHOT_ENTRIES) {
                throw Qcow2Header.bad(file.path(), "its snapshots are too big to check");
            }
            use(offset, entries * 8L);
            for (int done = 0; done < entries; done += ENTRIES_AT_ONCE) {
                int part = Math.min(ENTRIES_AT_ONCE, entries - done);
                for (long entry : Qcow2Refcounts.readTable(file, offset + done * 8L, part)) {
                    useTable(entry);
                }
            }
            at += 40 + extra + names + 7 & -8L;
        }
        if (header.snapshots() > 0) {
            use(start, at - start);
        }
    }

    /** One more reference to the L2 table of an L1 entry. */
    private void useTable(long entry) {
        long offset = entry & Qcow2Entries.OFFSET;
        if (offset != 0 && use(offset, clusterSize, 1)) {
            int table = (int) (offset / clusterSize);
            tables[table] = more(tables[table], 1);
        }
    }

    /** The references that L2 tables make, each as often as the table itself is named. */
    private void countTables() throws IOException {
        long bytes = 0;
        for (int table = 0; table < tables.length; table++) {
            int times = tables[table];
            if (times == 0) {
                continue;
            }
            bytes += clusterSize;
            if (bytes > MAX_TABLE_BYTES) {
                throw Qcow2Header.bad(file.path(), "it has too many L2 tables to check");
            }
            long offset = (long) table * clusterSize;
            for (long e : Qcow2Refcounts.readTable(file, offset, clusterSize / 8)) {
                if ((e & Qcow2Entries.COMPRESSED) != 0) {
                    long first = entries.compressedOffset(e) & -clusterSize;
                    long end = entries.compressedOffset(e) + entries.compressedSize(e);
                    use(first, end - first, times);
                } else if ((e & Qcow2Entries.OFFSET) != 0) {
                    use(e & Qcow2Entries.OFFSET, clusterSize, times);
                }
            }
        }
    }

    private static char more(char count, int times) {
        return (char) Math.min(count + times, Character.MAX_VALUE);
    }

    private void use(long offset, long bytes) {
        boolean ignored = use(offset, bytes, 1);
    }

    /** More references to each cluster of the range; false if it is misplaced. */
    private boolean use(long offset, long bytes, int times) {
        if (offset % clusterSize != 0 || offset < 0 || offset / clusterSize >= counts.length) {
            errors += times;
            return false;
        }
        long end = Math.min(counts.length, (offset + bytes + clusterSize - 1) / clusterSize);
        for (long c = offset / clusterSize; c < end; c++) {
            counts[(int) c] = more(counts[(int) c], times);
        }
        return true;
    }
}
