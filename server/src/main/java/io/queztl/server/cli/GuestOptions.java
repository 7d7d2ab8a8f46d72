package io.queztl.server.cli;

import io.queztl.devices.storage.ImageFormat;
import io.queztl.linux.Terminal;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.debian.DebianImage;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.FirstBoot;
import io.queztl.server.guest.RootInitramfs;
import io.queztl.server.guest.StockGuest;
import io.queztl.server.guest.StockModules;
import io.queztl.server.image.ContainerStart;
import io.queztl.server.image.ImageReference;
import io.queztl.server.image.ImageStore;
import io.queztl.server.image.RootDisk;
import io.queztl.vmm.config.AgentConfig;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.DiskConfig;
import io.queztl.vmm.config.VmConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What {@code queztl run} boots from a disk of its own making: Debian or an OCI image. */
final class GuestOptions {
    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "IMAGE",
            description = "an OCI image to run, such as alpine:3.20; or 'debian', Debian 12")
    private @Nullable String image;

    @Parameters(
            index = "1..*",
            arity = "0..*",
            paramLabel = "COMMAND",
            description =
                    "what to run in it instead of its own command; behind -- if options are in it")
    private List<String> command = new ArrayList<>();

    @Option(names = "--init", description = "boot the image's own /sbin/init instead of a command")
    private boolean init;

    @Option(
            names = "--persist",
            paramLabel = "NAME",
            description = "keep IMAGE's disk under this name, for the next run with it")
    private @Nullable String persist;

    @Option(
            names = {"-t", "--tty"},
            description = "give the command a terminal, if standard input is none, too")
    private boolean tty;

    @Option(
            names = {"-i", "--interactive"},
            description =
                    "give the command standard input, if that is no terminal; a terminal it has"
                            + " anyway")
    private boolean interactive;

    @Mixin private FirstBootOptions firstBoot = new FirstBootOptions();

    /** For picocli. */
    GuestOptions() {}

    /**
     * A guest that is ready to boot.
     *
     * @param folder files of this run, which may be deleted once the VM is built
     * @param commanded whether the guest will tell the status of a command
     */
    record Prepared(VmConfig config, Path folder, boolean commanded) {}

    /** Whether an image is named. */
    boolean named() {
        return image != null;
    }

    /** Whether the guest is to learn that standard input has ended. */
    boolean tellsEnd() {
        return interactive && image != null;
    }

    /**
     * Keys and name for a system of the guest's own.
     *
     * @throws CommandException if a file of keys or the name is none
     */
    FirstBoot firstBoot() {
        return firstBoot.read();
    }

    private boolean debian() {
        return DebianImage.NAME.equals(image);
    }

    /**
     * Refuses what makes no sense without or with an image.
     *
     * @param otherBoot whether something else is booted
     * @param ownSystem whether that is a disk with a system of its own
     * @param exec a line for the guest's shell, or null
     */
    void check(boolean otherBoot, boolean ownSystem, @Nullable String exec) {
        if (debian() && (init || exec != null || !command.isEmpty())) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "Debian is booted as a whole; leave --init, --exec and COMMAND out ('queztl"
                            + " exec' runs commands in it, with --agent).");
        }
        if (firstBoot.asked() && !ownSystem && !debian()) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--ssh-key and --hostname are for a guest that is a whole system: 'queztl run"
                            + " debian', or a disk with --boot disk or --firmware.");
        }
        if (image == null && (init || persist != null)) {
            throw new CommandException(
                    ExitStatus.USAGE, "--init and --persist need an IMAGE; name one.");
        }
        if (image != null && otherBoot) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "an IMAGE is booted with Debian's kernel; leave --kernel, --initrd and"
                            + " --firmware out.");
        }
        if (init && !command.isEmpty()) {
            throw new CommandException(
                    ExitStatus.USAGE, "--init boots all of the image; leave its COMMAND out.");
        }
    }

    /**
     * Makes disk and initial RAM disk.
     *
     * @param exec a line for the image's shell, or null
     * @param extra the other devices of the VM
     */
    Prepared prepare(
            VmConfig config, @Nullable String exec, DeviceOptions extra, HostIo io, boolean verbose)
            throws IOException {
        CacheFolder cache = CacheFolder.of(System.getenv());
        Consumer<String> progress = line -> io.err().println("queztl: " + line + " ...");
        if (debian()) {
            return DebianGuest.prepare(
                    config, firstBoot.read(), persist, cache, io.terminal(), progress);
        }
        if (config.devices().stream().anyMatch(AgentConfig.class::isInstance)) {
            throw new CommandException(
                    ExitStatus.USAGE, "an IMAGE has no agent yet; leave --agent out.");
        }
        ImageReference reference = ImageReference.parse(java.util.Objects.requireNonNull(image));
        ImageStore.Image pulled =
                new ImageStore(cache, System.getenv(), progress).obtain(reference);
        StockGuest guest = StockGuest.obtain(cache, extra.flavour(), progress);
        Path folder = Files.createTempDirectory(cache.folder("runs"), "run-");
        boolean done = false;
        try {
            Terminal terminal = io.terminal();
            Terminal.Size size =
                    terminal != null ? terminal.size() : tty ? new Terminal.Size(24, 80) : null;
            Path initrd = folder.resolve("initrd");
            List<List<String>> all = new ArrayList<>(extra.modules());
            all.add(StockModules.DISK);
            all.add(StockModules.ENTROPY);
            RootInitramfs.write(
                    initrd,
                    guest,
                    all,
                    extra.settings(),
                    start(pulled, exec, size != null),
                    size,
                    verbose);
            List<DeviceConfig> devices = new ArrayList<>();
            devices.add(disk(pulled.disk(), ImageFormat.RAW, folder));
            devices.addAll(config.devices());
            Prepared prepared =
                    new Prepared(
                            config.withKernel(guest.kernel())
                                    .withInitrd(initrd)
                                    .withDevices(devices),
                            folder,
                            !init);
            done = true;
            return prepared;
        } finally {
            if (!done) {
                CacheFolder.delete(folder);
            }
        }
    }

    private DiskConfig disk(Path file, ImageFormat format, Path folder) {
        return persist == null
                ? RootDisk.forOneRun(file, format, folder)
                : RootDisk.kept(file, format, persist, System.getenv());
    }

    private RootInitramfs.Start start(
            ImageStore.Image pulled, @Nullable String exec, boolean terminal) {
        if (init) {
            return RootInitramfs.Start.init("/sbin/init");
        }
        List<String> words =
                exec != null ? List.of("/bin/sh", "-c", exec) : pulled.config().words(command);
        if (words.isEmpty()) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "the image %s has no command of its own; name one behind --."
                            .formatted(pulled.reference()));
        }
        return ContainerStart.of(
                pulled.config(),
                pulled.account(),
                words,
                "queztl",
                terminal,
                terminal || interactive);
    }
}
