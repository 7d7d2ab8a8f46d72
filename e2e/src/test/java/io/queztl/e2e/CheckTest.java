package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.queztl.emulator.ExecutionMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** {@code queztl run --check}. */
@Timeout(900)
class CheckTest {
    private static final int DEBIAN_MINUTES = 60;

    @Test
    void severalCpus_areRefused() {
        Queztl.Result result = Queztl.run("run", "--check", "-c", "2");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("--check needs a VM with one vCPU");
    }

    /** Debian 12 up to multi-user and down again; regions are made early, so that all are. */
    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    @Timeout(5400)
    void debian_showsNoDifference() throws Exception {
        assumeThat(System.getProperty("user.name")).as("debootstrap needs root").isEqualTo("root");
        Map<String, List<String>> guest = Tool.buildGuest("debian-rootfs");
        List<String> command =
                Queztl.command(
                        ExecutionMode.MIXED,
                        "run",
                        "--check",
                        "--kernel",
                        guest.getOrDefault("kernel", List.of()).getFirst(),
                        "--initrd",
                        guest.getOrDefault("initrd", List.of()).getFirst(),
                        "-m",
                        "2G",
                        "--append",
                        "queztl.report");
        command.add(1, "-Dqueztl.cpu.threshold=100");
        Path console = Tool.RESULTS.resolve("debian-check.console");
        Path errors = Tool.RESULTS.resolve("debian-check.errors");
        Process vm =
                new ProcessBuilder(command)
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectError(errors.toFile())
                        .redirectOutput(console.toFile())
                        .start();
        Tool.end(vm, DEBIAN_MINUTES);
        String said = Files.readString(errors);
        System.out.print(said);
        assertThat(said).contains("queztl: --check: ").doesNotContain(" differ");
        assertThat(new String(Files.readAllBytes(console), StandardCharsets.ISO_8859_1))
                .contains("QUEZTL-MULTI-USER");
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void stockGuest_showsNoDifference() {
        Queztl.Result result = Queztl.run("run", "--check", "--exec", "uname; exit 3");
        assertThat(result.err()).contains("queztl: --check: ").doesNotContain(" differ");
        assertThat(result.status()).isEqualTo(3);
    }
}
