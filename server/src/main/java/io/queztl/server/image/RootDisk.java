package io.queztl.server.image;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.CacheFolder;
import io.queztl.vmm.config.DiskConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/**
 * A disk for one run, made of an image that many runs share: an overlay that ends with the run, or
 * a whole copy that is kept under a name.
 */
public final class RootDisk {
    private RootDisk() {}

    /**
     * A disk that reads as the image until it is written.
     *
     * @param folder where its file goes; it may be deleted once the VM has the disk
     */
    public static DiskConfig forOneRun(Path image, ImageFormat format, Path folder) {
        String file = overlay(image, format, folder.resolve("root.qcow2"));
        return new DiskConfig(file, ImageFormat.QCOW2, false, "", false, true, false);
    }

    /**
     * Makes an image that reads as another one until it is written.
     *
     * @param file a new file
     * @return its name
     */
    public static String overlay(Path image, ImageFormat format, Path file) {
        try {
            Images.createOverlay(file, image, format);
        } catch (IOException e) {
            throw failed(file, e);
        }
        return file.toString();
    }

    /**
     * The kept disk of that name, a copy of the image if there is none yet.
     *
     * @param environment such as {@code System.getenv()}: {@code XDG_DATA_HOME}, {@code HOME}
     */
    public static DiskConfig kept(
            Path image, ImageFormat format, String name, Map<String, String> environment) {
        Path file = keptFile(name, environment);
        if (!Files.exists(file)) {
            try {
                copy(image, format, file);
            } catch (IOException e) {
                throw failed(file, e);
            }
        }
        return kept(name, environment);
    }

    /** The kept disk of that name, which exists. */
    public static DiskConfig kept(String name, Map<String, String> environment) {
        String file = keptFile(name, environment).toString();
        return new DiskConfig(file, ImageFormat.QCOW2, false, "", false, false, false);
    }

    /** Where the kept disk of that name is, or will be. */
    public static Path keptFile(String name, Map<String, String> environment) {
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "'%s' is no name for a disk; letters, digits, and . _ - inside make one."
                            .formatted(name));
        }
        String data = environment.getOrDefault("XDG_DATA_HOME", "");
        Path home =
                data.startsWith("/")
                        ? Path.of(data)
                        : Path.of(environment.getOrDefault("HOME", "/"), ".local/share");
        return home.resolve("queztl/disks/" + name + ".qcow2");
    }

    private static void copy(Path image, ImageFormat format, Path file) throws IOException {
        Path folder = Files.createDirectories(file.resolveSibling(".").normalize());
        Path work = Files.createTempDirectory(folder, ".new-");
        Path part = work.resolve("disk");
        try (DiskImage source = Images.open(image, format, ImageOptions.READ_ONLY)) {
            Images.createQcow2(part, source.size(), 65536, 3);
            Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rw-------"));
            try (DiskImage target = Images.open(part, ImageFormat.QCOW2, ImageOptions.WRITABLE)) {
                DiskCopy.copy(source, target, percent -> {});
                target.flush();
            }
            boolean ignored = Images.record(part, ImageFormat.QCOW2);
            // Whoever makes the same disk at the same time is not overwritten.
            Files.createLink(file, part);
        } finally {
            CacheFolder.delete(work);
        }
    }

    private static CommandException failed(Path file, IOException e) {
        return new CommandException(
                ExitStatus.HOST,
                "the disk %s cannot be made: %s.".formatted(file, e.getMessage()),
                e);
    }
}
