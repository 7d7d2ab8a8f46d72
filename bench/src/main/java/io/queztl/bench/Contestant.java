package io.queztl.bench;

import io.queztl.bench.Measurements.Cost;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A virtual machine monitor that runs the benchmark's guests: one vCPU, 1 GiB. */
enum Contestant {
    /** Queztl from this checkout. */
    QUEZTL("queztl") {
        @Override
        List<String> command(Machine machine) {
            List<String> line = new ArrayList<>();
            line.add(Path.of("").toAbsolutePath().resolve("queztl").toString());
            line.addAll(List.of("run", "--memory", MEMORY));
            line.addAll(List.of("--kernel", machine.kernel().toString()));
            line.addAll(List.of("--initrd", machine.initrd().toString()));
            line.addAll(List.of("--append", "quiet"));
            for (Machine.Disk disk : machine.disks()) {
                line.addAll(List.of("--disk", disk.file() + ",format=" + disk.format()));
            }
            for (Machine.Network network : machine.networks()) {
                boolean user = network.tap().isEmpty();
                line.addAll(
                        List.of("--net", user ? "user,host-access" : "tap,name=" + network.tap()));
            }
            return line;
        }
    },

    /** QEMU with its translator. */
    TCG("tcg") {
        @Override
        List<String> command(Machine machine) {
            List<String> line = new ArrayList<>();
            line.addAll(List.of(QEMU, "-accel", "tcg", "-cpu", "max", "-smp", "1"));
            line.addAll(List.of("-m", MEMORY, "-display", "none", "-serial", "stdio"));
            line.add("-no-reboot");
            if (machine.networks().isEmpty()) {
                line.addAll(List.of("-nic", "none"));
            }
            for (int i = 0; i < machine.networks().size(); i++) {
                String tap = machine.networks().get(i).tap();
                String kind =
                        tap.isEmpty()
                                ? "user"
                                : "tap,script=no,downscript=no,vhost=off,ifname=" + tap;
                line.addAll(List.of("-netdev", kind + ",id=n" + i));
                line.addAll(List.of("-device", "virtio-net-pci,romfile=,netdev=n" + i));
            }
            line.addAll(List.of("-kernel", machine.kernel().toString()));
            line.addAll(List.of("-initrd", machine.initrd().toString()));
            line.addAll(List.of("-append", "console=ttyS0 panic=-1 quiet"));
            for (Machine.Disk disk : machine.disks()) {
                line.add("-drive");
                line.add(
                        "file=%s,format=%s,if=virtio,cache=writeback"
                                .formatted(disk.file(), disk.format()));
            }
            return line;
        }
    };

    static final String QEMU = "qemu-system-x86_64";

    private static final String MEMORY = "1G";
    private static final int LINES_KEPT = 12;

    private final String label;

    Contestant(String label) {
        this.label = label;
    }

    /** How to print it. */
    String label() {
        return label;
    }

    /** What starts it, with the guest's serial console on standard output. */
    abstract List<String> command(Machine machine);

    /**
     * Runs a guest to its end, or until the limit.
     *
     * @param boot the item that init's first line ends; null for none
     * @param limitSeconds ended after this time
     * @param started told the process, as soon as there is one
     * @param echo told every line
     * @throws IOException if it cannot be started or does not reach init, with what it printed
     */
    void run(
            Machine machine,
            @Nullable String boot,
            long limitSeconds,
            Measurements measurements,
            Consumer<Process> started,
            Consumer<String> echo)
            throws IOException, InterruptedException {
        measurements.start();
        long start = System.nanoTime();
        List<String> commandLine = new ArrayList<>(machine.prefix());
        commandLine.addAll(command(machine));
        Process p =
                new ProcessBuilder(commandLine)
                        .redirectErrorStream(true)
                        .redirectInput(Path.of("/dev/null").toFile())
                        .start();
        // Ctrl-C on the benchmark must not leave a monitor behind.
        Thread stopper = new Thread(p::destroyForcibly, "bench-stop");
        Runtime.getRuntime().addShutdownHook(stopper);
        Thread watchdog = watchdog(p, limitSeconds);
        Deque<String> last = new ArrayDeque<>();
        try (BufferedReader in = p.inputReader(StandardCharsets.ISO_8859_1)) {
            started.accept(p);
            String line;
            while ((line = in.readLine()) != null) {
                double wall = (System.nanoTime() - start) / 1e9;
                measurements.line(line, new Cost(wall, cpuSeconds(p.toHandle())), boot);
                last.addLast(line);
                if (last.size() > LINES_KEPT) {
                    last.removeFirst();
                }
                echo.accept(line);
            }
        } finally {
            watchdog.interrupt();
            p.destroyForcibly();
            p.waitFor();
            Runtime.getRuntime().removeShutdownHook(stopper);
        }
        if (!measurements.reachedInit()) {
            throw new IOException(
                    label + " did not reach init; it printed last:\n" + String.join("\n", last));
        }
    }

    private static Thread watchdog(Process p, long limitSeconds) {
        return Thread.ofPlatform()
                .daemon()
                .start(() -> {
                    try {
                        if (!p.waitFor(limitSeconds, TimeUnit.SECONDS)) {
                            p.destroyForcibly();
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
    }

    /** Of all threads that the process has or had, to 10 ms (proc_pid_stat(5), utime and stime). */
    private static double cpuSeconds(ProcessHandle p) {
        return p.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
    }
}
