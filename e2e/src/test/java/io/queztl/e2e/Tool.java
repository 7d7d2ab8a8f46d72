package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Programs of the host that make what guests run. */
final class Tool {
    /** The scripts that build guests, of {@link SuitesTest} and others. */
    static final Path SUITES = Path.of("suites").toAbsolutePath();

    /** Where the tests leave what guests and tools have printed. */
    static final Path RESULTS = Path.of("target", "suites").toAbsolutePath();

    private static final int BUILD_MINUTES = 60;

    private Tool() {}

    /** Builds a guest by its script; the KEY=VALUE lines that this prints, by key. */
    static Map<String, List<String>> buildGuest(String name)
            throws IOException, InterruptedException {
        Files.createDirectories(RESULTS);
        Path errors = RESULTS.resolve(name + ".build.errors");
        Process script =
                new ProcessBuilder("sh", SUITES.resolve("build.sh").toString(), name)
                        .redirectOutput(RESULTS.resolve(name + ".build").toFile())
                        .redirectError(errors.toFile())
                        .start();
        end(script, BUILD_MINUTES);
        assertThat(script.exitValue()).as(Files.readString(errors)).isZero();
        Map<String, List<String>> values = new HashMap<>();
        for (String line : Files.readAllLines(RESULTS.resolve(name + ".build"))) {
            String[] parts = line.split("=", 2);
            if (parts.length == 2) {
                values.computeIfAbsent(parts[0], key -> new ArrayList<>()).add(parts[1]);
            }
        }
        return values;
    }

    /** Runs a program that must succeed. */
    static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }

    /** Waits for a process, and ends it when the time is over. */
    static void end(Process process, int minutes) throws InterruptedException {
        try {
            boolean unused = process.waitFor(minutes, TimeUnit.MINUTES);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
