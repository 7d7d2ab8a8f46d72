package io.queztl.devices.storage;

import io.queztl.linux.HostFile;
import io.queztl.linux.LinuxException;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A locked file or block device. A writer has it alone, readers share it, between processes (record
 * locks) and inside this one. Record locks of a process vanish when it closes any descriptor of the
 * file, so all readers here share one channel, and a file in use is never opened a second time.
 */
final class ImageFile implements Closeable {
    /** The byte whose lock tells QEMU that nobody else may write. */
    private static final long QEMU_NO_OTHER_WRITER = 201;

    private static final long CHUNK = 1 << 30;

    private static final Map<Object, Shared> IN_USE = new HashMap<>();

    private static final class Shared {
        final FileChannel channel;
        final @Nullable HostFile host;
        final boolean readOnly;
        int users = 1;

        Shared(FileChannel channel, @Nullable HostFile host, boolean readOnly) {
            this.channel = channel;
            this.host = host;
            this.readOnly = readOnly;
        }

        void close() throws IOException {
            if (host != null) {
                host.close();
            }
            channel.close();
        }
    }

    private final Path path;
    private final Object key;
    private final Shared shared;
    private boolean closed;

    private ImageFile(Path path, Object key, Shared shared) {
        this.path = path;
        this.key = key;
        this.shared = shared;
    }

    static ImageFile open(Path path, boolean readOnly) throws IOException {
        try {
            return lock(path, readOnly);
        } catch (NoSuchFileException e) {
            throw new ImageException("the image " + path + " does not exist");
        } catch (AccessDeniedException e) {
            throw new ImageException("the image " + path + " may not be opened: permission denied");
        }
    }

    private static ImageFile lock(Path path, boolean readOnly) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        if (attributes.isDirectory()) {
            throw new ImageException("the image " + path + " is a folder");
        }
        Object fileKey = attributes.fileKey();
        Object key = fileKey == null ? path.toRealPath() : fileKey;
        synchronized (IN_USE) {
            Shared shared = IN_USE.get(key);
            if (shared != null) {
                if (!readOnly || !shared.readOnly) {
                    throw inUse(path, readOnly);
                }
                shared.users++;
                return new ImageFile(path, key, shared);
            }
            FileChannel channel =
                    readOnly
                            ? FileChannel.open(path, StandardOpenOption.READ)
                            : FileChannel.open(
                                    path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            boolean done = false;
            try {
                FileLock lock;
                try {
                    lock =
                            readOnly
                                    ? channel.tryLock(QEMU_NO_OTHER_WRITER, 1, true)
                                    : channel.tryLock();
                } catch (OverlappingFileLockException e) {
                    lock = null;
                }
                if (lock == null) {
                    throw inUse(path, readOnly);
                }
                shared = new Shared(channel, host(path, key, readOnly), readOnly);
                IN_USE.put(key, shared);
                done = true;
                return new ImageFile(path, key, shared);
            } finally {
                if (!done) {
                    channel.close();
                }
            }
        }
    }

    /**
     * The same file as a descriptor, null if the host has no such thing. It is closed with the
     * channel and not before, because that ends the locks.
     */
    private static @Nullable HostFile host(Path path, Object key, boolean readOnly)
            throws IOException {
        if (!HostFile.available()) {
            return null;
        }
        HostFile file;
        try {
            file = HostFile.open(path.toString(), readOnly);
        } catch (LinuxException e) {
            throw new ImageException("the image " + path + " cannot be opened: " + e.getMessage());
        }
        BasicFileAttributes opened =
                Files.readAttributes(Path.of(file.procPath()), BasicFileAttributes.class);
        if (opened.fileKey() != null && !key.equals(opened.fileKey())) {
            file.close();
            throw new ImageException("the image " + path + " was replaced while it was opened");
        }
        return file;
    }

    private static ImageException inUse(Path path, boolean readOnly) {
        return new ImageException(
                "the image "
                        + path
                        + " is in use: "
                        + (readOnly
                                ? "somebody else writes to it"
                                : "only one may write to it, and somebody else has it open"));
    }

    Path path() {
        return path;
    }

    /** Bytes; those of the device for a block device. */
    long length() throws IOException {
        long n = shared.channel.size();
        if (n == 0 && !Files.isRegularFile(path)) {
            n = deviceSize();
        }
        return n;
    }

    /** Linux tells a block device's size by seeking to its end, which a channel does not offer. */
    private long deviceSize() throws IOException {
        long low = 0;
        long high = 1;
        ByteBuffer one = ByteBuffer.allocate(1);
        while (high > 0 && shared.channel.read(one.clear(), high - 1) == 1) {
            low = high;
            high <<= 1;
        }
        if (high <= 0) {
            throw new ImageException("the image " + path + " has no end");
        }
        while (high - low > 1) {
            long middle = (low + high) >>> 1;
            if (shared.channel.read(one.clear(), middle - 1) == 1) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Fills all pieces; what is past the end of the file is zero. */
    void read(long offset, ScatterList target) throws IOException {
        HostFile host = shared.host;
        if (host == null || !target.memory().isNative()) {
            long at = offset;
            for (int i = 0; i < target.count(); i++) {
                readByChannel(at, target.piece(i));
                at += target.length(i);
            }
            return;
        }
        ScatterList left = target;
        long at = offset;
        while (left.bytes() > 0) {
            long n;
            try {
                n = host.read(at, left.memory(), left.offsets(), left.lengths(), left.count());
            } catch (LinuxException e) {
                throw failed("read", e);
            }
            if (n == 0) {
                left.zero();
                return;
            }
            at += n;
            left = left.slice(n, left.bytes() - n);
        }
    }

    /** Fills all pieces if the host has that in memory; else false, and they may hold anything. */
    boolean readNow(long offset, ScatterList target) {
        HostFile host = shared.host;
        return host != null
                && target.memory().isNative()
                && host.readNow(
                                offset,
                                target.memory(),
                                target.offsets(),
                                target.lengths(),
                                target.count())
                        == target.bytes();
    }

    /** Writes all pieces. */
    void write(long offset, ScatterList source) throws IOException {
        HostFile host = shared.host;
        if (host == null || !source.memory().isNative()) {
            long at = offset;
            for (int i = 0; i < source.count(); i++) {
                writeByChannel(at, source.piece(i));
                at += source.length(i);
            }
            return;
        }
        ScatterList left = source;
        long at = offset;
        while (left.bytes() > 0) {
            long n;
            try {
                n = host.write(at, left.memory(), left.offsets(), left.lengths(), left.count());
            } catch (LinuxException e) {
                throw failed("written", e);
            }
            if (n == 0) {
                throw new EOFException("the image " + path + " takes no more data");
            }
            at += n;
            left = left.slice(n, left.bytes() - n);
        }
    }

    private IOException failed(String what, LinuxException e) {
        return new IOException(
                "the image %s cannot be %s: %s".formatted(path, what, e.getMessage()));
    }

    /** Reads all of the segment; what is past the end of the file is zero. */
    void read(long offset, MemorySegment target) throws IOException {
        if (target.isNative()) {
            read(offset, ScatterList.of(target));
        } else {
            readByChannel(offset, target);
        }
    }

    private void readByChannel(long offset, MemorySegment target) throws IOException {
        long n = target.byteSize();
        for (long done = 0; done < n; done += CHUNK) {
            MemorySegment part = target.asSlice(done, Math.min(CHUNK, n - done));
            ByteBuffer buffer = part.asByteBuffer();
            while (buffer.hasRemaining()) {
                int got = shared.channel.read(buffer, offset + done + buffer.position());
                if (got < 0) {
                    part.asSlice(buffer.position()).fill((byte) 0);
                    break;
                }
            }
        }
    }

    void write(long offset, MemorySegment source) throws IOException {
        if (source.isNative()) {
            write(offset, ScatterList.of(source));
        } else {
            writeByChannel(offset, source);
        }
    }

    private void writeByChannel(long offset, MemorySegment source) throws IOException {
        long n = source.byteSize();
        for (long done = 0; done < n; done += CHUNK) {
            ByteBuffer buffer = source.asSlice(done, Math.min(CHUNK, n - done)).asByteBuffer();
            while (buffer.hasRemaining()) {
                if (shared.channel.write(buffer, offset + done + buffer.position()) <= 0) {
                    throw new EOFException("the image " + path + " takes no more data");
                }
            }
        }
    }

    /**
     * Gives a range's space back, so that it reads as zero, inside the file's length.
     *
     * @return false if the host cannot do that here
     */
    boolean punch(long offset, long length) throws IOException {
        return allocate(HostFile.PUNCH_HOLE, offset, length);
    }

    private boolean allocate(int mode, long offset, long length) throws IOException {
        HostFile host = shared.host;
        if (host == null || length == 0) {
            return host != null;
        }
        try {
            return host.allocate(mode, offset, length);
        } catch (LinuxException e) {
            throw failed("freed", e);
        }
    }

    /** Whether {@link #punch} works, tried on what lies behind the end of a regular file. */
    boolean canPunch() {
        try {
            return Files.isRegularFile(path) && punch(length() + 4095 & -4096, 4096);
        } catch (IOException e) {
            return false;
        }
    }

    /** Makes a range read as zero; its space stays. */
    void writeZeroes(long offset, long length) throws IOException {
        if (length >= 4096 && allocate(HostFile.ZERO_RANGE, offset, length)) {
            return;
        }
        MemorySegment zeroes = MemorySegment.ofArray(new byte[(int) Math.min(length, 1 << 18)]);
        for (long done = 0; done < length; done += zeroes.byteSize()) {
            write(offset + done, zeroes.asSlice(0, Math.min(zeroes.byteSize(), length - done)));
        }
    }

    void force() throws IOException {
        HostFile host = shared.host;
        if (host == null) {
            shared.channel.force(false);
            return;
        }
        try {
            host.sync();
        } catch (LinuxException e) {
            throw failed("made durable", e);
        }
    }

    /** Makes the file this long; a block device cannot change. */
    void setLength(long length) throws IOException {
        if (!Files.isRegularFile(path)) {
            throw new ImageException("the image " + path + " is a device: its size is fixed");
        }
        long now = shared.channel.size();
        if (length < now) {
            shared.channel.truncate(length);
        } else if (length > now) {
            shared.channel.write(ByteBuffer.allocate(1), length - 1);
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (IN_USE) {
            if (closed) {
                return;
            }
            closed = true;
            if (--shared.users == 0) {
                IN_USE.remove(key, shared);
                shared.close();
            }
        }
    }

    static boolean inside(long offset, long length, long size) {
        return offset >= 0 && length >= 0 && offset <= size && length <= size - offset;
    }

    static void checkRange(String name, long offset, long length, long size) throws IOException {
        if (!inside(offset, length, size)) {
            throw new IOException(
                    "a request for %d bytes at %d is outside the %d bytes of %s"
                            .formatted(length, offset, size, name));
        }
    }
}
