package io.queztl.vmm.ext4;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Where the groups of a file system have their tables, and which blocks are taken. Blocks are
 * handed out from the first on, around the tables, so that files lie in one piece.
 */
final class Ext4Geometry {
    static final int BLOCK = 4096;
    static final int BLOCKS_PER_GROUP = 8 * BLOCK;

    private static final int INODES_PER_BLOCK = BLOCK / Ext4Layout.INODE_BYTES;
    private static final int BYTES_PER_INODE = 16384;
    private static final int MAX_INODES_PER_GROUP = 8 * BLOCK;

    /** Blocks in a row. */
    record Run(long start, int length) {}

    final long blocks;
    final int groups;
    final int inodesPerGroup;
    private final int descriptorBlocks;
    private final BitSet[] taken;
    private long next;
    private long used;

    Ext4Geometry(long bytes, long inodes) throws IOException {
        long all = bytes / BLOCK;
        long wanted = (all + BLOCKS_PER_GROUP - 1) / BLOCKS_PER_GROUP;
        long each = Math.max(inodes, bytes / BYTES_PER_INODE) / Math.max(wanted, 1) + 1;
        each = (each + INODES_PER_BLOCK - 1) / INODES_PER_BLOCK * INODES_PER_BLOCK;
        if (all > Integer.MAX_VALUE || each > MAX_INODES_PER_GROUP) {
            throw tooSmall(bytes);
        }
        inodesPerGroup = (int) each;
        descriptorBlocks = (int) (wanted * Ext4Layout.DESCRIPTOR_BYTES + BLOCK - 1) / BLOCK;
        // A last group that has hardly more than its tables is left out.
        long rest = all % BLOCKS_PER_GROUP;
        if (rest > 0 && rest < tableBlocks() + descriptorBlocks + 64) {
            all -= rest;
            wanted--;
        }
        if (wanted == 0) {
            throw tooSmall(bytes);
        }
        blocks = all;
        groups = (int) wanted;
        taken = new BitSet[groups];
        for (int g = 0; g < groups; g++) {
            taken[g] = new BitSet();
            taken[g].set(0, (int) (inodeTable(g) + tableBlocks() - 2 - first(g)));
            used += taken[g].cardinality();
        }
    }

    private static IOException tooSmall(long bytes) {
        return new IOException("its files do not fit on a disk of %d MiB".formatted(bytes >> 20));
    }

    /** Two bitmaps and the inodes. */
    private int tableBlocks() {
        return 2 + inodesPerGroup / INODES_PER_BLOCK;
    }

    long first(int group) {
        return (long) group * BLOCKS_PER_GROUP;
    }

    int blocksIn(int group) {
        return (int) Math.min(BLOCKS_PER_GROUP, blocks - first(group));
    }

    /** Whether a group has a copy of the superblock: 0, 1 and the powers of 3, 5 and 7. */
    boolean hasSuperblock(int group) {
        return group < 2 || isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
    }

    private static boolean isPower(int number, int base) {
        int n = number;
        while (n % base == 0) {
            n /= base;
        }
        return n == 1;
    }

    long blockBitmap(int group) {
        return first(group) + (hasSuperblock(group) ? 1 + descriptorBlocks : 0);
    }

    long inodeBitmap(int group) {
        return blockBitmap(group) + 1;
    }

    long inodeTable(int group) {
        return blockBitmap(group) + 2;
    }

    /** Where on the disk an inode is, in bytes. */
    long inodeAt(int number) {
        int group = (number - 1) / inodesPerGroup;
        long index = (number - 1) % inodesPerGroup;
        return inodeTable(group) * BLOCK + index * Ext4Layout.INODE_BYTES;
    }

    /** The bits of a group's blocks that are taken. */
    BitSet taken(int group) {
        return taken[group];
    }

    /** Whether a group has nothing but its tables; the last has a bitmap nevertheless. */
    boolean untouched(int group) {
        return group > 0 && group < groups - 1 && next <= first(group);
    }

    long freeBlocks() {
        return blocks - used;
    }

    int freeBlocks(int group) {
        return blocksIn(group) - taken[group].cardinality();
    }

    /** Takes blocks: few runs, in ascending order. */
    List<Run> allocate(long count) throws IOException {
        List<Run> runs = new ArrayList<>();
        long left = count;
        while (left > 0) {
            if (next >= blocks) {
                throw tooSmall(blocks * BLOCK);
            }
            int group = (int) (next / BLOCKS_PER_GROUP);
            int bit = taken[group].nextClearBit((int) (next - first(group)));
            int n = (int) Math.min(left, blocksIn(group) - bit);
            if (n <= 0) {
                next = first(group + 1);
                continue;
            }
            taken[group].set(bit, bit + n);
            runs.add(new Run(first(group) + bit, n));
            next = first(group) + bit + n;
            used += n;
            left -= n;
        }
        return runs;
    }
}
