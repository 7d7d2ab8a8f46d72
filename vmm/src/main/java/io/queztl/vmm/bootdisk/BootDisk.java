package io.queztl.vmm.bootdisk;

import io.queztl.devices.storage.DiskImage;
import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.DiskFormatException;
import io.queztl.vmm.disk.DiskSlice;
import io.queztl.vmm.disk.Partition;
import io.queztl.vmm.disk.PartitionTable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a disk with a system of its own would boot, found by reading it: of each partition in turn
 * the entries of the Boot Loader Specification, else GRUB's menu, else kernels by their names; the
 * first partition that has a kernel counts. Nothing is written, and nothing of the disk is trusted.
 *
 * @param table how it is divided
 * @param volumes its partitions, or one for the whole disk
 * @param kernels that which is booted first; none if none is found
 * @param notes what was passed over, a sentence each without a full stop
 */
public record BootDisk(
        PartitionTable table,
        List<Volume> volumes,
        List<InstalledKernel> kernels,
        List<String> notes) {
    /** Of a kernel, and of its initial RAM disks. */
    private static final long MAX_BYTES = 256L << 20;

    private static final List<String> GRUB =
            List.of("/boot/grub", "/boot/grub2", "/grub", "/grub2");

    /** Makes the lists unmodifiable. */
    public BootDisk {
        volumes = List.copyOf(volumes);
        kernels = List.copyOf(kernels);
        notes = List.copyOf(notes);
    }

    /**
     * Looks at a disk, which must stay open as long as something is read of the result.
     *
     * @throws DiskFormatException if its partition table is damaged
     * @throws IOException if the host cannot read it
     */
    public static BootDisk read(DiskImage image) throws IOException {
        DiskSlice disk = DiskSlice.of(image);
        PartitionTable table = PartitionTable.read(disk);
        List<Volume> volumes = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        if (table.kind() == PartitionTable.Kind.NONE) {
            volumes.add(Volume.of(disk, null));
        }
        for (Partition partition : table.partitions()) {
            volumes.add(Volume.of(disk.slice(partition.start(), partition.bytes()), partition));
        }
        List<InstalledKernel> kernels = List.of();
        for (Volume volume : volumes) {
            if (!volume.trouble().isEmpty()) {
                notes.add(volume.shown() + " cannot be read: " + volume.trouble());
            } else if (kernels.isEmpty()) {
                kernels = kernels(volume, volumes, notes);
            }
        }
        return new BootDisk(table, volumes, kernels, notes);
    }

    private static List<InstalledKernel> kernels(
            Volume volume, List<Volume> volumes, List<String> notes) throws IOException {
        DiskFiles files = volume.files();
        if (files == null) {
            return List.of();
        }
        try {
            List<InstalledKernel> found = present(LoaderEntries.find(volume, files), notes);
            for (String folder : GRUB) {
                if (found.isEmpty() && files.isFile(folder + "/grub.cfg")) {
                    found = grub(volume, files, folder, notes);
                }
            }
            return found.isEmpty() ? NewestKernel.find(volume, files, volumes) : found;
        } catch (DiskFormatException e) {
            notes.add(volume.shown() + " cannot be read: " + e.getMessage());
            return List.of();
        }
    }

    private static List<InstalledKernel> grub(
            Volume volume, DiskFiles files, String folder, List<String> notes) throws IOException {
        try {
            return present(GrubMenu.find(volume, files, folder), notes);
        } catch (DiskFormatException e) {
            notes.add(volume.shown() + ": " + e.getMessage());
            return List.of();
        }
    }

    /** Without those whose files are not there. */
    private static List<InstalledKernel> present(List<InstalledKernel> kernels, List<String> notes)
            throws IOException {
        List<InstalledKernel> there = new ArrayList<>();
        for (InstalledKernel kernel : kernels) {
            DiskFiles files = Objects.requireNonNull(kernel.volume().files());
            String missing = null;
            for (String initrd : kernel.initrds()) {
                missing = files.isFile(initrd) ? missing : initrd;
            }
            missing = files.isFile(kernel.kernel()) ? missing : kernel.kernel();
            if (missing == null) {
                there.add(kernel);
            } else {
                notes.add("%s names %s, which is not there".formatted(kernel.source(), missing));
            }
        }
        return there;
    }

    /**
     * Copies a kernel's file.
     *
     * @param target a file that is not there yet
     * @throws DiskFormatException if it has more than 256 MiB
     */
    public static void copyKernel(InstalledKernel kernel, Path target) throws IOException {
        copy(kernel, List.of(kernel.kernel()), target);
    }

    /**
     * Copies a kernel's initial RAM disks, one behind the other, as a kernel takes them.
     *
     * @param target a file that is not there yet
     * @throws DiskFormatException if they have more than 256 MiB
     */
    public static void copyInitrds(InstalledKernel kernel, Path target) throws IOException {
        copy(kernel, kernel.initrds(), target);
    }

    private static void copy(InstalledKernel kernel, List<String> paths, Path target)
            throws IOException {
        DiskFiles files = Objects.requireNonNull(kernel.volume().files());
        try (OutputStream out = Files.newOutputStream(target, StandardOpenOption.CREATE_NEW)) {
            for (String path : paths) {
                // Together: a list may name one file often.
                files.copy(path, out, MAX_BYTES - Files.size(target));
                // The next archive begins at a multiple of 4.
                out.write(new byte[(int) (-Files.size(target) & 3)]);
            }
        }
    }
}
