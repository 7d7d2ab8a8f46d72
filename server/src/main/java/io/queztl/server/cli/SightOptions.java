package io.queztl.server.cli;

import io.queztl.emulator.sight.Profiler;
import io.queztl.emulator.sight.Sight;
import io.queztl.emulator.sight.SymbolMap;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} that show the software CPU at work, and what they print. */
final class SightOptions {
    /** Fewer functions than any kernel has: Debian's packages carry a System.map of one line. */
    private static final int FEWEST_SYMBOLS = 100;

    private static final String STANDARD_ERROR = "-";

    @Option(
            names = "--stats",
            arity = "0..1",
            paramLabel = "FORMAT",
            fallbackValue = "table",
            description =
                    "at the end print what was executed, translated and handled to standard error:"
                            + " 'table' (if nothing is given) or 'json'")
    private @Nullable String stats;

    @Option(
            names = "--profile",
            arity = "0..1",
            paramLabel = "FILE",
            fallbackValue = STANDARD_ERROR,
            description =
                    "sample the guest's RIP and at the end print its hottest functions (to"
                            + " standard error if no file is given)")
    private @Nullable String profile;

    @Option(
            names = "--system-map",
            paramLabel = "FILE",
            description =
                    "the kernel's System.map, or the guest's /proc/kallsyms, for the names of"
                            + " --profile")
    private @Nullable Path systemMap;

    @Option(
            names = "--dump-region",
            paramLabel = "ADDRESS",
            description =
                    "write the translated code that holds an address (hexadecimal, linear or"
                            + " physical), or 'all' of it, to files")
    private @Nullable String dumpRegion;

    @Option(
            names = "--dump-dir",
            paramLabel = "DIR",
            description = "folder of --dump-region (default: ${DEFAULT-VALUE})")
    private Path dumpFolder = Path.of("queztl-regions");

    private @Nullable Profiler profiler;
    private @Nullable SymbolMap symbols;

    /** For picocli. */
    SightOptions() {}

    /**
     * Makes what the CPU is to be given.
     *
     * @throws CommandException if an option is wrong or a file cannot be read or written
     */
    Sight sight() {
        Sight sight = new Sight();
        if (stats != null && !stats.equals("table") && !stats.equals("json")) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--stats takes 'table' or 'json', not '%s'.".formatted(stats));
        }
        if (systemMap != null && profile == null) {
            throw new CommandException(
                    ExitStatus.USAGE, "--system-map needs --profile, whose names it has.");
        }
        if (profile != null) {
            prepareProfile(sight, profile);
        }
        if (dumpRegion != null) {
            prepareDump(sight, dumpRegion);
        }
        return sight;
    }

    private void prepareProfile(Sight sight, String file) {
        Path map = systemMap;
        if (map != null) {
            try {
                symbols = SymbolMap.read(map);
            } catch (IOException e) {
                throw new CommandException(
                        ExitStatus.HOST,
                        "--system-map: '%s' cannot be read (%s).".formatted(map, e.getMessage()));
            }
            if (symbols.size() < FEWEST_SYMBOLS) {
                throw new CommandException(
                        ExitStatus.USAGE,
                        ("--system-map: '%s' names hardly any function; save the guest's own"
                                        + " /proc/kallsyms and name that.")
                                .formatted(map));
            }
        }
        if (!file.equals(STANDARD_ERROR)) {
            try {
                Files.writeString(Path.of(file), "");
            } catch (IOException e) {
                throw new CommandException(
                        ExitStatus.HOST,
                        "--profile: '%s' cannot be written (%s).".formatted(file, e.getMessage()));
            }
        }
        profiler = new Profiler(Profiler.DEFAULT_RATE);
        sight.profile(profiler);
    }

    private void prepareDump(Sight sight, String which) {
        try {
            Files.createDirectories(dumpFolder);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "--dump-dir: '%s' cannot be made (%s).".formatted(dumpFolder, e.getMessage()));
        }
        if (which.equals("all")) {
            sight.dump(dumpFolder);
            return;
        }
        try {
            String digits = which.startsWith("0x") ? which.substring(2) : which;
            sight.dump(dumpFolder, Long.parseUnsignedLong(digits, 16));
        } catch (NumberFormatException e) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--dump-region takes a hexadecimal address or 'all', not '%s'."
                            .formatted(which));
        }
    }

    /** Takes the map that lies beside a kernel, if none was named and it has one worth the name. */
    void kernel(Path file) {
        String name = String.valueOf(file.getFileName());
        if (profiler == null || symbols != null || !name.startsWith("vmlinuz-")) {
            return;
        }
        Path map = file.resolveSibling("System.map-" + name.substring("vmlinuz-".length()));
        try {
            if (Files.isReadable(map)) {
                SymbolMap read = SymbolMap.read(map);
                symbols = read.size() < FEWEST_SYMBOLS ? null : read;
            }
        } catch (IOException e) {
            symbols = null; // nobody asked for it
        }
    }

    /** Prints what was asked for, after the guest has ended. */
    void report(Sight sight, PrintStream err) {
        Profiler p = profiler;
        String file = profile;
        if (p != null && file != null) {
            p.stop();
            String text = ProfileReport.text(p.profile(symbols), symbols != null);
            if (file.equals(STANDARD_ERROR)) {
                err.print(text);
            } else {
                try {
                    Files.writeString(Path.of(file), text);
                } catch (IOException e) {
                    err.println(
                            "queztl: --profile: '%s' cannot be written (%s)."
                                    .formatted(file, e.getMessage()));
                }
            }
        }
        if (stats != null) {
            StatisticsReport report = new StatisticsReport(sight.statistics());
            err.print(stats.equals("json") ? report.json() : report.table());
        }
        if (dumpRegion != null) {
            err.println(
                    "queztl: --dump-region: %d regions written to %s"
                            .formatted(sight.dumped(), dumpFolder));
        }
    }
}
