package io.queztl.emulator.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.testkit.oracle.NativeOracle;
import io.queztl.testkit.random.Seeds;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Every instruction form of the table with random and edge operands, against the host CPU.
 *
 * <p>System properties: {@code queztl.seed} replays a run, {@code queztl.cases} sets its length,
 * {@code queztl.rows} is a regular expression that chooses rows, {@code queztl.test.all} makes it
 * long.
 */
class DifferentialTest {
    private static final long CASES = 1_000_000;
    private static final long ALL_CASES = 10_500_000;

    private static final long TRANSLATED = 150_000;

    @Test
    void softwareCpu_onRandomOperands_agreesWithTheHost() throws Exception {
        run("differential test", false, CASES);
    }

    @Test
    void translatedCode_onRandomOperands_agreesWithTheHost() throws Exception {
        run("differential test of translated code", true, TRANSLATED);
    }

    private static void run(String test, boolean translate, long usual) throws Exception {
        String reason = NativeOracle.unavailable();
        if (reason != null) {
            System.out.println("differential test skipped: " + reason);
        }
        Assumptions.assumeTrue(reason == null, reason);
        long seed = Seeds.seed(test);
        long cases = Long.getLong("queztl.cases", Seeds.all() ? ALL_CASES : usual);
        String rows = System.getProperty("queztl.rows", "");
        try (Campaign campaign = new Campaign(seed, rows, translate)) {
            long start = System.nanoTime();
            campaign.run(cases);
            System.out.printf(
                    "%d rows, %d cases in %.1f s%n%s%n",
                    campaign.rowCount(),
                    campaign.cases(),
                    (System.nanoTime() - start) / 1e9,
                    campaign.report());
            assertThat(campaign.differences()).as("differences, listed above").isZero();
        }
    }
}
