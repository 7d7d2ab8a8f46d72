package io.queztl.e2e;

import io.queztl.emulator.ExecutionMode;
import io.queztl.server.cli.Cli;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockGuest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs the {@code queztl} command, in this JVM or in one of its own. */
final class Queztl {
    /** What a run left. */
    record Result(int status, String out, String err) {}

    static {
        // Here and not in a test, which may say what it expects on standard error, or have no
        // network.
        StockGuest ignored =
                StockGuest.obtain(CacheFolder.of(System.getenv()), System.err::println);
    }

    private Queztl() {}

    /** Runs it in this JVM, with nothing on standard input. */
    static Result run(String... arguments) {
        return run(new ByteArrayInputStream(new byte[0]), arguments);
    }

    static Result run(InputStream in, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Cli.run(in, out, err, arguments);
        return new Result(
                status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** The command line of a JVM that runs it in a CPU mode. */
    static List<String> command(ExecutionMode mode, String... arguments) {
        List<String> line = command(arguments);
        line.removeIf(argument -> argument.startsWith("-D" + ExecutionMode.PROPERTY + "="));
        line.add(1, "-D" + ExecutionMode.PROPERTY + "=" + mode);
        return line;
    }

    /** The command line of a JVM that runs it, in the CPU mode and with the options of this one. */
    static List<String> command(String... arguments) {
        List<String> line =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "--sun-misc-unsafe-memory-access=allow",
                                "--enable-native-access=ALL-UNNAMED"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("-XX:") || a.startsWith("-Xbootclasspath/a:"))
                .forEach(line::add);
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("queztl.cpu."))
                .forEach(name -> line.add("-D" + name + "=" + System.getProperty(name)));
        line.addAll(
                List.of("-cp", System.getProperty("java.class.path"), "io.queztl.server.cli.Main"));
        line.addAll(List.of(arguments));
        return line;
    }
}
