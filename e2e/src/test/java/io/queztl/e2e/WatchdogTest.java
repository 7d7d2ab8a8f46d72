package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.server.ExitStatus;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Watchdog and panic port of the stock guest, with Debian's modules for them. */
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "several guests; ./dev e2e")
@Timeout(180)
class WatchdogTest {
    /** Pats every second for a while, then no more, without having said that it means that. */
    private static final String STOP_PATTING =
            "watchdog -T 4 -t 1 /dev/watchdog; sleep 7; echo alive; kill -9 $(pidof watchdog);"
                    + " sleep 100; echo never";

    @Test
    void watchdog_thatIsNotPatted_resets() {
        Queztl.Result result = Queztl.run("run", "--watchdog", "reset", "--exec", STOP_PATTING);
        // The kernel says, too, that the watchdog was not stopped.
        assertThat(result.out()).startsWith("alive\n").doesNotContain("never");
        assertThat(result.status()).isEqualTo(ExitStatus.RESET);
        assertThat(result.err()).contains("watchdog").hasLineCount(1);
    }

    @Test
    void watchdog_thatIsClosedProperly_stops() {
        Queztl.Result result =
                Queztl.run(
                        "run",
                        "--watchdog",
                        "reset",
                        "--exec",
                        "watchdog -T 4 -t 1 /dev/watchdog; sleep 1; kill $(pidof watchdog); sleep 7");
        assertThat(result).isEqualTo(new Queztl.Result(0, "", ""));
    }

    @Test
    void panic_hasItsOwnStatusIfThePortIsThere() {
        String panic = "echo c >/proc/sysrq-trigger; echo never";
        Queztl.Result result = Queztl.run("run", "--pvpanic", "--exec", panic);
        assertThat(result.out()).contains("Kernel panic - not syncing").doesNotContain("never");
        assertThat(result.err()).isEqualTo("queztl: the guest's kernel panicked.\n");
        assertThat(result.status()).isEqualTo(ExitStatus.PANICKED);
        assertThat(Queztl.run("run", "--exec", panic).status()).isEqualTo(ExitStatus.RESET);
    }

    @Test
    void options_thatMakeNoSense_areRefused() {
        assertThat(Queztl.run("run", "--watchdog", "bark").err()).contains("'pause'");
    }
}
