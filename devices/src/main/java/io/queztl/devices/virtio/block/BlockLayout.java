package io.queztl.devices.virtio.block;

/**
 * Numbers of the block device (VirtIO 1.2, 5.2). Its configuration space and its request:
 *
 * <pre>
 * config   0 u64 capacity     8 u32 size_max   12 u32 seg_max      16 geometry
 *         20 u32 blk_size    24 topology       32 u8 writeback     34 u16 num_queues
 *         36 u32 max_discard_sectors  40 u32 max_discard_seg  44 u32 discard_sector_alignment
 *         48 u32 max_write_zeroes_sectors  52 u32 max_write_zeroes_seg
 *         56 u8 write_zeroes_may_unmap
 * request  { u32 type; u32 reserved; u64 sector; } data  { u8 status; }
 * range    { u64 sector; u32 sectors; u32 flags; }
 * </pre>
 */
final class BlockLayout {
    static final int CAPACITY = 0;
    static final int SEG_MAX = 12;
    static final int BLK_SIZE = 20;
    static final int WRITEBACK = 32;
    static final int NUM_QUEUES = 34;
    static final int MAX_DISCARD_SECTORS = 36;
    static final int MAX_DISCARD_SEG = 40;
    static final int DISCARD_ALIGNMENT = 44;
    static final int MAX_ZEROES_SECTORS = 48;
    static final int MAX_ZEROES_SEG = 52;
    static final int ZEROES_MAY_UNMAP = 56;
    static final int CONFIG_BYTES = 60;

    static final long F_SEG_MAX = 1L << 2;
    static final long F_RO = 1L << 5;
    static final long F_BLK_SIZE = 1L << 6;
    static final long F_FLUSH = 1L << 9;
    static final long F_CONFIG_WCE = 1L << 11;
    static final long F_MQ = 1L << 12;
    static final long F_DISCARD = 1L << 13;
    static final long F_WRITE_ZEROES = 1L << 14;

    static final int T_IN = 0;
    static final int T_OUT = 1;
    static final int T_FLUSH = 4;
    static final int T_GET_ID = 8;
    static final int T_DISCARD = 11;
    static final int T_WRITE_ZEROES = 13;

    static final int S_OK = 0;
    static final int S_IOERR = 1;
    static final int S_UNSUPP = 2;

    static final int HEADER_BYTES = 16;
    static final int RANGE_BYTES = 16;
    static final int RANGE_UNMAP = 1;
    static final int SERIAL_BYTES = 20;
    static final int SECTOR = 512;

    private BlockLayout() {}
}
