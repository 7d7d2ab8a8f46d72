package io.queztl.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A virtual machine monitor that runs the benchmark's guest.
 *
 * @param name how to print it
 * @param command starts it, with the guest's serial console on standard output
 */
record Contestant(String name, List<String> command) {
    private static final long LIMIT_SECONDS = 900;

    /**
     * Wall and CPU seconds of one piece of work.
     *
     * @param wall seconds by the clock
     * @param cpu seconds of processor time, of all threads
     */
    record Cost(double wall, double cpu) {}

    /** Queztl from this checkout. */
    static Contestant queztl(Path root, Path kernel, Path initrd) {
        return new Contestant(
                "queztl",
                List.of(
                        root.resolve("queztl").toString(),
                        "run",
                        "--kernel",
                        kernel.toString(),
                        "--initrd",
                        initrd.toString(),
                        "--append",
                        "quiet"));
    }

    /** QEMU with its translator. */
    static Contestant qemu(Path kernel, Path initrd) {
        return new Contestant(
                "qemu tcg",
                List.of(
                        "qemu-system-x86_64",
                        "-accel",
                        "tcg",
                        "-cpu",
                        "max",
                        "-m",
                        "512",
                        "-display",
                        "none",
                        "-serial",
                        "stdio",
                        "-no-reboot",
                        "-nic",
                        "none",
                        "-kernel",
                        kernel.toString(),
                        "-initrd",
                        initrd.toString(),
                        "-append",
                        "console=ttyS0 panic=-1 quiet"));
    }

    /**
     * Runs the guest to its end.
     *
     * @param verbose print its output
     * @return costs by item, with "start to init" first
     * @throws IOException if it ends without having reached init, with what it printed
     */
    Map<String, Cost> run(boolean verbose) throws IOException, InterruptedException {
        long start = System.nanoTime();
        Process p =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                        .start();
        Thread watchdog =
                Thread.ofPlatform()
                        .daemon()
                        .start(() -> {
                            try {
                                if (!p.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                                    p.destroyForcibly();
                                }
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        });
        Map<String, Cost> costs = new LinkedHashMap<>();
        List<String> output = new ArrayList<>();
        try (BufferedReader in = new BufferedReader(p.inputReader(StandardCharsets.ISO_8859_1))) {
            double wallBegin = 0;
            double cpuBegin = 0;
            String line;
            while ((line = in.readLine()) != null) {
                double wall = (System.nanoTime() - start) / 1e9;
                double cpu = cpuSeconds(p.toHandle());
                output.add(line);
                if (verbose) {
                    System.out.println(line);
                }
                String l = line.strip();
                if (l.endsWith(BenchGuest.INIT)) {
                    costs.put("start to init", new Cost(wall, cpu));
                } else if (l.startsWith(BenchGuest.BEGIN)) {
                    wallBegin = wall;
                    cpuBegin = cpu;
                } else if (l.startsWith(BenchGuest.END)) {
                    costs.put(
                            l.substring(BenchGuest.END.length()),
                            new Cost(wall - wallBegin, cpu - cpuBegin));
                }
            }
        } finally {
            watchdog.interrupt();
            p.destroyForcibly();
        }
        if (costs.isEmpty()) {
            int from = Math.max(0, output.size() - 10);
            throw new IOException(
                    name
                            + " did not reach init; it printed last:\n"
                            + String.join("\n", output.subList(from, output.size())));
        }
        return costs;
    }

    private static double cpuSeconds(ProcessHandle p) {
        double seconds = seconds(p);
        return seconds + p.descendants().mapToDouble(Contestant::seconds).sum();
    }

    private static double seconds(ProcessHandle p) {
        return p.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
    }
}
