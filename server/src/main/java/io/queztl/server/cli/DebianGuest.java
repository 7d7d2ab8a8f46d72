package io.queztl.server.cli;

import io.queztl.devices.storage.ImageFormat;
import io.queztl.linux.Terminal;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.debian.DebianImage;
import io.queztl.server.debian.FirstBootArchive;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.FirstBoot;
import io.queztl.server.image.DiskKernel;
import io.queztl.server.image.RootDisk;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.DiskConfig;
import io.queztl.vmm.config.ShareConfig;
import io.queztl.vmm.config.VmConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code queztl run debian}: the disk, and the kernel and initramfs that are on it. */
final class DebianGuest {
    private static final String COMMAND_LINE = "root=/dev/vda ro net.ifnames=0 ";

    private DebianGuest() {}

    /**
     * Makes disk and initramfs.
     *
     * @param persist the name of the disk that is kept, or null for one that ends with the run
     * @param progress told what takes long, a line each
     */
    static GuestOptions.Prepared prepare(
            VmConfig config,
            FirstBoot firstBoot,
            @Nullable String persist,
            CacheFolder cache,
            @Nullable Terminal terminal,
            Consumer<String> progress)
            throws IOException {
        if (config.devices().stream().anyMatch(ShareConfig.class::isInstance)) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "Debian's kernel for virtual machines has no 9P; leave --share out.");
        }
        Path folder = Files.createTempDirectory(cache.folder("runs"), "run-");
        boolean done = false;
        try {
            DiskConfig disk = disk(persist, cache, folder, progress);
            DiskKernel kernel = DiskKernel.copy(disk, folder, line -> {});
            Path initrd = folder.resolve("first");
            FirstBootArchive.write(initrd, firstBoot, terminal == null ? null : terminal.size());
            if (kernel.initrd() != null) {
                FirstBootArchive.append(initrd, kernel.initrd());
            }
            List<DeviceConfig> devices = new ArrayList<>();
            devices.add(disk);
            devices.addAll(config.devices());
            GuestOptions.Prepared prepared =
                    new GuestOptions.Prepared(
                            config.withKernel(kernel.kernel())
                                    .withInitrd(initrd)
                                    .withUnpackInitrd(true)
                                    .withCommandLine(COMMAND_LINE + config.commandLine())
                                    .withDevices(devices),
                            folder,
                            false);
            done = true;
            return prepared;
        } finally {
            if (!done) {
                CacheFolder.delete(folder);
            }
        }
    }

    private static DiskConfig disk(
            @Nullable String persist, CacheFolder cache, Path folder, Consumer<String> progress) {
        if (persist == null) {
            Path image = DebianImage.obtain(cache, progress).disk();
            return RootDisk.forOneRun(image, ImageFormat.RAW, folder);
        }
        if (Files.exists(RootDisk.keptFile(persist, System.getenv()))) {
            return RootDisk.kept(persist, System.getenv());
        }
        Path image = DebianImage.obtain(cache, progress).disk();
        return RootDisk.kept(image, ImageFormat.RAW, persist, System.getenv());
    }
}
