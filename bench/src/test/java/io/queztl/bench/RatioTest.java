package io.queztl.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

final class RatioTest {
    @Test
    void median_oddAndEvenCounts() {
        assertThat(Ratio.median(List.of(9.0, 1.0, 2.0))).isEqualTo(2);
        assertThat(Ratio.median(List.of(4.0, 1.0, 2.0, 9.0))).isEqualTo(3);
    }

    @Test
    void of_peerSlower_isAboveOneWithSpreadAround() {
        Ratio r = Ratio.of(List.of(2.0, 3.0, 4.0), List.of(1.0, 1.5, 2.0));
        assertThat(r.value()).isEqualTo(2);
        assertThat(r.low()).isEqualTo(1);
        assertThat(r.high()).isEqualTo(4);
    }

    @Test
    void of_timeBelowResolution_staysFinite() {
        assertThat(Ratio.of(List.of(1.0), List.of(0.0)).value()).isEqualTo(100);
    }

    @Test
    void geometricMean_ofReciprocals_isOne() {
        assertThat(Ratio.geometricMean(List.of(4.0, 0.25, 1.0))).isCloseTo(1, within(1e-12));
        assertThat(Ratio.geometricMean(List.of())).isNaN();
    }
}
