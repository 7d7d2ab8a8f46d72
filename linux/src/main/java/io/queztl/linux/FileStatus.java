package io.queztl.linux;

import java.lang.foreign.MemorySegment;

/**
 * What {@code statx(2)} says of a file.
 *
 * @param mode type and permissions, as in {@code st_mode}
 * @param device of the file system: major in the upper half, minor in the lower
 * @param specialDevice of a device node, likewise
 * @param modifiedNanos nanoseconds within {@code modified}, which is in seconds; so the others
 */
public record FileStatus(
        int mode,
        int user,
        int group,
        int links,
        long inode,
        long size,
        long blocks,
        int blockSize,
        long device,
        long specialDevice,
        long accessed,
        int accessedNanos,
        long modified,
        int modifiedNanos,
        long changed,
        int changedNanos) {
    static final int BYTES = 256;

    /** STATX_BASIC_STATS. */
    static final int MASK = 0x7ff;

    private static final int TYPE = 0170000;

    /** {@code S_IFREG}. */
    public static final int REGULAR = 0100000;

    /** {@code S_IFDIR}. */
    public static final int DIRECTORY = 0040000;

    /** {@code S_IFLNK}. */
    public static final int SYMBOLIC_LINK = 0120000;

    /** One of the constants, or what {@code S_IFMT} leaves of another. */
    public int type() {
        return mode & TYPE;
    }

    static FileStatus of(MemorySegment s) {
        return new FileStatus(
                s.get(java.lang.foreign.ValueLayout.JAVA_SHORT, 28) & 0xffff,
                s.get(Libc.INT, 20),
                s.get(Libc.INT, 24),
                s.get(Libc.INT, 16),
                s.get(Libc.LONG, 32),
                s.get(Libc.LONG, 40),
                s.get(Libc.LONG, 48),
                s.get(Libc.INT, 4),
                device(s, 136),
                device(s, 128),
                s.get(Libc.LONG, 64),
                s.get(Libc.INT, 72),
                s.get(Libc.LONG, 112),
                s.get(Libc.INT, 120),
                s.get(Libc.LONG, 96),
                s.get(Libc.INT, 104));
    }

    private static long device(MemorySegment s, long offset) {
        return (long) s.get(Libc.INT, offset) << 32
                | Integer.toUnsignedLong(s.get(Libc.INT, offset + 4));
    }
}
