package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Debian's stock kernel, fetched by the host's apt, up to user space. */
@Timeout(120)
class StockGuestTest {
    @Test
    void run_withoutArguments_greets() {
        Queztl.Result result = Queztl.run("run");
        assertThat(result.out()).startsWith("Hello from Queztl VM\nLinux ").hasLineCount(2);
        assertThat(result.status()).isZero();
    }

    @Test
    void exec_statusAndOutput_areTheCommands() {
        Queztl.Result result =
                Queztl.run("run", "--exec", "echo 'status=0'; echo \"$((6 * 7))\"; exit 17");
        assertThat(result).isEqualTo(new Queztl.Result(17, "status=0\n42\n", ""));
    }

    @Test
    void exec_twoCpus_areSeenAndNoBug() {
        Queztl.Result result = Queztl.run("run", "-c", "2", "--exec", "nproc; dmesg | grep -c BUG");
        assertThat(result.out()).isEqualTo("2\n0\n");
        // grep's status: nothing found.
        assertThat(result.status()).isEqualTo(1);
    }

    @Test
    void exec_readsStandardInput() {
        byte[] typed = "one two\n".getBytes(StandardCharsets.US_ASCII);
        Queztl.Result result =
                Queztl.run(
                        new ByteArrayInputStream(typed),
                        "run",
                        "--exec",
                        "read a b; echo \"$b $a\"");
        assertThat(result).isEqualTo(new Queztl.Result(0, "two one\n", ""));
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void exec_fourCpus_areSeen() {
        Queztl.Result result = Queztl.run("run", "-c", "4", "--exec", "nproc; dmesg | grep -c BUG");
        assertThat(result.out()).isEqualTo("4\n0\n");
    }

    @RepeatedTest(20)
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void boot_inARowWithTwoCpus_neverHangs() {
        assertThat(Queztl.run("run", "-c", "2").status()).isZero();
    }
}
