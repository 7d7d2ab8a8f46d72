package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Guests with more vCPUs than a small host has CPUs. */
@Timeout(300)
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "a long test: ./dev test --all")
class SmpGuestTest {
    /** Four processes, each with files in one directory, pipes and forks. */
    private static final String CONTENTION =
            """
            mkdir -p /tmp/d
            for p in 1 2 3 4; do
                (i=0
                 while [ $i -lt 150 ]; do
                     : >/tmp/d/$p.$i
                     echo $i | cat >>/tmp/d/$p
                     mv /tmp/d/$p.$i /tmp/d/x.$p
                     rm /tmp/d/x.$p
                     i=$((i + 1))
                 done) &
            done
            wait
            cat /tmp/d/* | wc -l
            ls /tmp/d | wc -l
            """;

    @Test
    void exec_fourCpus_useParavirtualSpinLocks() {
        Queztl.Result result =
                Queztl.run(
                        "run",
                        "-c",
                        "4",
                        "--exec",
                        "nproc; dmesg | grep -c 'PV spinlocks enabled'; dmesg | grep -c BUG");
        assertThat(result.out()).isEqualTo("4\n1\n0\n");
    }

    @Test
    void exec_contentionOnFourCpus_comesToItsEnd() {
        Queztl.Result result = Queztl.run("run", "-c", "4", "--exec", CONTENTION);
        assertThat(result.out().lines().map(String::strip)).containsExactly("600", "4");
    }

    @Test
    void idleGuest_withFourCpus_leavesTheHostAlone() throws Exception {
        int seconds = 10;
        Process vm =
                new ProcessBuilder(
                                Queztl.command("run", "-c", "4", "--exec", "echo idle; sleep 3600"))
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        try (BufferedReader out = vm.inputReader(StandardCharsets.UTF_8)) {
            await(out, "idle");
            // The guest's kernel and the JIT have things to finish, on a busy host for long.
            TimeUnit.SECONDS.sleep(3);
            long millis = Long.MAX_VALUE;
            for (int tries = 0; tries < 3 && millis >= seconds * 50L; tries++) {
                Duration before = cpuTime(vm);
                TimeUnit.SECONDS.sleep(seconds);
                millis = cpuTime(vm).minus(before).toMillis();
            }
            System.out.printf(
                    "an idle guest with 4 vCPUs takes %.1f %% of a CPU%n", millis / 10.0 / seconds);
            assertThat(millis).isLessThan(seconds * 50L);
        } finally {
            vm.destroyForcibly().waitFor();
        }
    }

    private static void await(BufferedReader out, String wanted) throws IOException {
        String line;
        do {
            line = out.readLine();
            assertThat(line).as("the guest came to run the command").isNotNull();
        } while (!line.contains(wanted));
    }

    private static Duration cpuTime(Process process) {
        return process.info().totalCpuDuration().orElseThrow();
    }
}
