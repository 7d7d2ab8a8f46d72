package io.queztl.bench;

import java.nio.file.Path;
import java.util.List;

/**
 * The guest that a contestant runs.
 *
 * @param kernel what is entered
 * @param initrd its root
 * @param disks VirtIO disks, the first of them the guest's {@code /dev/vda}
 */
record Machine(Path kernel, Path initrd, List<Disk> disks) {
    /**
     * A disk, with the host's page cache behind it.
     *
     * @param file the image
     * @param format {@code raw} or {@code qcow2}
     */
    record Disk(Path file, String format) {}

    /** A machine without devices. */
    Machine(Path kernel, Path initrd) {
        this(kernel, initrd, List.of());
    }
}
