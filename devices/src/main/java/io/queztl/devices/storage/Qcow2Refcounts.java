package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The refcounts of a qcow2 image, and with them its allocator. Changes go to the file at once, so
 * that one fsync before a table entry is written makes sure a cluster in use is never counted free.
 * Guarded by the image's lock.
 */
final class Qcow2Refcounts {
    private static final long MAX_OFFSET = 1L << 55;

    /** Counts this many clusters behind the end of the file are a sign of damage. */
    private static final long FAR = 1 << 22;

    private static final int CACHE_BYTES = 8 << 20;

    private final ImageFile file;
    private final int clusterBits;
    private final int clusterSize;
    private final int order;
    private final int perBlock;
    private final LinkedHashMap<Long, byte[]> blocks = new LinkedHashMap<>(16, 0.75f, true);
    private long[] table;
    private long tableOffset;
    private int tableClusters;
    private long cursor;
    private long highest;

    Qcow2Refcounts(ImageFile file, Qcow2Header header) throws IOException {
        this.file = file;
        clusterBits = header.clusterBits();
        clusterSize = 1 << clusterBits;
        order = header.refcountOrder();
        perBlock = (int) ((clusterSize * 8L) >> order);
        tableOffset = header.refcountTableOffset();
        tableClusters = header.refcountTableClusters();
        table = readTable(file, tableOffset, tableClusters * clusterSize / 8);
        long length = file.length();
        highest = length >> clusterBits;
        for (long offset : table) {
            if (offset != 0
                    && ((offset & (clusterSize - 1)) != 0 || offset < 0 || offset >= length)) {
                throw Qcow2Header.bad(file.path(), "its refcount table is damaged");
            }
        }
    }

    static long[] readTable(ImageFile file, long offset, int entries) throws IOException {
        byte[] bytes = new byte[entries * 8];
        file.read(offset, MemorySegment.ofArray(bytes));
        long[] table = new long[entries];
        ByteBuffer.wrap(bytes).asLongBuffer().get(table);
        return table;
    }

    long tableOffset() {
        return tableOffset;
    }

    int tableClusters() {
        return tableClusters;
    }

    long[] table() {
        return table;
    }

    /** Clusters that have a place in the table. */
    long capacity() {
        return (long) table.length * perBlock;
    }

    /** Whether each cluster of the range is counted. */
    boolean counts(long offset, long bytes) throws IOException {
        for (long at = offset; at < offset + bytes; at += clusterSize) {
            if (get(at >> clusterBits) == 0) {
                return false;
            }
        }
        return true;
    }

    long get(long cluster) throws IOException {
        long index = cluster / perBlock;
        if (index >= table.length || table[(int) index] == 0) {
            return 0;
        }
        return value(block(table[(int) index]), (int) (cluster % perBlock));
    }

    private byte[] block(long offset) throws IOException {
        byte[] block = blocks.get(offset);
        if (block == null) {
            block = new byte[clusterSize];
            file.read(offset, MemorySegment.ofArray(block));
            blocks.put(offset, block);
            if (blocks.size() > Math.max(4, CACHE_BYTES / clusterSize)) {
                Map.Entry<Long, byte[]> eldest = blocks.firstEntry();
                blocks.remove(eldest.getKey());
            }
        }
        return block;
    }

    private long value(byte[] block, int i) {
        if (order < 3) {
            int bits = 1 << order;
            int perByte = 8 / bits;
            return (block[i / perByte] >> (i % perByte * bits)) & ((1 << bits) - 1);
        }
        long v = 0;
        int n = 1 << (order - 3);
        for (int k = 0; k < n; k++) {
            v = v << 8 | block[i * n + k] & 0xFF;
        }
        return v;
    }

    private int put(byte[] block, int i, long value) {
        if (order < 3) {
            int bits = 1 << order;
            int perByte = 8 / bits;
            int shift = i % perByte * bits;
            int mask = ((1 << bits) - 1) << shift;
            block[i / perByte] = (byte) (block[i / perByte] & ~mask | (int) value << shift & mask);
            return i / perByte;
        }
        int n = 1 << (order - 3);
        for (int k = 0; k < n; k++) {
            block[i * n + k] = (byte) (value >>> 8 * (n - 1 - k));
        }
        return i * n;
    }

    /** Sets a refcount, in the file too; makes the block that holds it if there is none. */
    void set(long cluster, long value) throws IOException {
        while (!hasBlock(cluster)) {
            makeBlock(cluster, Math.max(cursor, cluster));
        }
        long offset = table[(int) (cluster / perBlock)];
        byte[] block = block(offset);
        int at = put(block, (int) (cluster % perBlock), value);
        int n = order < 3 ? 1 : 1 << (order - 3);
        file.write(offset + at, MemorySegment.ofArray(block).asSlice(at, n));
    }

    private boolean hasBlock(long cluster) {
        long index = cluster / perBlock;
        return index < table.length && table[(int) index] != 0;
    }

    /**
     * One reference less; what has none can be allocated again.
     *
     * @return whether that is so now
     */
    boolean release(long cluster) throws IOException {
        long now = get(cluster);
        if (now == 1) {
            set(cluster, 0);
            cursor = Math.min(cursor, cluster);
            return true;
        }
        if (now > 0) {
            set(cluster, now - 1);
        }
        return false;
    }

    /** A cluster that was free and now has one reference: its offset in the file. */
    long allocate() throws IOException {
        for (long c = cursor; ; c++) {
            if (c >= MAX_OFFSET >> clusterBits || c > highest + FAR) {
                throw Qcow2Header.bad(file.path(), "it is full");
            }
            if (!hasBlock(c)) {
                makeBlock(c, c);
            }
            if (get(c) == 0 && !ours(c)) {
                set(c, 1);
                cursor = c + 1;
                highest = Math.max(highest, c);
                return c << clusterBits;
            }
        }
    }

    /** That many clusters in a row. */
    long allocate(int count) throws IOException {
        long first = allocate();
        long next = first + clusterSize;
        while (next < first + (long) count * clusterSize) {
            long got = allocate();
            if (got != next) {
                for (long c = first; c < next; c += clusterSize) {
                    set(c >> clusterBits, 0);
                }
                first = got;
            }
            next = got + clusterSize;
        }
        return first;
    }

    /** Whether the cluster is the header, the refcount table or a block, whatever is counted. */
    private boolean ours(long cluster) {
        long offset = cluster << clusterBits;
        if (cluster == 0
                || offset >= tableOffset
                        && offset < tableOffset + (long) tableClusters * clusterSize) {
            return true;
        }
        return blocks.containsKey(offset);
    }

    /**
     * Makes the block that counts the cluster. Nothing it counts is in use, so it lives at {@code
     * at} or the cluster itself, and counts itself.
     */
    private void makeBlock(long cluster, long at) throws IOException {
        long index = cluster / perBlock;
        if (index >= table.length) {
            grow(cluster);
            return;
        }
        long place = at / perBlock == index ? at : cluster;
        byte[] block = new byte[clusterSize];
        put(block, (int) (place % perBlock), 1);
        long offset = place << clusterBits;
        file.write(offset, MemorySegment.ofArray(block));
        file.force();
        byte[] entry = ByteBuffer.allocate(8).putLong(0, offset).array();
        file.write(tableOffset + index * 8, MemorySegment.ofArray(entry));
        table[(int) index] = offset;
        blocks.put(offset, block);
    }

    /** A bigger table from the cluster on, behind everything that is counted, with its blocks. */
    private void grow(long cluster) throws IOException {
        long firstIndex = cluster / perBlock;
        long clusters = Math.max(tableClusters * 2L, firstIndex * 8 / clusterSize + 2);
        int count = 1;
        while ((cluster + clusters + count - 1) / perBlock - firstIndex + 1 > count) {
            count++;
        }
        while ((firstIndex + count) * 8 > clusters * clusterSize) {
            clusters++;
            count++;
        }
        if (clusters * clusterSize > Qcow2Header.MAX_REFCOUNT_TABLE_BYTES) {
            throw Qcow2Header.bad(file.path(), "it is full");
        }
        long[] bigger = java.util.Arrays.copyOf(table, (int) (clusters * clusterSize / 8));
        long used = cluster + clusters + count;
        for (int k = 0; k < count; k++) {
            long place = cluster + clusters + k;
            bigger[(int) (firstIndex + k)] = place << clusterBits;
            byte[] block = new byte[clusterSize];
            long start = (firstIndex + k) * perBlock;
            for (long c = Math.max(start, cluster); c < Math.min(start + perBlock, used); c++) {
                put(block, (int) (c - start), 1);
            }
            file.write(place << clusterBits, MemorySegment.ofArray(block));
        }
        ByteBuffer bytes = ByteBuffer.allocate(bigger.length * 8);
        bytes.asLongBuffer().put(bigger);
        long newOffset = cluster << clusterBits;
        file.write(newOffset, MemorySegment.ofArray(bytes.array()));
        file.force();
        byte[] field = ByteBuffer.allocate(12).putLong(newOffset).putInt((int) clusters).array();
        file.write(Qcow2Header.REFCOUNT_TABLE_AT, MemorySegment.ofArray(field));
        file.force();
        long oldCluster = tableOffset >> clusterBits;
        int oldClusters = tableClusters;
        table = bigger;
        tableOffset = newOffset;
        tableClusters = (int) clusters;
        for (int k = 0; k < oldClusters; k++) {
            boolean ignored = release(oldCluster + k);
        }
    }
}
