package io.queztl.vmm.ext4;

import java.nio.ByteBuffer;

/**
 * An inode as it is on the disk.
 *
 * @param number its number
 * @param mode type and permissions
 * @param size bytes
 * @param flags how its content is kept
 * @param block the 60 bytes that say where the content is, or that are it
 */
record Ext4Inode(long number, int mode, long size, int flags, ByteBuffer block) {
    static Ext4Inode of(long number, ByteBuffer b) {
        int mode = b.getShort(Ext4Layout.I_MODE) & 0xffff;
        long size =
                Integer.toUnsignedLong(b.getInt(Ext4Layout.I_SIZE))
                        | (long) b.getInt(Ext4Layout.I_SIZE_HIGH) << 32;
        ByteBuffer block = b.slice(Ext4Layout.I_BLOCK, Ext4Layout.I_BLOCK_BYTES).order(b.order());
        return new Ext4Inode(number, mode, size, b.getInt(Ext4Layout.I_FLAGS), block);
    }

    private boolean is(int type) {
        return (mode & Ext4Layout.TYPE_MASK) == type;
    }

    boolean directory() {
        return is(Ext4Layout.TYPE_DIRECTORY);
    }

    boolean file() {
        return is(Ext4Layout.TYPE_FILE);
    }

    boolean link() {
        return is(Ext4Layout.TYPE_LINK);
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }
}
