package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace of the host, with nothing but its own loopback interface. */
final class Namespace implements AutoCloseable {
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    private final String name;

    private Namespace(String name) {
        this.name = name;
    }

    /** A new one; the test is skipped where none can be made. */
    static Namespace create() throws IOException, InterruptedException {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/sbin/ip"))
                        || Files.isExecutable(Path.of("/sbin/ip")),
                "there is no command ip (package iproute2)");
        assumeTrue(Files.isWritable(Path.of("/dev/net/tun")), "no right to use /dev/net/tun");
        String name = "queztl-" + ProcessHandle.current().pid() + "-" + NUMBERS.incrementAndGet();
        Process add =
                new ProcessBuilder("ip", "netns", "add", name).redirectErrorStream(true).start();
        String said = new String(add.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assumeTrue(add.waitFor() == 0, "no network namespace can be made: " + said);
        Namespace namespace = new Namespace(name);
        namespace.run("ip", "link", "set", "lo", "up");
        return namespace;
    }

    /** The command line that runs a command in it. */
    List<String> inside(List<String> command) {
        List<String> line = new ArrayList<>(List.of("ip", "netns", "exec", name));
        line.addAll(command);
        return line;
    }

    /** Runs a command in it, which must succeed; what it printed. */
    String run(String... command) throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(inside(List.of(command))).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        return said;
    }

    /** Waits until a command succeeds in it. */
    void await(String... command) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(300);
        while (true) {
            Process process =
                    new ProcessBuilder(inside(List.of(command)))
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start();
            if (process.waitFor() == 0) {
                return;
            }
            assertThat(System.nanoTime()).as(List.of(command).toString()).isLessThan(end);
            Thread.sleep(100);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            Tool.run("ip", "netns", "del", name);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
