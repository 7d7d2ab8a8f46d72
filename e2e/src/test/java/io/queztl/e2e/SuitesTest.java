package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Test suites of others, run in a guest. Their scripts, the guest's init and the known failures are
 * in {@code e2e/suites}; what the guest prints stays in {@code target/suites}.
 */
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "a long test: ./dev test --all")
class SuitesTest {
    /** A suite and how many tests must pass at least, against a guest that runs nothing. */
    enum Suite {
        TESTFLOAT("testfloat", 84),
        C_TORTURE("c-torture", 1600),
        QEMU_TCG("qemu-tcg", 50),
        TEST_BPF("test-bpf", 1000);

        private final String folderName;
        private final int atLeast;

        Suite(String folderName, int atLeast) {
            this.folderName = folderName;
            this.atLeast = atLeast;
        }

        @Override
        public String toString() {
            return folderName;
        }
    }

    private static final int RUN_MINUTES = 60;
    private static final Pattern REPORT = Pattern.compile("@(pass|fail|info) ([^:]*)(?:: (.*))?");

    /** What a guest said. */
    private record Report(
            Set<String> passed, Map<String, String> failed, List<String> info, boolean ended) {
        static Report of(List<String> console) {
            Report report = new Report(new HashSet<>(), new HashMap<>(), new ArrayList<>(), false);
            boolean ended = false;
            for (String line : console) {
                Matcher m = REPORT.matcher(line);
                ended |= line.equals("@end");
                if (!m.matches()) {
                    continue;
                }
                String text = m.group(3) == null ? "" : m.group(3);
                switch (m.group(1)) {
                    case "pass" -> report.passed.add(m.group(2));
                    case "fail" -> report.failed.put(m.group(2), text);
                    default -> report.info.add(m.group(2) + ": " + text);
                }
            }
            return new Report(report.passed, report.failed, report.info, ended);
        }
    }

    static Stream<Arguments> suitesAndModes() {
        return Stream.of(Suite.values())
                .flatMap(suite -> Modes.wanted().map(mode -> Arguments.of(suite, mode)));
    }

    @ParameterizedTest
    @MethodSource("suitesAndModes")
    void suite_inTheGuest_failsOnlyAsKnown(Suite suite, ExecutionMode mode) throws Exception {
        Map<String, List<String>> guest = Tool.buildGuest(suite.folderName);
        List<String> notBuilt = guest.getOrDefault("note", List.of());
        long start = System.nanoTime();
        Report report = boot(suite, mode, guest);
        double seconds = (System.nanoTime() - start) / 1e9;
        Map<String, String> known = knownFailures(suite);

        print(
                "%s, %s: %d passed, %d failed, %d not run, %.0f s",
                suite, mode, report.passed.size(), report.failed.size(), notBuilt.size(), seconds);
        notBuilt.forEach(note -> print("  %s", note));
        Map<String, String> unexpected = new HashMap<>(report.failed);
        unexpected.keySet().removeAll(known.keySet());
        report.failed.forEach((test, how) ->
                print(
                        "  %s: %s%s",
                        test,
                        how,
                        known.containsKey(test) ? " (known: " + known.get(test) + ")" : ""));
        report.info.forEach(line -> print("    %s", line));
        known.keySet().stream()
                .filter(report.passed::contains)
                .forEach(test -> print("  %s passes now: take it off the known failures", test));

        assertThat(report.ended).as("the guest came to its end").isTrue();
        assertThat(unexpected).isEmpty();
        assertThat(report.passed).hasSizeGreaterThanOrEqualTo(suite.atLeast);
    }

    private static Report boot(Suite suite, ExecutionMode mode, Map<String, List<String>> guest)
            throws Exception {
        Path console = Tool.RESULTS.resolve(suite + "." + mode + ".console");
        Process vm =
                new ProcessBuilder(
                                Queztl.command(
                                        mode,
                                        "run",
                                        "--kernel",
                                        guest.getOrDefault("kernel", List.of()).getFirst(),
                                        "--initrd",
                                        guest.getOrDefault("initrd", List.of()).getFirst(),
                                        "-c",
                                        "2",
                                        "-m",
                                        "1G",
                                        "--append",
                                        "quiet log_buf_len=4M vsyscall=emulate"))
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(console.toFile())
                        .start();
        Tool.end(vm, RUN_MINUTES);
        return Report.of(
                new String(Files.readAllBytes(console), StandardCharsets.ISO_8859_1)
                        .lines()
                        .toList());
    }

    /** The tests of known-failures.txt, "SUITE/TEST: REASON" a line, with their reasons. */
    private static Map<String, String> knownFailures(Suite suite) throws IOException {
        Map<String, String> known = new HashMap<>();
        for (String line : Files.readAllLines(Tool.SUITES.resolve("known-failures.txt"))) {
            String[] parts = line.split(": ", 2);
            if (parts.length == 2 && parts[0].startsWith(suite + "/")) {
                known.put(parts[0].substring(suite.folderName.length() + 1), parts[1]);
            }
        }
        return known;
    }

    private static void print(String format, Object... arguments) {
        System.out.println(String.format(format, arguments));
    }
}
