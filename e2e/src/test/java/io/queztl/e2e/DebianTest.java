package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Debian 12 with systemd, from debootstrap, with Debian's stock kernel: up to multi-user, and down
 * again. The guest reports on its console, which stays in {@code target/suites}; {@code
 * e2e/suites/debian-rootfs.sh} makes it.
 */
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "a long test: ./dev test --all")
class DebianTest {
    private static final int RUN_MINUTES = 15;

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void boot_toMultiUser_isCleanAndPowersOff(int cpus) throws Exception {
        assumeThat(System.getProperty("user.name")).as("debootstrap needs root").isEqualTo("root");
        Map<String, List<String>> guest = Tool.buildGuest("debian-rootfs");
        Path console = Tool.RESULTS.resolve("debian-" + cpus + ".console");
        Process vm =
                new ProcessBuilder(
                                Queztl.command(
                                        "run",
                                        "--kernel",
                                        guest.getOrDefault("kernel", List.of()).getFirst(),
                                        "--initrd",
                                        guest.getOrDefault("initrd", List.of()).getFirst(),
                                        "-c",
                                        Integer.toString(cpus),
                                        "-m",
                                        "2G",
                                        "--append",
                                        "queztl.report"))
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(console.toFile())
                        .start();
        Tool.end(vm, RUN_MINUTES);
        List<String> report =
                new String(Files.readAllBytes(console), StandardCharsets.ISO_8859_1)
                        .lines()
                        .filter(line -> line.startsWith("QUEZTL-"))
                        .map(String::strip)
                        .toList();
        report.forEach(System.out::println);
        assertThat(report)
                .contains(
                        "QUEZTL-MULTI-USER",
                        "QUEZTL-STATE running",
                        "QUEZTL-CPUS " + cpus,
                        "QUEZTL-FAILED-UNITS 0",
                        "QUEZTL-END")
                .noneMatch(line -> line.startsWith("QUEZTL-FAILED "))
                .noneMatch(line -> line.startsWith("QUEZTL-DMESG "));
        assertThat(vm.exitValue()).as("powered off").isZero();
    }
}
