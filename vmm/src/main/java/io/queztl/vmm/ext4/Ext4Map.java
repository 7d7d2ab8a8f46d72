package io.queztl.vmm.ext4;

import io.queztl.vmm.disk.DiskFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where the blocks of a file are: an extent tree, or the older lists of blocks. Visited in the
 * order of the file; what is not visited is a hole.
 */
final class Ext4Map {
    /** Takes a run of blocks: the first one's place in the file, and on the disk. */
    @FunctionalInterface
    interface Visitor {
        void run(long logical, long physical, int count) throws IOException;
    }

    private static final int DIRECT = 12;
    private static final int LEVELS = 3;
    private static final int HEADER_BYTES = 12;

    /** Blocks of such tables that a file may have: enough for the most scattered that is read. */
    private static final int MAX_TABLES = 1 << 13;

    private final Ext4Blocks blocks;
    private final int blockSize;
    private final Ext4Inode inode;
    private final long wanted;
    private final Visitor visitor;
    private int tables;
    private long done;

    /**
     * @param wanted blocks from the first on; what is behind them is not visited
     */
    private Ext4Map(
            Ext4Blocks blocks, int blockSize, Ext4Inode inode, long wanted, Visitor visitor) {
        this.blocks = blocks;
        this.blockSize = blockSize;
        this.inode = inode;
        this.wanted = wanted;
        this.visitor = visitor;
    }

    static void visit(
            Ext4Blocks blocks, int blockSize, Ext4Inode inode, long wanted, Visitor visitor)
            throws IOException {
        Ext4Map map = new Ext4Map(blocks, blockSize, inode, wanted, visitor);
        if (inode.has(Ext4Layout.FLAG_EXTENTS)) {
            map.extents(inode.block(), -1, wanted);
        } else {
            map.lists();
        }
    }

    private DiskFormatException damaged() {
        return new DiskFormatException(
                "its file system is damaged: where inode %d has its blocks makes no sense",
                inode.number());
    }

    private ByteBuffer table(long number) throws IOException {
        if (++tables > MAX_TABLES) {
            throw damaged();
        }
        return blocks.table(number);
    }

    // --- Extents.

    /**
     * One node.
     *
     * @param depth of a node below the root, which says its own: -1
     * @param end the first block of the file that is not the node's
     */
    private void extents(ByteBuffer node, int depth, long end) throws IOException {
        int entries = node.getShort(2) & 0xffff;
        int own = node.getShort(6) & 0xffff;
        boolean sound =
                (node.getShort(0) & 0xffff) == Ext4Layout.EXTENT_MAGIC
                        && entries <= (node.getShort(4) & 0xffff);
        if (!sound
                || entries > (node.limit() - HEADER_BYTES) / Ext4Layout.EXTENT_BYTES
                || own > Ext4Layout.MAX_EXTENT_DEPTH
                || depth >= 0 && own != depth) {
            throw damaged();
        }
        for (int i = 0; i < entries; i++) {
            int at = HEADER_BYTES + i * Ext4Layout.EXTENT_BYTES;
            long logical = Integer.toUnsignedLong(node.getInt(at));
            // In ascending order, each within what its parent is for: no block is visited twice.
            if (logical < done) {
                throw damaged();
            }
            if (logical >= end) {
                return;
            }
            if (own == 0) {
                extent(node, at, logical, end);
            } else {
                long next =
                        i + 1 == entries
                                ? end
                                : Integer.toUnsignedLong(node.getInt(at + Ext4Layout.EXTENT_BYTES));
                if (next <= logical) {
                    throw damaged();
                }
                long child =
                        Integer.toUnsignedLong(node.getInt(at + 4))
                                | (node.getShort(at + 8) & 0xffffL) << 32;
                done = logical;
                extents(table(child), own - 1, Math.min(next, end));
            }
        }
    }

    private void extent(ByteBuffer node, int at, long logical, long end) throws IOException {
        int length = node.getShort(at + 4) & 0xffff;
        // Longer ones are promised, and not written yet: they read as zero.
        boolean written = length <= Ext4Layout.MAX_EXTENT_BLOCKS;
        int count = written ? length : length - Ext4Layout.MAX_EXTENT_BLOCKS;
        long physical =
                (node.getShort(at + 6) & 0xffffL) << 32
                        | Integer.toUnsignedLong(node.getInt(at + 8));
        if (count == 0) {
            throw damaged();
        }
        blocks.check(physical, count);
        done = logical + count;
        if (written) {
            visitor.run(logical, physical, (int) Math.min(count, end - logical));
        }
    }

    // --- Lists of blocks.

    private void lists() throws IOException {
        for (int i = 0; i < DIRECT && i < wanted; i++) {
            block(Integer.toUnsignedLong(inode.block().getInt(i * 4)));
        }
        done = DIRECT;
        for (int level = 1; level <= LEVELS && done < wanted; level++) {
            list(Integer.toUnsignedLong(inode.block().getInt((DIRECT + level - 1) * 4)), level);
        }
        if (done < wanted) {
            throw damaged();
        }
    }

    private void block(long physical) throws IOException {
        if (physical != 0) {
            visitor.run(done, physical, 1);
        }
        done++;
    }

    private void list(long number, int level) throws IOException {
        int perBlock = blockSize / 4;
        if (number == 0) {
            long hole = 1;
            for (int i = 0; i < level; i++) {
                hole *= perBlock;
            }
            done += hole;
            return;
        }
        ByteBuffer list = table(number);
        for (int i = 0; i < perBlock && done < wanted; i++) {
            long entry = Integer.toUnsignedLong(list.getInt(i * 4));
            if (level == 1) {
                block(entry);
            } else {
                list(entry, level - 1);
            }
        }
    }
}
