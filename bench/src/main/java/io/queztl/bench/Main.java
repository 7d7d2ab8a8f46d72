package io.queztl.bench;

import io.queztl.server.CommandException;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockGuest;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.OperatingSystemMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * {@code ./dev bench}: the same kernel and programs under Queztl and under QEMU's TCG in turn, and
 * how many times faster Queztl is. Ends with status 1 if an item fails or computes something else
 * than under the peer, 2 for wrong arguments.
 */
public final class Main {
    private static final String NO_QEMU =
            "There is no %s to compare with (Debian package qemu-system-x86); only Queztl is measured.";

    private static final int BOOT_LIMIT_SECONDS = 300;
    private static final int GROUP_LIMIT_SECONDS = 3600;
    private static final int AOT_LIMIT_SECONDS = 180;

    private final Options options;
    private final Path folder;

    private Main(Options options, Path folder) {
        this.options = options;
        this.folder = folder;
    }

    /** Runs the benchmarks; the working directory is the root of the checkout. */
    public static void main(String[] arguments) throws InterruptedException {
        List<String> words = List.of(arguments);
        if (words.contains("--help") || words.contains("-h")) {
            System.out.print(Options.USAGE);
            return;
        }
        if (words.contains("--list")) {
            Suite.all(words.contains("--io"))
                    .forEach(i -> System.out.printf("%-18s %s%n", i.name(), i.command(false)));
            return;
        }
        Options options;
        try {
            options = Options.parse(words);
        } catch (IllegalArgumentException e) {
            System.err.println("bench: " + e.getMessage() + "; --help lists the options.");
            System.exit(2);
            return;
        }
        System.exit(run(options));
    }

    private static int run(Options options) throws InterruptedException {
        try {
            Path folder = Files.createTempDirectory("queztl-bench");
            // Ctrl-C too leaves nothing behind.
            Runtime.getRuntime().addShutdownHook(new Thread(() -> CacheFolder.delete(folder)));
            return new Main(options, folder).run();
        } catch (IOException | CommandException e) {
            System.err.println("bench: " + e.getMessage());
            return 1;
        }
    }

    private int run() throws IOException, InterruptedException {
        List<Item> items = Suite.selected(options);
        List<String> boots = Suite.selectedBoots(options);
        if (items.isEmpty() && boots.isEmpty()) {
            System.err.println("bench: --only matches no item; --list lists them.");
            return 2;
        }
        CacheFolder cache = CacheFolder.of(System.getenv());
        StockGuest stock = StockGuest.obtain(cache, Main::progress);
        Path kernel = Vmlinux.unpack(stock.kernel(), folder.resolve("vmlinux"));
        Path bootInitrd = folder.resolve("boot.cpio");
        GuestImage.writeBoot(bootInitrd, stock.busybox());
        Path tree = null;
        Path program = null;
        List<Machine.Disk> disks = List.of();
        if (options.io()) {
            tree = DebianTree.IO.obtain(cache, Main::progress);
            disks = IoSuite.makeDisks(folder);
        } else if (!items.isEmpty()) {
            tree = DebianTree.TOOLS.obtain(cache, Main::progress);
            program = GuestProgram.compile(folder);
        }
        System.out.printf("kernel %s, one vCPU, 1 GiB%n", stock.release());
        warnIfBusy();

        if (options.queztl()) {
            prepareAotCache(kernel, bootInitrd);
        }
        if (options.soakMinutes() > 0 && tree != null && program != null) {
            Path initrd = folder.resolve("soak.cpio");
            GuestImage.writeSuite(initrd, stock.busybox(), tree, program, items, options);
            List<String> problems = Soak.run(kernel, initrd, items, options);
            problems.forEach(p -> System.out.println("PROBLEM: " + p));
            return problems.isEmpty() ? 0 : 1;
        }

        Map<Contestant, Measurements> results = new EnumMap<>(Contestant.class);
        if (options.queztl()) {
            results.put(Contestant.QUEZTL, new Measurements());
        }
        if (options.peer() && Tool.exists(Contestant.QEMU)) {
            results.put(Contestant.TCG, new Measurements());
        } else if (options.peer()) {
            System.out.println(NO_QEMU.formatted(Contestant.QEMU));
        }
        for (String boot : boots) {
            Path entered = boot.equals(Suite.BOOT) ? kernel : stock.kernel();
            for (int i = 0; i < options.repeats(); i++) {
                runAll(results, new Machine(entered, bootInitrd), boot, BOOT_LIMIT_SECONDS);
            }
        }
        for (Item.Group group : Item.Group.values()) {
            List<Item> some = items.stream().filter(i -> i.group() == group).toList();
            if (some.isEmpty() || tree == null) {
                continue;
            }
            Path initrd = folder.resolve("suite.cpio");
            if (program != null) {
                GuestImage.writeSuite(initrd, stock.busybox(), tree, program, some, options);
            } else {
                GuestImage.writeIo(initrd, stock, tree, some, options);
            }
            if (group == Item.Group.NETWORK) {
                runNetwork(results, kernel, initrd);
            } else {
                runAll(results, new Machine(kernel, initrd, disks), null, GROUP_LIMIT_SECONDS);
            }
        }
        Report report = new Report(boots, items, results);
        System.out.print(report.text());
        Path json = options.json();
        if (json != null) {
            Files.writeString(json, report.json());
        }
        return report.problems().isEmpty() ? 0 : 1;
    }

    private void runNetwork(Map<Contestant, Measurements> results, Path kernel, Path initrd)
            throws IOException, InterruptedException {
        try (HostNetwork host = HostNetwork.open()) {
            Machine machine =
                    new Machine(kernel, initrd, List.of(), host.networks(), host.prefix());
            if (!host.hasTap()) {
                System.out.println("Items with a TAP interface fail: they need root.");
            }
            runAll(results, machine, null, GROUP_LIMIT_SECONDS);
        }
    }

    /** One boot under each contestant; one that does not get to init shows in the report. */
    private void runAll(
            Map<Contestant, Measurements> results,
            Machine machine,
            @Nullable String boot,
            long limitSeconds)
            throws InterruptedException {
        for (Map.Entry<Contestant, Measurements> e : results.entrySet()) {
            Contestant contestant = e.getKey();
            try {
                contestant.run(
                        machine,
                        boot,
                        limitSeconds,
                        e.getValue(),
                        p -> {},
                        line -> echo(contestant, line));
            } catch (IOException x) {
                System.out.println(x.getMessage());
            }
        }
    }

    private void echo(Contestant contestant, String line) {
        if (options.verbose()) {
            System.out.println(contestant.label() + ": " + line);
        } else if (line.contains("BENCH warm ")) {
            System.err.println(contestant.label() + line.replaceFirst(".*BENCH warm", ""));
        }
    }

    /** Wall times on a machine with other work to do are worth little; CPU times, more. */
    private static void warnIfBusy() {
        OperatingSystemMXBean system = ManagementFactory.getOperatingSystemMXBean();
        double load = system.getSystemLoadAverage();
        if (load > system.getAvailableProcessors() / 2.0) {
            System.out.printf(
                    Locale.ROOT,
                    "The machine is busy (load %.1f on %d CPUs): trust the CPU ratios more than"
                            + " the wall ratios.%n",
                    load,
                    system.getAvailableProcessors());
        }
    }

    private static void progress(String line) {
        System.err.println(line + " ...");
    }

    /**
     * The first run after a build records what the AOT cache is made of, and a process in the
     * background makes it once that run ends. Neither must be measured.
     */
    private void prepareAotCache(Path kernel, Path initrd)
            throws IOException, InterruptedException {
        if (System.getenv().getOrDefault("QUEZTL_AOT", "on").equals("off")) {
            return;
        }
        Path cache = CacheFolder.of(System.getenv()).folder("aot");
        // The same key that the start script uses.
        String key =
                Tool.run(
                        List.of(
                                "sh",
                                "-c",
                                "cat target/dist/.checksum \"$0/release\" | cksum | cut -d ' ' -f 1",
                                System.getProperty("java.home")));
        Path file = cache.resolve(key.strip() + ".aot");
        if (Files.exists(file)) {
            return;
        }
        progress("one run for the AOT cache");
        Contestant.QUEZTL.run(
                new Machine(kernel, initrd),
                null,
                BOOT_LIMIT_SECONDS,
                new Measurements(),
                p -> {},
                line -> {});
        for (int i = 0; i < AOT_LIMIT_SECONDS && !Files.exists(file); i++) {
            TimeUnit.SECONDS.sleep(1);
        }
        if (!Files.exists(file)) {
            System.out.println("There is no AOT cache; Queztl starts without.");
        }
    }
}
