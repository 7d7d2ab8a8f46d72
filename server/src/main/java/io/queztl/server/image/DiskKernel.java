package io.queztl.server.image;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.vmm.bootdisk.BootDisk;
import io.queztl.vmm.bootdisk.InstalledKernel;
import io.queztl.vmm.bootdisk.Volume;
import io.queztl.vmm.config.DiskConfig;
import io.queztl.vmm.disk.DiskFormatException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The kernel of a disk, copied out of it.
 *
 * @param kernel its file
 * @param initrd its initial RAM disk, null if it has none
 * @param options its command line by the disk's boot loader
 */
public record DiskKernel(Path kernel, @Nullable Path initrd, String options) {
    /**
     * Copies what a disk boots by default.
     *
     * @param folder where the files go
     * @param progress told what it is, a line each
     * @throws CommandException if the disk has none that is found
     */
    public static DiskKernel copy(DiskConfig disk, Path folder, Consumer<String> progress) {
        try (DiskImage image =
                Images.open(
                        disk.location(), disk.format(), new ImageOptions(true, disk.overlay()))) {
            BootDisk found = BootDisk.read(image);
            found.notes().forEach(note -> progress.accept(printable(note)));
            if (found.kernels().isEmpty()) {
                throw none(disk, found.volumes());
            }
            InstalledKernel chosen = found.kernels().getFirst();
            progress.accept(
                    "booting %s of %s (%s)"
                            .formatted(
                                    printable(chosen.kernel()),
                                    chosen.volume().shown(),
                                    printable(chosen.title())));
            Path kernel = folder.resolve("vmlinuz");
            BootDisk.copyKernel(chosen, kernel);
            Path initrd = chosen.initrds().isEmpty() ? null : folder.resolve("initrd");
            if (initrd != null) {
                BootDisk.copyInitrds(chosen, initrd);
            }
            return new DiskKernel(kernel, initrd, chosen.options());
        } catch (DiskFormatException e) {
            throw new CommandException(
                    ExitStatus.BOOT,
                    "no kernel can be taken out of the disk %s: %s; boot it with --firmware."
                            .formatted(disk.location(), e.getMessage()),
                    e);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "the disk %s cannot be read: %s.".formatted(disk.location(), reason(e)),
                    e);
        }
    }

    private static CommandException none(DiskConfig disk, List<Volume> volumes) {
        String there =
                volumes.stream()
                        .map(v ->
                                v.shown()
                                        + (v.fileSystem().isEmpty()
                                                ? " is of no known kind"
                                                : " is " + v.fileSystem()))
                        .collect(Collectors.joining(", "));
        return new CommandException(
                ExitStatus.BOOT,
                "no kernel is found on the disk %s, of which only ext4 is read (%s); boot it with"
                                .formatted(
                                        disk.location(),
                                        there.isEmpty() ? "it has no partition" : there)
                        + " --firmware.");
    }

    /** A text of the disk, for a terminal. */
    public static String printable(String text) {
        return text.replaceAll("[^ -~]", "?");
    }

    /** Why a file cannot be opened, as the middle of a sentence. */
    public static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException n -> "there is no such file";
            case AccessDeniedException a -> "this user may not read it";
            default -> String.valueOf(e.getMessage());
        };
    }
}
