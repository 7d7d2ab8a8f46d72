package io.queztl.server.cli;

import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.CloudSeed;
import io.queztl.server.guest.FirstBoot;
import io.queztl.server.image.DiskKernel;
import io.queztl.server.image.RootDisk;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.DiskConfig;
import io.queztl.vmm.config.VmConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} for a disk with a system of its own, such as a cloud image. */
final class DiskBootOptions {
    private static final int MAX_USER_DATA = 1 << 20;

    @Option(
            names = "--boot",
            paramLabel = "disk",
            description =
                    "'disk' boots the first disk's own kernel, as its GRUB or its loader entries would:"
                            + " kernel, initrd and command line come out of its ext4 file system")
    private @Nullable String boot;

    @Option(
            names = "--user",
            paramLabel = "NAME",
            description =
                    "have cloud-init in the guest make this user, who may use sudo and is whom"
                            + " --ssh-key is for")
    private @Nullable String user;

    @Option(
            names = "--run",
            paramLabel = "COMMAND",
            description =
                    "have cloud-init in the guest run this at the end of its first boot; may be"
                            + " given several times")
    private List<String> commands = new ArrayList<>();

    @Option(
            names = "--user-data",
            paramLabel = "FILE",
            description =
                    "give cloud-init in the guest this user data, in place of --user, --ssh-key and"
                            + " --run")
    private @Nullable Path userData;

    /** For picocli. */
    DiskBootOptions() {}

    /** Whether the disk's own kernel is to be booted. */
    boolean asked() {
        return boot != null;
    }

    private boolean seeds(FirstBoot firstBoot) {
        return user != null
                || !commands.isEmpty()
                || userData != null
                || !firstBoot.keys().isEmpty()
                || firstBoot.hostName() != null;
    }

    /**
     * Checks the options against the others, before anything is fetched.
     *
     * @param kernels whether an option is there that only goes with another kernel
     * @param firmware whether firmware boots the disk
     * @param image whether an image makes the disk
     */
    void check(boolean kernels, boolean firmware, boolean image) {
        if (boot != null && !boot.equals("disk")) {
            throw usage("--boot takes 'disk', not '%s'.".formatted(boot));
        }
        if (boot != null && (kernels || firmware || image)) {
            throw usage(
                    "--boot disk takes the kernel from the disk; leave IMAGE, --kernel, --initrd,"
                            + " --firmware and --exec out.");
        }
        boolean cloud = user != null || !commands.isEmpty() || userData != null;
        if (cloud && boot == null && !firmware) {
            throw usage(
                    "--user, --run and --user-data are for cloud-init on a disk that is booted with"
                            + " --boot disk or --firmware.");
        }
        if (user != null && !CloudSeed.isUserName(user)) {
            throw usage(
                    "--user takes small letters, digits, - and _, and a letter first, not '%s'."
                            .formatted(user));
        }
        if (userData != null && (user != null || !commands.isEmpty())) {
            throw usage("--user-data is all that cloud-init gets; leave --user and --run out.");
        }
    }

    private static CommandException usage(String message) {
        return new CommandException(ExitStatus.USAGE, message);
    }

    /**
     * The same with the first disk's kernel, initrd and command line.
     *
     * @param append what the user adds to the command line, or null
     * @param progress told what is booted
     */
    VmConfig kernel(
            VmConfig config, RunFiles files, @Nullable String append, Consumer<String> progress)
            throws IOException {
        List<DiskConfig> disks = config.devices(DiskConfig.class);
        if (disks.isEmpty()) {
            throw usage("--boot disk needs a disk; name it with --disk.");
        }
        DiskKernel kernel = DiskKernel.copy(disks.getFirst(), files.folder(), progress);
        return config.withKernel(kernel.kernel())
                .withInitrd(kernel.initrd())
                .withCommandLine(KernelCommandLine.ofDisk(kernel.options(), append));
    }

    /**
     * The same with disks for this run only in place of those that are not to be written, and with
     * the disk for cloud-init.
     *
     * @param firstBoot keys and name for the guest; without any if somebody else cares for them
     */
    VmConfig complete(VmConfig config, FirstBoot firstBoot, RunFiles files) {
        List<DeviceConfig> devices = new ArrayList<>();
        int last = -1;
        int overlays = 0;
        try {
            for (DeviceConfig device : config.devices()) {
                if (device instanceof DiskConfig disk) {
                    last = devices.size();
                    if (disk.snapshot()) {
                        Path file = files.folder().resolve("overlay" + overlays++ + ".qcow2");
                        devices.add(overlay(disk, file));
                        continue;
                    }
                }
                devices.add(device);
            }
            if (seeds(firstBoot)) {
                Path seed = files.folder().resolve("seed.iso");
                new CloudSeed(firstBoot, user, commands, readUserData(firstBoot)).write(seed);
                devices.add(
                        last + 1,
                        new DiskConfig(
                                seed.toString(), ImageFormat.RAW, true, "", false, false, false));
            }
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "the files of this run cannot be written: %s.".formatted(e.getMessage()),
                    e);
        }
        return config.withDevices(devices);
    }

    private static DiskConfig overlay(DiskConfig disk, Path file) {
        if (disk.format() == ImageFormat.NBD) {
            throw usage(
                    "the disk %s is an nbd export, which 'snapshot' is not for."
                            .formatted(disk.location()));
        }
        // An overlay follows what its base names; a base that names anything is refused first.
        try {
            Images.open(disk.location(), disk.format(), ImageOptions.READ_ONLY).close();
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "the disk %s cannot be opened: %s."
                            .formatted(disk.location(), DiskKernel.reason(e)),
                    e);
        }
        return disk.overlaid(RootDisk.overlay(Path.of(disk.location()), disk.format(), file));
    }

    private byte[] readUserData(FirstBoot firstBoot) {
        Path file = userData;
        if (file == null) {
            return new byte[0];
        }
        if (!firstBoot.keys().isEmpty()) {
            throw usage("--user-data is all that cloud-init gets; leave --ssh-key out.");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_USER_DATA + 1);
            if (bytes.length > MAX_USER_DATA) {
                throw usage("--user-data: %s has more than 1 MiB.".formatted(file));
            }
            return bytes;
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--user-data: %s cannot be read: %s.".formatted(file, DiskKernel.reason(e)),
                    e);
        }
    }
}
