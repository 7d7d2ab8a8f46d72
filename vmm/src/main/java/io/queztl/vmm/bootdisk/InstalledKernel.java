package io.queztl.vmm.bootdisk;

import java.util.List;

/**
 * A kernel on a disk, as the disk's own boot loader would boot it.
 *
 * @param volume where its files are
 * @param source what says so, such as "/boot/grub/grub.cfg"
 * @param title for people
 * @param kernel the path of its file
 * @param initrds the paths of the initial RAM disks, which go one behind the other
 * @param options the kernel's command line
 */
public record InstalledKernel(
        Volume volume,
        String source,
        String title,
        String kernel,
        List<String> initrds,
        String options) {
    /** Makes the list unmodifiable. */
    public InstalledKernel {
        initrds = List.copyOf(initrds);
    }
}
