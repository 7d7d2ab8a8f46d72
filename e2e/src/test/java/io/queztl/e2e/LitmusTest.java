package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The memory model and locked instructions as a guest with several vCPUs sees them: {@code
 * e2e/suites/litmus}. What x86-TSO forbids must not be seen; how often the rest was, is printed.
 */
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "a long test: ./dev test --all")
class LitmusTest {
    private static final int VCPUS = 4;
    private static final int TESTS = 89;
    private static final int MINUTES = 30;

    static Stream<ExecutionMode> modes() {
        return Modes.wanted();
    }

    @ParameterizedTest
    @MethodSource("modes")
    void litmusTests_seeNothingThatTsoForbids(ExecutionMode mode) throws Exception {
        Map<String, List<String>> guest = Tool.buildGuest("litmus");
        List<String> command =
                new ArrayList<>(
                        Queztl.command(
                                mode,
                                "run",
                                "--kernel",
                                guest.getOrDefault("kernel", List.of()).getFirst(),
                                "--initrd",
                                guest.getOrDefault("initrd", List.of()).getFirst(),
                                "-c",
                                Integer.toString(VCPUS),
                                "-m",
                                "512M",
                                "--append",
                                "quiet"));
        Path console = Tool.RESULTS.resolve("litmus." + mode + ".console");
        Process vm =
                new ProcessBuilder(command)
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(console.toFile())
                        .start();
        Tool.end(vm, MINUTES);
        List<String> lines =
                new String(Files.readAllBytes(console), StandardCharsets.ISO_8859_1)
                        .lines()
                        .toList();
        lines.stream().filter(l -> l.startsWith("@")).forEach(System.out::println);
        assertThat(lines).as("the guest came to its end").contains("@end");
        assertThat(lines).noneMatch(l -> l.startsWith("@fail"));
        assertThat(lines).filteredOn(l -> l.startsWith("@pass")).hasSize(TESTS);
    }
}
