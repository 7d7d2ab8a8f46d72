package io.queztl.devices.storage;

import static io.queztl.devices.storage.Qcow2Entries.COMPRESSED;
import static io.queztl.devices.storage.Qcow2Entries.COPIED;
import static io.queztl.devices.storage.Qcow2Entries.OFFSET;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An image's L1 table and those of its L2 tables that are in use, and the order in which they reach
 * the disk ({@link #commit}): L2 and L1 tables wait for a flush, which does fsync, writes L2,
 * fsync, writes L1, fsync, and only then takes away references to what the old tables named. So a
 * crash at any point leaves tables that name only counted clusters with their data, and at worst
 * clusters that are counted but not named.
 *
 * <p>Guarded by the lock of the {@link Qcow2Image}.
 */
final class Qcow2Tables {
    /** No entry: both compressed and reserved bits. */
    static final long UNKNOWN = -1;

    private static final int CACHE_BYTES = 16 << 20;
    private static final int MAX_RELEASES = 65536;

    /** What refcounts of the largest files take; more are a sign of damage. */
    private static final long MAX_REFCOUNT_BYTES = 512 << 20;

    private static final class Table {
        final long offset;
        final long[] entries;
        boolean dirty;

        Table(long offset, long[] entries) {
            this.offset = offset;
            this.entries = entries;
        }
    }

    private final ImageFile file;
    private final Qcow2Header header;
    private final Qcow2Entries entries;
    private final Qcow2Compressed compressed;
    private final Qcow2Refcounts refcounts;
    private final Qcow2Tickets tickets = new Qcow2Tickets();
    private final LinkedHashMap<Long, Table> tables = new LinkedHashMap<>(16, 0.75f, true);
    private final int clusterBits;
    private final int clusterSize;
    private final int perTable;
    private List<Long> releases = new ArrayList<>();
    private long[] l1;
    private long l1Offset;
    private boolean l1Dirty;
    private int dirtyTables;
    private boolean failed;

    Qcow2Tables(
            ImageFile file, Qcow2Header header, Qcow2Entries entries, Qcow2Compressed compressed)
            throws IOException {
        this.file = file;
        this.header = header;
        this.entries = entries;
        this.compressed = compressed;
        clusterBits = header.clusterBits();
        clusterSize = 1 << clusterBits;
        perTable = clusterSize / 8;
        l1Offset = header.l1Offset();
        l1 = Qcow2Refcounts.readTable(file, l1Offset, header.l1Size());
        refcounts = new Qcow2Refcounts(file, header);
    }

    /**
     * Whether the header and the tables that never move are counted, as they must be for writing.
     */
    boolean countsItself() throws IOException {
        long bytes = 0;
        for (long block : refcounts.table()) {
            bytes += block != 0 ? clusterSize : 0;
            if (block != 0 && (bytes > MAX_REFCOUNT_BYTES || !refcounts.counts(block, 1))) {
                return false;
            }
        }
        return refcounts.counts(0, 1)
                && refcounts.counts(l1Offset, l1.length * 8L)
                && refcounts.counts(
                        refcounts.tableOffset(), (long) refcounts.tableClusters() << clusterBits);
    }

    /** Compares what the tables name with what is counted. */
    Qcow2Check.Result check() throws IOException {
        return new Qcow2Check(file, header, entries, refcounts).run(l1, l1Offset);
    }

    // --- entries

    /** Bytes of the disk that one L2 table is for. */
    long span() {
        return (long) clusterSize * perTable;
    }

    /** Whether there is an L2 table for a byte of the disk. */
    boolean hasTable(long at) {
        return (l1[l1Index(at)] & OFFSET) != 0;
    }

    /** The L2 entry of a byte of the disk, 0 if there is no table. */
    long entry(long at) throws IOException {
        Table table = table(at);
        return table == null ? 0 : table.entries[index(at)];
    }

    /** As {@link #entry}, or {@link #UNKNOWN} if the table is not in memory. */
    long entryNow(long at) {
        long offset = l1[l1Index(at)] & OFFSET;
        Table table = tables.get(offset);
        return offset == 0 ? 0 : table == null ? UNKNOWN : table.entries[index(at)];
    }

    /** As {@link #entry}, or 0 if the table is one that is copied before it changes. */
    long ownEntry(long at) throws IOException {
        return (l1[l1Index(at)] & COPIED) == 0 ? 0 : entry(at);
    }

    /** The L2 entry of a byte, from a table that may be changed. */
    long writableEntry(long at) throws IOException {
        return writableTable(at).entries[index(at)];
    }

    /** Changes an L2 entry; {@code release} if what the old one named is no longer named by it. */
    void set(long at, long entry, boolean release) throws IOException {
        Table table = writableTable(at);
        long old = table.entries[index(at)];
        table.entries[index(at)] = entry;
        markDirty(table);
        if (release) {
            release(old);
        }
        if (releases.size() > MAX_RELEASES) {
            commit();
        }
    }

    private int index(long at) {
        return (int) (at >>> clusterBits & perTable - 1);
    }

    private int l1Index(long at) {
        return (int) (at / span());
    }

    private @Nullable Table table(long at) throws IOException {
        long offset = l1[l1Index(at)] & OFFSET;
        if (offset == 0) {
            return null;
        }
        Table table = tables.get(offset);
        if (table == null) {
            if ((offset & clusterSize - 1) != 0 || offset >= file.length() || isFixed(offset)) {
                throw Qcow2Header.bad(file.path(), "an L1 entry is damaged");
            }
            table = new Table(offset, Qcow2Refcounts.readTable(file, offset, perTable));
            insert(table);
        }
        return table;
    }

    private void insert(Table table) throws IOException {
        int limit = Math.max(4, CACHE_BYTES / clusterSize);
        if (tables.size() >= limit) {
            Map.Entry<Long, Table> eldest = tables.firstEntry();
            if (eldest.getValue().dirty) {
                commit();
            }
            tables.remove(eldest.getKey());
        }
        tables.put(table.offset, table);
    }

    /** The L2 table of a byte that may be changed: a new one, or a copy if it is shared. */
    private Table writableTable(long at) throws IOException {
        int index = l1Index(at);
        Table old = table(at);
        if (old != null && (l1[index] & COPIED) != 0) {
            return old;
        }
        Table table = new Table(newCluster(), old == null ? new long[perTable] : copy(old));
        boolean written = false;
        try {
            // Not named yet: where the host has no room, this request fails and no flush does.
            write(table.offset, table.entries);
            written = true;
        } finally {
            if (!written) {
                abandon(table.offset);
            }
        }
        insert(table);
        markDirty(table);
        if (old != null) {
            tables.remove(old.offset);
            releases.add(old.offset >> clusterBits);
        }
        l1[index] = table.offset | COPIED;
        l1Dirty = true;
        return table;
    }

    /** A shared table's entries, each with the flag that it must have now. */
    private long[] copy(Table old) throws IOException {
        long[] copy = old.entries.clone();
        for (int i = 0; i < perTable; i++) {
            long offset = copy[i] & OFFSET;
            if ((copy[i] & COMPRESSED) == 0) {
                boolean own = offset != 0 && refcounts.get(offset >> clusterBits) == 1;
                copy[i] = own ? copy[i] | COPIED : copy[i] & ~COPIED;
            }
        }
        return copy;
    }

    private void markDirty(Table table) {
        if (!table.dirty) {
            table.dirty = true;
            dirtyTables++;
        }
    }

    // --- clusters

    /** A cluster of the file for data; nothing names it yet. */
    long newCluster() throws IOException {
        for (; ; ) {
            long offset = refcounts.allocate();
            long l1End = l1Offset + l1.length * 8L;
            boolean ours =
                    offset + clusterSize > l1Offset && offset < l1End || tables.containsKey(offset);
            if (!ours) {
                return offset;
            }
        }
    }

    /** Frees a cluster that nothing names, because it could not be written. */
    void abandon(long offset) {
        try {
            boolean ignored = refcounts.release(offset >> clusterBits);
        } catch (IOException e) {
            // It stays counted and unused, which is no damage.
        }
    }

    /** Whether the cluster is the header or part of the refcount or L1 table. */
    private boolean isFixed(long offset) {
        long tableEnd = refcounts.tableOffset() + (long) refcounts.tableClusters() * clusterSize;
        return offset < clusterSize
                || offset >= refcounts.tableOffset() && offset < tableEnd
                || offset + clusterSize > l1Offset && offset < l1Offset + l1.length * 8L;
    }

    /** Keeps a damaged image from overwriting the tables in use by data. */
    void checkNotTable(long offset) throws IOException {
        if (isFixed(offset) || tables.containsKey(offset)) {
            throw Qcow2Header.bad(file.path(), "an L2 entry names a table as data");
        }
    }

    private void release(long entry) {
        if ((entry & COMPRESSED) != 0) {
            long first = entries.compressedOffset(entry);
            long last = first + entries.compressedSize(entry) - 1;
            for (long c = first >> clusterBits; c <= last >> clusterBits; c++) {
                releases.add(c);
            }
        } else if ((entry & OFFSET) != 0) {
            releases.add((entry & OFFSET) >> clusterBits);
        }
    }

    /** A ticket for a request that goes on without the lock. */
    long takeTicket() {
        return tickets.take();
    }

    /** Ends such a request; clusters that only it still used are freed. */
    void giveBack(long ticket) throws IOException {
        tickets.giveBack(ticket);
        if (!failed) {
            freeUnused();
        }
    }

    // --- the disk

    /** Whether tables could not be written, so that nothing more may be. */
    boolean failed() {
        return failed;
    }

    /** Brings the tables to the disk in order, and frees what they no longer name. */
    void commit() throws IOException {
        if (dirtyTables == 0 && !l1Dirty) {
            return;
        }
        boolean done = false;
        try {
            file.force();
            for (Table table : tables.values()) {
                if (table.dirty) {
                    write(table.offset, table.entries);
                }
            }
            file.force();
            if (l1Dirty) {
                write(l1Offset, l1);
                file.force();
            }
            for (Table table : tables.values()) {
                table.dirty = false;
            }
            dirtyTables = 0;
            l1Dirty = false;
            tickets.freeLater(releases);
            releases = new ArrayList<>();
            freeUnused();
            done = true;
        } finally {
            failed |= !done;
        }
    }

    /** Takes references away that no table names and no request uses any more. */
    private void freeUnused() throws IOException {
        List<Long> free = tickets.unused();
        if (free.isEmpty()) {
            return;
        }
        boolean done = false;
        try {
            compressed.forget();
            long start = 0;
            long end = 0;
            for (long cluster : free) {
                if (!refcounts.release(cluster)) {
                    continue;
                }
                if (cluster != end) {
                    boolean ignored = file.punch(start << clusterBits, end - start << clusterBits);
                    start = cluster;
                }
                end = cluster + 1;
            }
            boolean ignored = file.punch(start << clusterBits, end - start << clusterBits);
            done = true;
        } finally {
            failed |= !done;
        }
    }

    private void write(long offset, long[] table) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(table.length * 8);
        bytes.asLongBuffer().put(table);
        file.write(offset, MemorySegment.ofArray(bytes.array()));
    }

    /** Makes the L1 table long enough for a disk of that many bytes, in the file too. */
    void grow(long size) throws IOException {
        long needed = size / span() + (size % span() == 0 ? 0 : 1);
        if (needed <= l1.length) {
            return;
        }
        long[] bigger = Arrays.copyOf(l1, (int) needed);
        int clusters = (int) ((needed * 8 + clusterSize - 1) >> clusterBits);
        long place = refcounts.allocate(clusters);
        write(place, bigger);
        file.force();
        byte[] field = ByteBuffer.allocate(12).putInt((int) needed).putLong(place).array();
        file.write(Qcow2Header.L1_AT, MemorySegment.ofArray(field));
        file.force();
        long old = l1Offset >> clusterBits;
        long oldClusters = (l1.length * 8L + clusterSize - 1) >> clusterBits;
        l1 = bigger;
        l1Offset = place;
        for (long c = 0; c < oldClusters; c++) {
            boolean ignored = refcounts.release(old + c);
        }
    }
}
