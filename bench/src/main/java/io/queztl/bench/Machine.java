package io.queztl.bench;

import java.nio.file.Path;
import java.util.List;

/**
 * The guest that a contestant runs.
 *
 * @param kernel what is entered
 * @param initrd its root
 * @param disks VirtIO disks, the first of them the guest's {@code /dev/vda}
 * @param networks VirtIO network interfaces, the first of them the guest's {@code eth0}
 * @param prefix what stands before the monitor's command line
 */
record Machine(
        Path kernel, Path initrd, List<Disk> disks, List<Network> networks, List<String> prefix) {
    /**
     * A disk, with the host's page cache behind it.
     *
     * @param file the image
     * @param format {@code raw} or {@code qcow2}
     */
    record Disk(Path file, String format) {}

    /**
     * A network interface.
     *
     * @param tap the TAP interface behind it; empty for the monitor's own network, from which the
     *     host's services can be reached
     */
    record Network(String tap) {}

    /** A machine with disks only. */
    Machine(Path kernel, Path initrd, List<Disk> disks) {
        this(kernel, initrd, disks, List.of(), List.of());
    }

    /** A machine without devices. */
    Machine(Path kernel, Path initrd) {
        this(kernel, initrd, List.of());
    }
}
