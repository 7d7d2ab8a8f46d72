package io.queztl.vmm.image;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes an initramfs: a cpio archive in the "newc" format (Linux documentation,
 * driver-api/early-userspace/buffer-format.rst). Everything belongs to root and has time 0, so the
 * same calls give the same bytes. Missing parent directories are added with mode 0755; nothing here
 * needs privileges, device nodes neither.
 */
public final class CpioWriter implements AutoCloseable {
    private static final int TYPE_DIRECTORY = 0040000;
    private static final int TYPE_CHARACTER_DEVICE = 0020000;
    private static final int TYPE_BLOCK_DEVICE = 0060000;
    private static final int TYPE_FILE = 0100000;
    private static final int TYPE_LINK = 0120000;
    private static final int PERMISSIONS = 07777;

    private static final long FILE_LIMIT = 0xffff_ffffL;
    private static final int HEADER_BYTES = 110;

    private final OutputStream out;
    private final Set<String> directories = new HashSet<>();
    private int inode = 1;
    private boolean finished;

    /** Writes to a stream, which {@link #close} closes. */
    public CpioWriter(OutputStream out) {
        this.out = out;
    }

    /** Adds a directory and the ones above it; one that is there already stays as it is. */
    public void directory(String path, int mode) throws IOException {
        String name = relative(path);
        if (name.isEmpty() || directories.contains(name)) {
            return;
        }
        parents(name);
        directories.add(name);
        header(name, TYPE_DIRECTORY | mode & PERMISSIONS, 2, 0, 0, 0);
    }

    /** Adds a regular file. */
    public void file(String path, int mode, byte[] contents) throws IOException {
        String name = relative(path);
        parents(name);
        header(name, TYPE_FILE | mode & PERMISSIONS, 1, contents.length, 0, 0);
        out.write(contents);
        pad(contents.length);
    }

    /**
     * Adds a regular file from a stream.
     *
     * @throws IOException if the stream does not have exactly {@code bytes} bytes, or the format
     *     cannot hold them (4 GiB)
     */
    public void file(String path, int mode, java.io.InputStream contents, long bytes)
            throws IOException {
        if (bytes < 0 || bytes > FILE_LIMIT) {
            throw new IOException(path + " is too big for a cpio archive: " + bytes + " bytes");
        }
        String name = relative(path);
        parents(name);
        header(name, TYPE_FILE | mode & PERMISSIONS, 1, bytes, 0, 0);
        byte[] chunk = new byte[1 << 16];
        long left = bytes;
        while (left > 0) {
            int n = contents.read(chunk, 0, (int) Math.min(chunk.length, left));
            if (n < 0) {
                throw new IOException(path + " became shorter while it was read");
            }
            out.write(chunk, 0, n);
            left -= n;
        }
        pad(bytes);
    }

    /** Adds a symbolic link. */
    public void symbolicLink(String path, String target) throws IOException {
        String name = relative(path);
        parents(name);
        byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
        header(name, TYPE_LINK | 0777, 1, bytes.length, 0, 0);
        out.write(bytes);
        pad(bytes.length);
    }

    /** Adds a character device node. */
    public void characterDevice(String path, int mode, int major, int minor) throws IOException {
        String name = relative(path);
        parents(name);
        header(name, TYPE_CHARACTER_DEVICE | mode & PERMISSIONS, 1, 0, major, minor);
    }

    /** Adds a block device node. */
    public void blockDevice(String path, int mode, int major, int minor) throws IOException {
        String name = relative(path);
        parents(name);
        header(name, TYPE_BLOCK_DEVICE | mode & PERMISSIONS, 1, 0, major, minor);
    }

    /** Writes the trailer, once, without closing the stream: another archive may follow. */
    public void finish() throws IOException {
        if (!finished) {
            finished = true;
            inode = 0;
            header("TRAILER!!!", 0, 1, 0, 0, 0);
            out.flush();
        }
    }

    @Override
    public void close() throws IOException {
        try (out) {
            finish();
        }
    }

    private static String relative(String path) throws IOException {
        String name = path.startsWith("/") ? path.substring(1) : path;
        for (String part : name.split("/", -1)) {
            if (part.equals("..") || part.equals(".") || (part.isEmpty() && !name.isEmpty())) {
                throw new IOException("path in a cpio archive is not plain: " + path);
            }
        }
        if (name.indexOf('\0') >= 0) {
            throw new IOException("path in a cpio archive has a NUL");
        }
        return name;
    }

    private void parents(String name) throws IOException {
        int slash = name.lastIndexOf('/');
        if (slash > 0) {
            directory(name.substring(0, slash), 0755);
        }
    }

    private void header(String name, int mode, int links, long bytes, int major, int minor)
            throws IOException {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        String header =
                "070701"
                        + hex(inode++)
                        + hex(mode)
                        + hex(0) // uid
                        + hex(0) // gid
                        + hex(links)
                        + hex(0) // modification time
                        + hex(bytes)
                        + hex(0) // major and minor of the file system
                        + hex(0)
                        + hex(major)
                        + hex(minor)
                        + hex(nameBytes.length + 1)
                        + hex(0); // checksum, unused
        out.write(header.getBytes(StandardCharsets.US_ASCII));
        out.write(nameBytes);
        out.write(0);
        pad(HEADER_BYTES + nameBytes.length + 1);
    }

    private static String hex(long value) {
        return "%08x".formatted(value);
    }

    /** Pads to a multiple of four; headers and contents both start on one. */
    private void pad(long written) throws IOException {
        for (long i = written; (i & 3) != 0; i++) {
            out.write(0);
        }
    }
}
