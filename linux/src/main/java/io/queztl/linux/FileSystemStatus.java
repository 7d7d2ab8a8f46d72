package io.queztl.linux;

import java.lang.foreign.MemorySegment;

/**
 * What {@code fstatfs(2)} says of a file system.
 *
 * @param type its magic number
 * @param blockSize in bytes; the next three count such blocks
 * @param available blocks that are free for this user
 * @param files inodes there can be; {@code freeFiles} there still can be
 * @param nameLength the longest name, in bytes
 */
public record FileSystemStatus(
        long type,
        long blockSize,
        long blocks,
        long free,
        long available,
        long files,
        long freeFiles,
        long nameLength) {
    static final int BYTES = 120;

    static FileSystemStatus of(MemorySegment s) {
        return new FileSystemStatus(
                s.get(Libc.LONG, 0),
                s.get(Libc.LONG, 8),
                s.get(Libc.LONG, 16),
                s.get(Libc.LONG, 24),
                s.get(Libc.LONG, 32),
                s.get(Libc.LONG, 40),
                s.get(Libc.LONG, 48),
                s.get(Libc.LONG, 64));
    }
}
