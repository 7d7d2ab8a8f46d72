package io.queztl.vmm.ext4;

import io.queztl.vmm.disk.DiskFormatException;
import io.queztl.vmm.disk.DiskSlice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * What a file system says of itself, checked: numbers that the others can rely on.
 *
 * @param blockSize bytes, a power of two from 1024 to 65536
 * @param blocks how many there are
 * @param inodes how many there are
 * @param firstDataBlock where the first group starts
 * @param blocksPerGroup blocks of a group
 * @param inodesPerGroup inodes of a group
 * @param inodeSize bytes
 * @param descriptorSize bytes of a group's description
 * @param firstMetaGroup the first block of descriptions that is in the groups it describes
 * @param incompatible features that a reader must know
 * @param sparse whether not every group has a copy of the superblock
 * @param journalInode the journal's inode, 0 if it has none of its own
 * @param uuid identity
 * @param label name, one character a byte
 */
record Ext4Superblock(
        int blockSize,
        long blocks,
        long inodes,
        long firstDataBlock,
        long blocksPerGroup,
        long inodesPerGroup,
        int inodeSize,
        int descriptorSize,
        long firstMetaGroup,
        int incompatible,
        boolean sparse,
        long journalInode,
        UUID uuid,
        String label) {
    private static final int MAX_LOG_BLOCK_SIZE = 6;
    private static final int REVISION_DYNAMIC = 1;
    private static final int MAX_DESCRIPTOR = 1024;
    private static final int LABEL_BYTES = 16;

    /** What is understood, or concerns what is not read. */
    private static final int KNOWN =
            Ext4Layout.INCOMPAT_FILE_TYPE
                    | Ext4Layout.INCOMPAT_RECOVER
                    | Ext4Layout.INCOMPAT_META_GROUPS
                    | Ext4Layout.INCOMPAT_EXTENTS
                    | Ext4Layout.INCOMPAT_64BIT
                    | Ext4Layout.INCOMPAT_MULTI_MOUNT
                    | Ext4Layout.INCOMPAT_FLEXIBLE_GROUPS
                    | Ext4Layout.INCOMPAT_ATTRIBUTE_INODES
                    | Ext4Layout.INCOMPAT_CHECKSUM_SEED
                    | Ext4Layout.INCOMPAT_LARGE_DIRECTORIES
                    | Ext4Layout.INCOMPAT_INLINE_DATA
                    | Ext4Layout.INCOMPAT_ENCRYPT
                    | Ext4Layout.INCOMPAT_CASE_FOLD;

    /** Whether the stretch holds a file system of this family. */
    static boolean matches(DiskSlice disk) throws IOException {
        return disk.size() >= Ext4Layout.SUPERBLOCK_AT + Ext4Layout.SUPERBLOCK_BYTES
                && (raw(disk).getShort(Ext4Layout.S_MAGIC) & 0xffff) == Ext4Layout.MAGIC;
    }

    private static ByteBuffer raw(DiskSlice disk) throws IOException {
        return disk.read(Ext4Layout.SUPERBLOCK_AT, Ext4Layout.SUPERBLOCK_BYTES);
    }

    static Ext4Superblock read(DiskSlice disk) throws IOException {
        if (!matches(disk)) {
            throw new DiskFormatException("it is no ext4 file system");
        }
        ByteBuffer b = raw(disk);
        boolean dynamic = b.getInt(Ext4Layout.S_REVISION) >= REVISION_DYNAMIC;
        int incompatible = dynamic ? b.getInt(Ext4Layout.S_INCOMPATIBLE) : 0;
        if ((incompatible & ~KNOWN) != 0) {
            throw new DiskFormatException(
                    "its file system has features that are not read: 0x%x", incompatible & ~KNOWN);
        }
        boolean wide = (incompatible & Ext4Layout.INCOMPAT_64BIT) != 0;
        int log = b.getInt(Ext4Layout.S_LOG_BLOCK_SIZE);
        if (log < 0 || log > MAX_LOG_BLOCK_SIZE) {
            throw damaged("block size");
        }
        int blockSize = 1024 << log;
        long high = wide ? unsigned(b, Ext4Layout.S_BLOCKS_HIGH) : 0;
        int descriptor =
                wide ? b.getShort(Ext4Layout.S_DESCRIPTOR_SIZE) : Ext4Layout.DESCRIPTOR_BYTES;
        Ext4Superblock s =
                new Ext4Superblock(
                        blockSize,
                        high << 32 | unsigned(b, Ext4Layout.S_BLOCKS),
                        unsigned(b, Ext4Layout.S_INODES),
                        unsigned(b, Ext4Layout.S_FIRST_DATA_BLOCK),
                        unsigned(b, Ext4Layout.S_BLOCKS_PER_GROUP),
                        unsigned(b, Ext4Layout.S_INODES_PER_GROUP),
                        dynamic ? b.getShort(Ext4Layout.S_INODE_SIZE) : Ext4Layout.INODE_OLD_BYTES,
                        descriptor,
                        (incompatible & Ext4Layout.INCOMPAT_META_GROUPS) != 0
                                ? unsigned(b, Ext4Layout.S_FIRST_META_GROUP)
                                : Long.MAX_VALUE,
                        incompatible,
                        (b.getInt(Ext4Layout.S_READ_ONLY_COMPATIBLE) & Ext4Layout.RO_SPARSE_SUPER)
                                != 0,
                        unsigned(b, Ext4Layout.S_JOURNAL_INODE),
                        uuid(b),
                        label(b));
        s.check(disk.size());
        return s;
    }

    private static long unsigned(ByteBuffer b, int at) {
        return Integer.toUnsignedLong(b.getInt(at));
    }

    private static UUID uuid(ByteBuffer b) {
        return new UUID(
                Long.reverseBytes(b.getLong(Ext4Layout.S_UUID)),
                Long.reverseBytes(b.getLong(Ext4Layout.S_UUID + 8)));
    }

    private static String label(ByteBuffer b) {
        String text =
                new String(b.array(), Ext4Layout.S_LABEL, LABEL_BYTES, StandardCharsets.ISO_8859_1);
        int end = text.indexOf('\0');
        return end < 0 ? text : text.substring(0, end);
    }

    private void check(long bytes) throws DiskFormatException {
        if (blocks <= 0 || blocks > bytes / blockSize) {
            throw new DiskFormatException(
                    "its file system says it has %s blocks of %d bytes, which is not what the disk"
                            + " has room for",
                    Long.toUnsignedString(blocks), blockSize);
        }
        if (firstDataBlock != (blockSize == 1024 ? 1 : 0) && firstDataBlock != 0) {
            throw damaged("first block");
        }
        if (blocksPerGroup < 8 || inodesPerGroup == 0) {
            throw damaged("size of groups");
        }
        if (inodeSize < Ext4Layout.INODE_OLD_BYTES
                || inodeSize > blockSize
                || Integer.bitCount(inodeSize) != 1) {
            throw damaged("size of inodes");
        }
        if (descriptorSize < Ext4Layout.DESCRIPTOR_BYTES
                || descriptorSize > Math.min(MAX_DESCRIPTOR, blockSize)
                || Integer.bitCount(descriptorSize) != 1) {
            throw damaged("size of group descriptors");
        }
    }

    private static DiskFormatException damaged(String what) {
        return new DiskFormatException("its file system is damaged: the %s makes no sense", what);
    }

    boolean has(int feature) {
        return (incompatible & feature) != 0;
    }

    /** The number of groups. */
    long groups() {
        return (blocks - firstDataBlock + blocksPerGroup - 1) / blocksPerGroup;
    }

    /** Where a group's description is, in bytes. */
    long descriptorAt(long group) {
        long perBlock = blockSize / descriptorSize;
        long index = group / perBlock;
        long within = group % perBlock * descriptorSize;
        if (index < firstMetaGroup) {
            return (Ext4Layout.SUPERBLOCK_AT / blockSize + 1 + index) * blockSize + within;
        }
        long first = index * perBlock;
        long copy = hasSuperblock(first) ? 1 : 0;
        // With blocks of 1 KiB that are counted from 0, the first is before the superblock.
        copy += first == 0 && blockSize == 1024 && firstDataBlock == 0 ? 1 : 0;
        return (firstDataBlock + first * blocksPerGroup + copy) * blockSize + within;
    }

    private boolean hasSuperblock(long group) {
        return !sparse || group < 2 || isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
    }

    private static boolean isPower(long number, int base) {
        long n = number;
        while (n % base == 0) {
            n /= base;
        }
        return n == 1;
    }
}
