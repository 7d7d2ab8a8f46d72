package io.queztl.vmm.disk;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The files of a file system that nobody has mounted, to be read only. Paths have one character per
 * byte, begin at the root with or without a slash, and follow symbolic links inside the file system
 * only. What is wrong with the file system is a {@link DiskFormatException}.
 */
public interface DiskFiles {
    /** The file system's identity. */
    UUID uuid();

    /** The name of the volume, which may be empty. */
    String label();

    /** Whether there is a regular file of that path. */
    boolean isFile(String path) throws IOException;

    /** Whether there is a directory of that path. */
    boolean isDirectory(String path) throws IOException;

    /**
     * The names in a directory, without "." and "..", in no order; none if there is no such
     * directory.
     */
    List<String> list(String path) throws IOException;

    /**
     * The bytes of a regular file, or null if there is none.
     *
     * @param most bytes that it may have
     */
    byte @Nullable [] read(String path, int most) throws IOException;

    /**
     * Copies a regular file, which must be there.
     *
     * @param most bytes that it may have
     */
    void copy(String path, OutputStream out, long most) throws IOException;
}
