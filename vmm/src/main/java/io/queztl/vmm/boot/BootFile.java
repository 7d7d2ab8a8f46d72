package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException.Code;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Reads boot files: regular files only, never more than was measured at the start. */
final class BootFile {
    private static final int CHUNK = 1 << 24;

    private BootFile() {}

    /** Maps a whole file for reading; it must not be empty. */
    static MemorySegment map(String role, Path file, Arena arena) {
        try (FileChannel channel = open(role, file)) {
            return channel.map(MapMode.READ_ONLY, 0, size(role, file, channel), arena);
        } catch (IOException | UnsupportedOperationException e) {
            throw unreadable(role, file, e);
        }
    }

    /** The size in bytes of a file that is not empty. */
    static long size(String role, Path file) {
        try (FileChannel channel = open(role, file)) {
            return size(role, file, channel);
        } catch (IOException e) {
            throw unreadable(role, file, e);
        }
    }

    /** Reads the first {@code bytes} bytes of a file straight into guest RAM. */
    static void load(String role, Path file, long bytes, GuestMemory memory, long address) {
        MemorySegment target = memory.ram().asSlice(memory.offset(address, bytes), bytes);
        try (FileChannel channel = open(role, file)) {
            long done = 0;
            while (done < bytes) {
                long length = Math.min(CHUNK, bytes - done);
                int n = channel.read(target.asSlice(done, length).asByteBuffer(), done);
                if (n <= 0) {
                    throw new BootException(
                            Code.UNREADABLE,
                            "%s %s became shorter while it was read: try again",
                            role,
                            file);
                }
                done += n;
            }
        } catch (IOException e) {
            throw unreadable(role, file, e);
        }
        memory.written(address, bytes);
    }

    private static FileChannel open(String role, Path file) throws IOException {
        // Checked before opening: opening a FIFO would wait for its writer for good.
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new BootException(
                    Code.UNREADABLE, "%s %s is not a regular file: name a file", role, file);
        }
        return FileChannel.open(file, StandardOpenOption.READ);
    }

    private static long size(String role, Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size <= 0) {
            throw new BootException(
                    Code.UNREADABLE, "%s %s is empty: check how it was made", role, file);
        }
        return size;
    }

    private static BootException unreadable(String role, Path file, Exception e) {
        if (e instanceof NoSuchFileException) {
            return new BootException(
                    e, Code.UNREADABLE, "%s %s does not exist: check the path", role, file);
        }
        if (e instanceof AccessDeniedException) {
            return new BootException(
                    e, Code.UNREADABLE, "%s %s may not be read: check its permissions", role, file);
        }
        return new BootException(
                e, Code.UNREADABLE, "%s %s cannot be read (%s): check it", role, file, e);
    }
}
