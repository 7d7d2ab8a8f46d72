package io.queztl.vmm.ext4;

import io.queztl.vmm.disk.DiskFormatException;
import io.queztl.vmm.disk.DiskSlice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** The blocks of a file system; what its journal has of some counts in their place. */
final class Ext4Blocks {
    private static final int CACHE_BYTES = 1 << 20;

    private final DiskSlice disk;
    private final int blockSize;
    private final long blocks;
    private Map<Long, Ext4Journal.Copy> journal = Map.of();
    private final LinkedHashMap<Long, ByteBuffer> cache;

    Ext4Blocks(DiskSlice disk, Ext4Superblock superblock) {
        this.disk = disk;
        blockSize = superblock.blockSize();
        blocks = superblock.blocks();
        int room = CACHE_BYTES / blockSize;
        cache =
                new LinkedHashMap<>(16, 0.75f, true) {
                    private static final long serialVersionUID = 1L;

                    @Override
                    protected boolean removeEldestEntry(Map.Entry<Long, ByteBuffer> eldest) {
                        return size() > room;
                    }
                };
    }

    /** Takes the blocks that a journal has. */
    void replay(Map<Long, Ext4Journal.Copy> copies) {
        cache.clear();
        journal = copies;
    }

    /** Refuses a run of blocks that is not in the file system. */
    void check(long start, long count) throws DiskFormatException {
        if (start <= 0 || count < 0 || start > blocks - count) {
            throw new DiskFormatException(
                    "its file system is damaged: it refers to block %s, and has %d",
                    Long.toUnsignedString(start), blocks);
        }
    }

    /** A block of tables, which is kept for a while and must not be changed. */
    ByteBuffer table(long number) throws IOException {
        ByteBuffer kept = cache.get(number);
        if (kept == null) {
            kept = read(number);
            cache.put(number, kept);
        }
        return kept;
    }

    /** A block. */
    ByteBuffer read(long number) throws IOException {
        check(number, 1);
        return any(number);
    }

    private ByteBuffer any(long number) throws IOException {
        Ext4Journal.Copy copy = journal.get(number);
        if (copy == null) {
            return disk.read(number * blockSize, blockSize);
        }
        ByteBuffer block = disk.read(copy.block() * blockSize, blockSize);
        if (copy.escaped()) {
            block.order(java.nio.ByteOrder.BIG_ENDIAN).putInt(0, Ext4Layout.JOURNAL_MAGIC);
            block.order(java.nio.ByteOrder.LITTLE_ENDIAN);
        }
        return block;
    }

    /** Bytes of a table that lie within one block, the first of the file system included. */
    ByteBuffer bytes(long at, int length) throws IOException {
        long number = at / blockSize;
        if (at < 0 || number >= blocks || at % blockSize + length > blockSize) {
            throw new DiskFormatException(
                    "its file system is damaged: it refers to byte %s", Long.toUnsignedString(at));
        }
        ByteBuffer block = cache.get(number);
        if (block == null) {
            block = any(number);
            cache.put(number, block);
        }
        return block.slice((int) (at % blockSize), length).order(block.order());
    }

    /** Several blocks in a row. */
    ByteBuffer run(long start, int count) throws IOException {
        check(start, count);
        if (journal.isEmpty()) {
            return disk.read(start * blockSize, count * blockSize);
        }
        ByteBuffer all =
                ByteBuffer.allocate(count * blockSize).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            all.put(any(start + i));
        }
        return all.flip();
    }
}
