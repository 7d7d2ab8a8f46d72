package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.Partition;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Kernels by their names, on a disk whose boot loader says nothing that is understood: {@code
 * vmlinuz-VERSION}, the newest first, each with the initial RAM disk of its version, and the link
 * {@code vmlinuz}. The root file system is the one with {@code /etc/fstab}.
 */
final class NewestKernel {
    private static final String NAME = "vmlinuz-";
    private static final List<String> FOLDERS = List.of("/boot", "");

    private NewestKernel() {}

    /** The kernels of a volume, that to boot first. */
    static List<InstalledKernel> find(Volume volume, DiskFiles files, List<Volume> all)
            throws IOException {
        String root = root(volume, all);
        List<InstalledKernel> kernels = new ArrayList<>();
        for (String folder : FOLDERS) {
            List<String> versions = new ArrayList<>();
            for (String name : files.list(folder)) {
                if (name.startsWith(NAME) && files.isFile(folder + "/" + name)) {
                    versions.add(name.substring(NAME.length()));
                }
            }
            versions.sort(VersionOrder.INSTANCE.reversed());
            for (String version : versions) {
                String initrd =
                        first(
                                files,
                                folder + "/initrd.img-" + version,
                                folder + "/initrd-" + version,
                                folder + "/initramfs-" + version + ".img");
                kernels.add(kernel(volume, folder + "/" + NAME + version, initrd, root));
            }
        }
        for (String folder : FOLDERS) {
            if (kernels.isEmpty() && files.isFile(folder + "/vmlinuz")) {
                String initrd =
                        first(
                                files,
                                folder + "/initrd.img",
                                folder + "/initrd",
                                folder + "/initramfs.img");
                kernels.add(kernel(volume, folder + "/vmlinuz", initrd, root));
            }
        }
        return kernels;
    }

    private static InstalledKernel kernel(
            Volume volume, String path, @Nullable String initrd, String root) {
        return new InstalledKernel(
                volume,
                path,
                path.substring(path.lastIndexOf('/') + 1),
                path,
                initrd == null ? List.of() : List.of(initrd),
                root.isEmpty() ? "ro" : "root=" + root + " ro");
    }

    private static @Nullable String first(DiskFiles files, String... paths) throws IOException {
        for (String path : paths) {
            if (files.isFile(path)) {
                return path;
            }
        }
        return null;
    }

    private static String root(Volume volume, List<Volume> all) throws IOException {
        List<Volume> candidates = new ArrayList<>(List.of(volume));
        candidates.addAll(all);
        for (Volume candidate : candidates) {
            DiskFiles files = candidate.files();
            if (files != null && files.isFile("/etc/fstab")) {
                Partition partition = candidate.partition();
                return partition == null ? "/dev/vda" : "PARTUUID=" + partition.id();
            }
        }
        return "";
    }
}
