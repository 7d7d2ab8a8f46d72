package io.queztl.vmm.builder;

import io.queztl.devices.firmware.Pflash;
import io.queztl.vmm.config.FirmwareConfig;
import io.queztl.vmm.config.VmException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * Where the variables of UEFI firmware are kept: a file of the user's that one VM at a time has
 * open, or nowhere. What is written is on the disk when the firmware goes on.
 */
final class VariableStore implements Pflash.Store, AutoCloseable {
    private final @Nullable FileChannel channel;
    private final byte[] content;

    private VariableStore(@Nullable FileChannel channel, byte[] content) {
        this.channel = channel;
        this.content = content;
    }

    /**
     * Opens the file, or makes it of the firmware's template.
     *
     * @param limit how many bytes there may be
     * @throws VmException if that cannot be done
     */
    static VariableStore open(FirmwareConfig config, int limit) {
        Path template = config.variables();
        if (template == null) {
            return new VariableStore(null, new byte[0]);
        }
        byte[] fresh = FirmwareFile.read(template, limit);
        if (fresh.length == 0 || fresh.length % Pflash.BLOCK != 0) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "variables %s have %d bytes, which is no multiple of 4 KiB."
                            .formatted(template, fresh.length));
        }
        Path file = config.keep();
        return file == null ? new VariableStore(null, fresh) : open(file, fresh);
    }

    private static VariableStore open(Path file, byte[] fresh) {
        try {
            create(file, fresh);
            FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                lock(file, channel);
                if (channel.size() != fresh.length) {
                    throw new VmException(
                            VmException.Code.CONFIGURATION,
                            "variables %s have %d bytes, this firmware's have %d; name another file."
                                    .formatted(file, channel.size(), fresh.length));
                }
                ByteBuffer bytes = ByteBuffer.allocate(fresh.length);
                while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {}
                return new VariableStore(channel, bytes.array());
            } catch (IOException | VmException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw new VmException(
                    VmException.Code.HOST,
                    "variables %s cannot be opened: %s.".formatted(file, FirmwareFile.reason(e)),
                    e);
        }
    }

    /** Makes the file whole or not at all, for this user only. */
    private static void create(Path file, byte[] fresh) throws IOException {
        if (Files.exists(file)) {
            return;
        }
        Path folder = file.toAbsolutePath().getParent();
        Path part =
                Files.createTempFile(
                        folder,
                        ".queztl-",
                        ".part",
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")));
        try {
            Files.write(part, fresh, StandardOpenOption.SYNC);
            Files.createLink(file, part);
        } catch (java.nio.file.FileAlreadyExistsException e) {
            // Another VM was first; the lock decides who has it.
        } finally {
            Files.delete(part);
        }
    }

    private static void lock(Path file, FileChannel channel) throws IOException {
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // Another VM of this process has it.
        }
        if (lock == null) {
            throw new VmException(
                    VmException.Code.HOST,
                    "variables %s are in use by another VM; give each its own file."
                            .formatted(file));
        }
    }

    /** What the flash holds at first; empty if there is none. */
    byte[] content() {
        return content.clone();
    }

    @Override
    public boolean keep(byte[] flash, int start, int bytes) {
        FileChannel to = channel;
        if (to == null) {
            return true;
        }
        try {
            ByteBuffer range = ByteBuffer.wrap(flash, start, bytes);
            long at = start;
            while (range.hasRemaining()) {
                at += to.write(range, at);
            }
            to.force(false);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        if (channel != null) {
            channel.close();
        }
    }
}
