package io.queztl.emulator.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.testkit.oracle.NativeOracle;
import io.queztl.testkit.random.Seeds;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * More cases of x87 and MMX instructions than {@link DifferentialTest} gives them, against the host
 * CPU: what they do depends on many modes and on rare values.
 */
class FloatDifferentialTest {
    private static final long CASES = 300_000;
    private static final long ALL_CASES = 5_000_000;

    @Test
    void x87AndMmx_onRandomOperands_agreeWithTheHost() throws Exception {
        String reason = NativeOracle.unavailable();
        if (reason != null) {
            System.out.println("x87 differential test skipped: " + reason);
        }
        Assumptions.assumeTrue(reason == null, reason);
        long seed = Seeds.seed("x87 differential test");
        try (Campaign campaign = new Campaign(seed, ".* (X87|Mmx).*")) {
            campaign.run(Seeds.all() ? ALL_CASES : CASES);
            System.out.println(campaign.report());
            assertThat(campaign.rowCount()).isPositive();
            assertThat(campaign.differences()).as("differences, listed above").isZero();
        }
    }
}
