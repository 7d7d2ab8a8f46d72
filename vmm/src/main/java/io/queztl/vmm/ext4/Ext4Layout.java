package io.queztl.vmm.ext4;

/**
 * Numbers of the ext4 file system (Linux documentation, filesystems/ext4). Everything on disk is
 * little-endian but the journal.
 */
final class Ext4Layout {
    /** Where the superblock is, and its size. */
    static final int SUPERBLOCK_AT = 1024;

    static final int SUPERBLOCK_BYTES = 1024;
    static final int MAGIC = 0xef53;

    // Superblock.
    static final int S_INODES = 0x0;
    static final int S_BLOCKS = 0x4;
    static final int S_FREE_BLOCKS = 0xc;
    static final int S_FREE_INODES = 0x10;
    static final int S_FIRST_DATA_BLOCK = 0x14;
    static final int S_LOG_BLOCK_SIZE = 0x18;
    static final int S_LOG_CLUSTER_SIZE = 0x1c;
    static final int S_BLOCKS_PER_GROUP = 0x20;
    static final int S_CLUSTERS_PER_GROUP = 0x24;
    static final int S_INODES_PER_GROUP = 0x28;
    static final int S_WRITE_TIME = 0x30;
    static final int S_MAX_MOUNTS = 0x36;
    static final int S_MAGIC = 0x38;
    static final int S_STATE = 0x3a;
    static final int S_ERRORS = 0x3c;
    static final int S_LAST_CHECK = 0x40;
    static final int S_REVISION = 0x4c;
    static final int S_FIRST_INODE = 0x54;
    static final int S_INODE_SIZE = 0x58;
    static final int S_GROUP = 0x5a;
    static final int S_COMPATIBLE = 0x5c;
    static final int S_INCOMPATIBLE = 0x60;
    static final int S_READ_ONLY_COMPATIBLE = 0x64;
    static final int S_UUID = 0x68;
    static final int S_LABEL = 0x78;
    static final int S_JOURNAL_INODE = 0xe0;
    static final int S_HASH_SEED = 0xec;
    static final int S_HASH_VERSION = 0xfc;
    static final int S_JOURNAL_BACKUP = 0xfd;
    static final int S_DESCRIPTOR_SIZE = 0xfe;
    static final int S_MOUNT_OPTIONS = 0x100;
    static final int S_FIRST_META_GROUP = 0x104;
    static final int S_MADE = 0x108;
    static final int S_JOURNAL_BLOCKS = 0x10c;
    static final int S_BLOCKS_HIGH = 0x150;
    static final int S_MIN_EXTRA = 0x15c;
    static final int S_WANT_EXTRA = 0x15e;
    static final int S_FLAGS = 0x160;

    static final int COMPAT_JOURNAL = 0x4;
    static final int COMPAT_ATTRIBUTES = 0x8;
    static final int COMPAT_DIR_INDEX = 0x20;
    static final int INCOMPAT_FILE_TYPE = 0x2;
    static final int INCOMPAT_RECOVER = 0x4;
    static final int INCOMPAT_META_GROUPS = 0x10;
    static final int INCOMPAT_EXTENTS = 0x40;
    static final int INCOMPAT_64BIT = 0x80;
    static final int INCOMPAT_MULTI_MOUNT = 0x100;
    static final int INCOMPAT_FLEXIBLE_GROUPS = 0x200;
    static final int INCOMPAT_ATTRIBUTE_INODES = 0x400;
    static final int INCOMPAT_CHECKSUM_SEED = 0x2000;
    static final int INCOMPAT_LARGE_DIRECTORIES = 0x4000;
    static final int INCOMPAT_INLINE_DATA = 0x8000;
    static final int INCOMPAT_ENCRYPT = 0x10000;
    static final int INCOMPAT_CASE_FOLD = 0x20000;
    static final int RO_SPARSE_SUPER = 0x1;
    static final int RO_LARGE_FILE = 0x2;
    static final int RO_DESCRIPTOR_CHECKSUMS = 0x10;
    static final int RO_MANY_LINKS = 0x20;
    static final int RO_EXTRA_SIZE = 0x40;

    // Group descriptor.
    static final int DESCRIPTOR_BYTES = 32;
    static final int G_BLOCK_BITMAP = 0x0;
    static final int G_INODE_BITMAP = 0x4;
    static final int G_INODE_TABLE = 0x8;
    static final int G_FREE_BLOCKS = 0xc;
    static final int G_FREE_INODES = 0xe;
    static final int G_DIRECTORIES = 0x10;
    static final int G_FLAGS = 0x12;
    static final int G_UNUSED_INODES = 0x1c;
    static final int G_CHECKSUM = 0x1e;
    static final int G_INODE_TABLE_HIGH = 0x28;
    static final int GROUP_INODES_UNUSED = 1;
    static final int GROUP_BLOCKS_UNUSED = 2;
    static final int GROUP_TABLE_ZEROED = 4;

    // Inode.
    static final int INODE_BYTES = 256;
    static final int I_MODE = 0x0;
    static final int I_USER = 0x2;
    static final int I_SIZE = 0x4;
    static final int I_ACCESS_TIME = 0x8;
    static final int I_CHANGE_TIME = 0xc;
    static final int I_MODIFY_TIME = 0x10;
    static final int I_GROUP = 0x18;
    static final int I_LINKS = 0x1a;
    static final int I_SECTORS = 0x1c;
    static final int I_FLAGS = 0x20;
    static final int I_BLOCK = 0x28;
    static final int I_BLOCK_BYTES = 60;
    static final int I_ATTRIBUTE_BLOCK = 0x68;
    static final int I_SIZE_HIGH = 0x6c;
    static final int I_SECTORS_HIGH = 0x74;
    static final int I_USER_HIGH = 0x78;
    static final int I_GROUP_HIGH = 0x7a;
    static final int I_EXTRA_SIZE = 0x80;
    static final int I_CHANGE_TIME_EXTRA = 0x84;
    static final int I_MODIFY_TIME_EXTRA = 0x88;
    static final int I_ACCESS_TIME_EXTRA = 0x8c;
    static final int I_MADE = 0x90;
    static final int I_MADE_EXTRA = 0x94;
    static final int INODE_OLD_BYTES = 128;
    static final int EXTRA_BYTES = 32;

    static final int FLAG_ENCRYPTED = 0x800;
    static final int FLAG_EXTENTS = 0x80000;
    static final int FLAG_INLINE_DATA = 0x10000000;
    static final int FLAG_CASE_FOLD = 0x40000000;

    static final int ROOT_INODE = 2;
    static final int JOURNAL_INODE = 8;
    static final int FIRST_INODE = 11;

    static final int TYPE_MASK = 0170000;
    static final int TYPE_FIFO = 0010000;
    static final int TYPE_CHARACTER = 0020000;
    static final int TYPE_DIRECTORY = 0040000;
    static final int TYPE_BLOCK = 0060000;
    static final int TYPE_FILE = 0100000;
    static final int TYPE_LINK = 0120000;
    static final int TYPE_SOCKET = 0140000;

    // Extent tree.
    static final int EXTENT_MAGIC = 0xf30a;
    static final int EXTENT_BYTES = 12;
    static final int MAX_EXTENT_BLOCKS = 32768;
    static final int MAX_EXTENT_DEPTH = 5;

    // Extended attributes.
    static final int ATTRIBUTE_MAGIC = 0xea020000;
    static final int ATTRIBUTE_HEADER_BYTES = 32;
    static final int ATTRIBUTE_ENTRY_BYTES = 16;
    static final int ATTRIBUTE_SYSTEM = 7;

    // Journal superblock (jbd2), big-endian.
    static final int JOURNAL_MAGIC = 0xc03b3998;
    static final int JOURNAL_SUPERBLOCK_V2 = 4;

    private Ext4Layout() {}
}
