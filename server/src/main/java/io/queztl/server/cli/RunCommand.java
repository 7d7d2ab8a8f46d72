package io.queztl.server.cli;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.SoftwareAccelerator;
import io.queztl.emulator.sight.Sight;
import io.queztl.linux.Terminal;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.ControlServer;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.FirstBoot;
import io.queztl.server.guest.StockGuest;
import io.queztl.server.guest.StockInitramfs;
import io.queztl.server.guest.StockModules;
import io.queztl.vmm.builder.Outcome;
import io.queztl.vmm.builder.VirtualMachine;
import io.queztl.vmm.builder.VmBuilder;
import io.queztl.vmm.config.FirmwareConfig;
import io.queztl.vmm.config.MemorySize;
import io.queztl.vmm.config.VmConfig;
import io.queztl.vmm.gdb.GdbServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code queztl run}: one VM in the foreground, its serial console on the standard streams. */
@Command(
        name = "run",
        description = {
            "Runs a virtual machine in the foreground; its serial console is this terminal.",
            "IMAGE is the name of an OCI image: it becomes a disk, its command runs on it. 'debian' is"
                    + " Debian 12 as a whole, built on this host once.",
            "Without IMAGE and --kernel, Debian's stock kernel and busybox are fetched with this host's apt"
                    + " (once, without root) and greet you, or run the command of --exec.",
            "On a terminal, Ctrl-A x ends the VM and Ctrl-A Ctrl-A sends a Ctrl-A.",
        },
        mixinStandardHelpOptions = true,
        versionProvider = Cli.Version.class,
        sortOptions = false,
        exitCodeListHeading = "%nExit statuses:%n",
        exitCodeList = {
            "0:the guest powered off",
            "N:with --exec or IMAGE, the status of the command",
            "2:wrong arguments",
            "3:the kernel or initrd cannot be booted",
            "4:the host lacks something (memory, apt, network)",
            "5:the guest crashed",
            "6:the guest reset itself (reboot or kernel panic)",
            "7:the guest ended without a status for --exec",
            "8:with --check, translated code and the interpreter differ",
            "13:the guest's kernel panicked (with --pvpanic)",
            "125:an error in Queztl",
        })
final class RunCommand implements Callable<Integer> {
    private final HostIo io;

    /** Whether the guest runs a command and tells its status. */
    private boolean commanded;

    @Option(
            names = "--kernel",
            paramLabel = "FILE",
            description = "bzImage, ELF vmlinux or multiboot kernel; default: Debian's")
    private @Nullable Path kernel;

    @Option(
            names = "--initrd",
            paramLabel = "FILE",
            description = "initial RAM disk; default: the stock guest's, or none with --kernel")
    private @Nullable Path initrd;

    @Option(
            names = "--append",
            paramLabel = "TEXT",
            description =
                    "added to the kernel command line, which starts with '"
                            + KernelCommandLine.DEFAULTS
                            + "' for Linux")
    private @Nullable String append;

    @Option(
            names = {"-c", "--cpus"},
            paramLabel = "N",
            description = "number of vCPUs (default: ${DEFAULT-VALUE})")
    private int cpus = 1;

    @Option(
            names = {"-m", "--memory"},
            paramLabel = "SIZE",
            description = "RAM, such as 512M or 4G; a bare number is MiB (default: 512M)")
    private String memory = MemorySize.format(VmConfig.DEFAULT_MEMORY);

    @Option(
            names = "--cpu",
            paramLabel = "MODEL",
            description = "CPU model (default: ${DEFAULT-VALUE})")
    private String cpuModel = VmConfig.DEFAULT_CPU_MODEL;

    @Option(
            names = "--exec",
            paramLabel = "COMMAND",
            description = "run this in the guest's shell and end with its status")
    private @Nullable String exec;

    @Option(
            names = "--unpack-initrd",
            description = "decompress the initrd before the guest starts, rather than in it")
    private boolean unpackInitrd;

    @Option(
            names = {"-v", "--verbose"},
            description = "show the stock guest's kernel messages")
    private boolean verbose;

    @Option(
            names = "--trace",
            description = "print each instruction's address to standard error (very slow)")
    private boolean trace;

    @Option(
            names = "--gdb",
            paramLabel = "PORT",
            description = "let GDB attach on this TCP port of 127.0.0.1; the guest waits for it")
    private @Nullable Integer gdb;

    @Option(
            names = "--debug-exit",
            description =
                    "a write of N to port 0xf4 ends the VM with status 2N+1 (for test kernels)")
    private boolean debugExit;

    @Option(
            names = "--debug-console",
            description = "bytes written to port 0xe9 go to standard output (for test kernels)")
    private boolean debugConsole;

    @Option(
            names = "--check",
            arity = "0..1",
            paramLabel = "WHICH",
            fallbackValue = "samples",
            description = {
                "run translated code and the interpreter side by side, and stop where they differ:"
                        + " 'samples' (if nothing is given) or 'all' (slow)"
            })
    private @Nullable String check;

    @Mixin private FirmwareOptions firmware = new FirmwareOptions();

    @Mixin private DiskBootOptions diskBoot = new DiskBootOptions();

    @Mixin private GuestOptions guestOptions = new GuestOptions();

    @Mixin private ControlOptions control = new ControlOptions();

    @Mixin private DeviceOptions devices = new DeviceOptions();

    @Mixin private SightOptions sightOptions = new SightOptions();

    RunCommand(HostIo io) {
        this.io = io;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (exec != null && initrd != null) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--exec needs the stock initrd to carry the command; leave --initrd out.");
        }
        boolean ownSystem = firmware.asked() || diskBoot.asked();
        diskBoot.check(
                kernel != null || initrd != null || exec != null,
                firmware.asked(),
                guestOptions.named());
        guestOptions.check(kernel != null || initrd != null || ownSystem, ownSystem, exec);
        if (guestOptions.named()) {
            devices.connectByDefault();
        }
        firmware.check(
                kernel != null || initrd != null || append != null || exec != null || unpackInitrd);
        if (ownSystem) {
            return boot();
        }
        // Checked before anything is fetched; the kernel's own limits come later.
        VmConfig config =
                machine(VmConfig.of(kernel == null ? Path.of("stock") : kernel))
                        .withInitrd(initrd)
                        .withCommandLine(
                                KernelCommandLine.of(
                                        kernel, devices.console().append(kernel, append), verbose))
                        .withUnpackInitrd(unpackInitrd);
        Sight sight = sightOptions.sight();
        SoftwareAccelerator accelerator =
                new SoftwareAccelerator(ExecutionMode.byDefault(), check(), sight);
        VmBuilder.check(config, accelerator);
        try (RunFiles files = new RunFiles()) {
            commanded = exec != null;
            boolean stockInitrd = initrd == null && (kernel == null || exec != null);
            if (guestOptions.named()) {
                GuestOptions.Prepared prepared =
                        guestOptions.prepare(config, exec, devices, io, verbose);
                config = prepared.config();
                files.adopt(prepared.folder());
                commanded = prepared.commanded();
            } else if (kernel == null || stockInitrd) {
                StockGuest guest =
                        StockGuest.obtain(
                                CacheFolder.of(System.getenv()),
                                devices.flavour(),
                                line -> io.err().println("queztl: " + line + " ..."));
                if (kernel == null) {
                    config = config.withKernel(guest.kernel());
                }
                if (stockInitrd) {
                    Path temporary = Files.createTempFile("queztl-", ".cpio");
                    temporary.toFile().deleteOnExit();
                    files.adopt(temporary);
                    Terminal terminal = io.terminal();
                    StockInitramfs.write(
                            temporary,
                            guest.busybox(),
                            exec,
                            modules(guest),
                            devices.settings(),
                            terminal == null ? null : terminal.size(),
                            verbose);
                    config = config.withInitrd(temporary);
                }
            }
            Path booted = config.kernel();
            if (booted != null) {
                sightOptions.kernel(booted);
            }
            return named(config, accelerator, sight, files);
        }
    }

    /** Boots what is on a disk: by firmware, or the kernel that is taken out of it. */
    private int boot() throws IOException, InterruptedException {
        Sight sight = sightOptions.sight();
        SoftwareAccelerator accelerator =
                new SoftwareAccelerator(ExecutionMode.byDefault(), check(), sight);
        try (RunFiles files = new RunFiles()) {
            VmConfig config;
            if (firmware.asked()) {
                FirmwareConfig parts =
                        firmware.config(
                                CacheFolder.of(System.getenv()),
                                line -> io.err().println("queztl: " + line + " ..."));
                config = machine(VmConfig.of(parts));
            } else {
                Path disk = Path.of("disk");
                config = machine(VmConfig.of(disk)).withUnpackInitrd(unpackInitrd);
                VmBuilder.check(config, accelerator);
                config =
                        diskBoot.kernel(
                                config,
                                files,
                                devices.console().append(disk, append),
                                line -> io.err().println("queztl: " + line + "."));
            }
            return named(config, accelerator, sight, files);
        }
    }

    /** Runs it under the name that other commands reach it by. */
    private int named(VmConfig config, SoftwareAccelerator accelerator, Sight sight, RunFiles files)
            throws InterruptedException {
        boolean ownSystem = firmware.asked() || diskBoot.asked();
        VmConfig whole =
                diskBoot.complete(
                        config,
                        ownSystem ? guestOptions.firstBoot() : new FirstBoot(List.of(), null),
                        files);
        ControlOptions.Reserved socket = control.reserve(io);
        try {
            return run(whole, accelerator, sight, files, socket);
        } finally {
            if (socket != null) {
                socket.close();
            }
        }
    }

    /** What is the same whatever boots it. */
    private VmConfig machine(VmConfig config) {
        return config.withCpus(cpus)
                .withMemory(MemorySize.parse(memory))
                .withCpuModel(cpuModel)
                .withDebugExit(debugExit)
                .withDebugConsole(debugConsole)
                .withDevices(devices.configs());
    }

    private List<Path> modules(StockGuest guest) {
        return StockModules.files(guest.modules(), devices.modules());
    }

    private int run(
            VmConfig config,
            SoftwareAccelerator accelerator,
            Sight sight,
            RunFiles files,
            ControlOptions.@Nullable Reserved socket)
            throws InterruptedException {
        CompletableFuture<SerialConsole> reader = new CompletableFuture<>();
        StatusPort status = new StatusPort(() -> reader.thenAccept(SerialConsole::startReading));
        VmBuilder builder = new VmBuilder(config, accelerator).console(io.out()).second(status);
        builder.firmwareDebug(io.err());
        if (trace) {
            builder.trace(io.err()::println);
        }
        ControlServer server = null;
        try (VirtualMachine vm = builder.build()) {
            // It is in the guest's memory now.
            files.close();
            ConsoleInput input = devices.console().input(vm, io.terminal());
            SerialConsole console = new SerialConsole(io, input, vm::stop, guestOptions.tellsEnd());
            Thread hook =
                    new Thread(
                            () -> {
                                console.close();
                                vm.stop();
                                if (socket != null) {
                                    socket.close();
                                }
                            },
                            "queztl-shutdown");
            Runtime.getRuntime().addShutdownHook(hook);
            Outcome outcome;
            try (console) {
                console.start();
                if (socket != null) {
                    RunningVm running = new RunningVm(socket.name(), vm, config, sight);
                    vm.peripherals().onPaused(() -> pausedByWatchdog(running));
                    server = socket.serve(running);
                }
                if (!commanded || io.terminal() != null) {
                    console.startReading();
                } else {
                    boolean ignored = reader.complete(console);
                }
                Integer port = gdb;
                if (port != null) {
                    debug(vm, port);
                } else {
                    vm.start();
                }
                outcome = vm.awaitExit();
                vm.flush();
            } finally {
                removeHook(hook);
            }
            vm.finish();
            sightOptions.report(sight, io.err());
            String checked = accelerator.checked();
            if (checked != null) {
                io.err().println("queztl: --check: " + checked);
            }
            String difference = accelerator.difference();
            if (difference != null) {
                io.err().print(difference);
                return Cli.fail(
                        io,
                        ExitStatus.DIFFERENCE,
                        "translated code and the interpreter differ, please report the lines"
                                + " above.");
            }
            return exitStatus(outcome, status);
        } finally {
            // Whoever waits for the end finds the disks closed.
            if (server != null) {
                server.close();
            }
        }
    }

    private SoftwareAccelerator.Check check() {
        String which = check;
        if (which == null) {
            return SoftwareAccelerator.Check.NONE;
        }
        if (cpus != 1) {
            throw new CommandException(
                    ExitStatus.USAGE, "--check needs a VM with one vCPU; leave -c out.");
        }
        return switch (which) {
            case "samples" -> SoftwareAccelerator.Check.SAMPLES;
            case "all" -> SoftwareAccelerator.Check.ALL;
            default ->
                    throw new CommandException(
                            ExitStatus.USAGE,
                            "--check takes 'samples' or 'all', not '%s'.".formatted(which));
        };
    }

    private void debug(VirtualMachine vm, int port) {
        if (port < 0 || port > 65535) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--gdb takes a port from 0 to 65535, not %d.".formatted(port));
        }
        try {
            GdbServer server = vm.debug(port);
            vm.startPaused();
            io.err().println("queztl: waiting for GDB: target remote 127.0.0.1:" + server.port());
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "port %d of 127.0.0.1 cannot be listened on (%s); choose another for --gdb."
                            .formatted(port, e.getMessage()));
        }
    }

    private int exitStatus(Outcome outcome, StatusPort status) {
        return switch (outcome) {
            case Outcome.PoweredOff p ->
                    !commanded
                            ? ExitStatus.OK
                            : status.status()
                                    .orElseGet(() ->
                                            Cli.fail(
                                                    io,
                                                    ExitStatus.NO_STATUS,
                                                    "the guest powered off before the"
                                                            + " command ended."));
            case Outcome.Stopped s -> !commanded ? ExitStatus.OK : ExitStatus.NO_STATUS;
            case Outcome.DebugExit d -> d.status() & 0xff;
            case Outcome.Reset r ->
                    Cli.fail(
                            io,
                            ExitStatus.RESET,
                            "the guest reset itself: it was rebooted, or its kernel panicked.");
            case Outcome.Panicked p ->
                    Cli.fail(io, ExitStatus.PANICKED, "the guest's kernel panicked.");
            case Outcome.WatchdogExpired w ->
                    Cli.fail(
                            io,
                            ExitStatus.RESET,
                            "the guest was reset by its watchdog, which it had stopped patting.");
            case Outcome.Crashed c ->
                    Cli.fail(io, ExitStatus.CRASHED, "the guest crashed: " + c.reason() + ".");
            case Outcome.Failed f ->
                    Cli.fail(
                            io,
                            ExitStatus.INTERNAL,
                            "an error in Queztl, please report it: " + f.reason() + ".");
        };
    }

    private void pausedByWatchdog(RunningVm vm) {
        vm.pausedByDevice();
        io.err().println("queztl: the watchdog has paused the guest; see 'queztl resume'.");
    }

    private static void removeHook(Thread hook) {
        try {
            boolean ignored = Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is on its way down, and the hook runs or has run.
        }
    }
}
