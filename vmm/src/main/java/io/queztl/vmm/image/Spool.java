package io.queztl.vmm.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The bytes of a {@link FileTree}'s files, one after the other in a private file without a name.
 */
public final class Spool implements AutoCloseable {
    private static final int CHUNK = 1 << 18;

    private final FileChannel channel;
    private final long limit;
    private long length;

    private Spool(FileChannel channel, long limit) {
        this.channel = channel;
        this.limit = limit;
    }

    /**
     * An empty one in a folder.
     *
     * @param limit the most bytes it takes
     */
    public static Spool in(Path folder, long limit) throws IOException {
        Path file =
                Files.createTempFile(
                        folder,
                        ".spool",
                        "",
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")));
        return new Spool(
                FileChannel.open(
                        file,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE),
                limit);
    }

    /** Bytes in it. */
    public long length() {
        return length;
    }

    /**
     * Adds what a stream has.
     *
     * @param bytes how many
     * @return where they start
     * @throws IOException if the stream ends before, or the limit is reached
     */
    public long add(InputStream in, long bytes) throws IOException {
        if (bytes > limit - length) {
            throw new IOException(
                    "its files have more than the %d MiB that are allowed".formatted(limit >> 20));
        }
        long start = length;
        byte[] chunk = new byte[(int) Math.min(CHUNK, Math.max(bytes, 1))];
        for (long left = bytes; left > 0; ) {
            int n = in.readNBytes(chunk, 0, (int) Math.min(chunk.length, left));
            if (n == 0) {
                throw new IOException("it ends within a file");
            }
            ByteBuffer b = ByteBuffer.wrap(chunk, 0, n);
            while (b.hasRemaining()) {
                length += channel.write(b, length);
            }
            left -= n;
        }
        return start;
    }

    /** Fills the buffer with the bytes from the offset on. */
    public void read(long offset, ByteBuffer target) throws IOException {
        long at = offset;
        while (target.hasRemaining()) {
            int n = channel.read(target, at);
            if (n < 0) {
                throw new IOException("the spool is shorter than it was");
            }
            at += n;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
