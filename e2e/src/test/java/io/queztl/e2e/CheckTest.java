package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** {@code queztl run --check}. */
@Timeout(900)
class CheckTest {
    @Test
    void severalCpus_areRefused() {
        Queztl.Result result = Queztl.run("run", "--check", "-c", "2");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("--check needs a VM with one vCPU");
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
