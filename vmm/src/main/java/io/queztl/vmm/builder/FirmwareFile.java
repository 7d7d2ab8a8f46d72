package io.queztl.vmm.builder;

import io.queztl.vmm.config.VmException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads the files of a firmware. */
final class FirmwareFile {
    private FirmwareFile() {}

    /**
     * All bytes of a file.
     *
     * @param limit how many it may have
     * @throws VmException if it cannot be read or has more
     */
    static byte[] read(Path file, int limit) {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(limit + 1);
        } catch (IOException e) {
            throw new VmException(
                    VmException.Code.HOST,
                    "firmware %s cannot be read: %s.".formatted(file, reason(e)),
                    e);
        }
        if (bytes.length > limit) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "firmware %s is too large: ROM and variables have %d MiB together."
                            .formatted(file, 16));
        }
        return bytes;
    }

    /** What went wrong, for a sentence. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException n -> "there is no such file";
            case AccessDeniedException a -> "this user may not";
            default -> String.valueOf(e.getMessage());
        };
    }
}
