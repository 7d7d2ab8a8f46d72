package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockFirmware;
import io.queztl.vmm.config.FirmwareConfig;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} that boot firmware, and with it what is on a disk. */
final class FirmwareOptions {
    @Option(
            names = "--firmware",
            paramLabel = "seabios|ovmf|FILE",
            description =
                    "boot a disk that carries its own boot loader: by Debian's SeaBIOS (BIOS) or"
                            + " OVMF (UEFI), or a ROM in a file")
    private @Nullable String firmware;

    @Option(
            names = "--firmware-vars",
            paramLabel = "FILE",
            description =
                    "keep the UEFI variables in this file, made if it does not exist; default:"
                            + " they are forgotten with the VM")
    private @Nullable Path variables;

    @Option(
            names = "--firmware-debug",
            description = "print what the firmware writes to its debug port to standard error")
    private boolean debug;

    /** For picocli. */
    FirmwareOptions() {}

    /** Whether firmware is to boot the VM. */
    boolean asked() {
        return firmware != null;
    }

    /**
     * Checks the options against the others, before anything is fetched.
     *
     * @param others whether an option is there that only goes with a kernel
     * @throws CommandException if they do not go together
     */
    void check(boolean others) {
        if (firmware == null && (variables != null || debug)) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--firmware-vars and --firmware-debug need --firmware, whose they are.");
        }
        if (firmware != null && others) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--firmware boots what is on a disk; leave --kernel, --initrd, --append, --exec"
                            + " and --unpack-initrd out.");
        }
    }

    /**
     * Finds the files.
     *
     * @param progress told what takes long, a line each
     * @throws CommandException if they are not to be had
     */
    FirmwareConfig config(CacheFolder cache, Consumer<String> progress) {
        String name = java.util.Objects.requireNonNull(firmware);
        StockFirmware files =
                switch (name) {
                    case "seabios" -> StockFirmware.seabios(cache, progress);
                    case "ovmf" -> StockFirmware.ovmf(cache, progress);
                    // With a ROM of the user's own the variables must be there already.
                    default -> new StockFirmware(Path.of(name), variables);
                };
        return new FirmwareConfig(files.rom(), files.variables(), variables, debug);
    }
}
