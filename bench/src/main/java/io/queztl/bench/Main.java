package io.queztl.bench;

import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code ./dev bench}: boots the same kernel and initramfs under Queztl and under QEMU's TCG in
 * turn, runs the same loops in both, and prints seconds and ratios.
 *
 * <p>Arguments: {@code --boot} only boots; {@code --bzimage} enters the compressed kernel, where
 * QEMU's guest unpacks it itself; {@code --verbose} shows what the guests print; {@code --peer}
 * leaves Queztl out.
 */
public final class Main {
    private static final String NO_QEMU =
            """
            There is no qemu-system-x86_64 to compare with; './dev deps' installs it
            (Debian package qemu-system-x86). Without it only Queztl is measured.
            """;

    private Main() {}

    /** Runs the benchmarks; the working directory is the root of the checkout. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> options = List.of(arguments);
        StockGuest stock =
                StockGuest.obtain(
                        CacheFolder.of(System.getenv()), line -> System.err.println(line + " ..."));
        Path folder = Files.createTempDirectory("queztl-bench");
        try {
            Path kernel =
                    options.contains("--bzimage")
                            ? stock.kernel()
                            : Vmlinux.unpack(stock.kernel(), folder.resolve("vmlinux"));
            Path initrd = folder.resolve("initrd");
            BenchGuest.write(
                    initrd, stock.busybox(), options.contains("--boot") ? Map.of() : items());
            Path root = Path.of("").toAbsolutePath();
            List<Contestant> contestants = new ArrayList<>();
            if (!options.contains("--peer")) {
                contestants.add(Contestant.queztl(root, kernel, initrd));
            }
            if (onPath("qemu-system-x86_64")) {
                contestants.add(Contestant.qemu(kernel, initrd));
            } else {
                System.out.print(NO_QEMU);
            }
            System.out.printf("kernel %s, entered as %s%n", stock.release(), kernel.getFileName());
            Map<Contestant, Map<String, Contestant.Cost>> results = new LinkedHashMap<>();
            for (Contestant c : contestants) {
                try {
                    results.put(c, c.run(options.contains("--verbose")));
                } catch (IOException e) {
                    System.out.println(e.getMessage());
                    results.put(c, Map.of());
                }
            }
            print(results);
        } finally {
            for (String name : List.of("vmlinux", "initrd")) {
                Files.deleteIfExists(folder.resolve(name));
            }
            Files.deleteIfExists(folder);
        }
    }

    private static Map<String, String> items() {
        Map<String, String> items = new LinkedHashMap<>();
        items.put("dd 16 MiB", "dd if=/dev/zero of=/tmp/zero bs=64k count=256 2>/dev/null");
        items.put("sha256sum 4 MiB", "head -c 4194304 /tmp/zero | sha256sum >/dev/null");
        items.put("gzip 2 MiB", "head -c 2097152 /bin/busybox | gzip -1 >/dev/null");
        items.put(
                "sort 20000 lines",
                "seq 20000 | awk '{ print $1 * 7919 % 20011 }' | sort -n >/dev/null");
        items.put(
                "awk floating point",
                "awk 'BEGIN { for (i = 1; i < 100000; i++) s += i * 1.5 / (i + 0.25); print s }'"
                        + " >/dev/null");
        items.put(
                "fork and exec 100", "for i in $(seq 100); do /bin/busybox uname >/dev/null; done");
        return items;
    }

    private static void print(Map<Contestant, Map<String, Contestant.Cost>> results) {
        List<Contestant> who = List.copyOf(results.keySet());
        System.out.printf("%-22s", "wall s (CPU s)");
        who.forEach(c -> System.out.printf(" %20s", c.name()));
        System.out.printf(" %10s%n", who.size() > 1 ? "ratio" : "");
        Set<String> all = new LinkedHashSet<>();
        results.values().forEach(r -> all.addAll(r.keySet()));
        for (String item : all) {
            System.out.printf("%-22s", item);
            List<Double> walls = new ArrayList<>();
            for (Contestant c : who) {
                Contestant.Cost cost = results.getOrDefault(c, Map.of()).get(item);
                if (cost == null) {
                    System.out.printf(" %20s", "did not finish");
                } else {
                    walls.add(cost.wall());
                    System.out.printf(" %11.2f (%6.2f)", cost.wall(), cost.cpu());
                }
            }
            System.out.printf(
                    " %10s%n",
                    walls.size() > 1 ? "%.1f×".formatted(walls.get(0) / walls.get(1)) : "");
        }
    }

    private static boolean onPath(String program) {
        for (String d : System.getenv().getOrDefault("PATH", "").split(":")) {
            if (Files.isExecutable(Path.of(d, program))) {
                return true;
            }
        }
        return false;
    }
}
