package io.queztl.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.bench.Measurements.Cost;
import org.junit.jupiter.api.Test;

final class MeasurementsTest {
    private final Measurements measurements = new Measurements();

    private void say(double wall, double cpu, String line) {
        measurements.line(line, new Cost(wall, cpu), null);
    }

    @Test
    void line_beginAndEnd_isOneRepeat() {
        say(10, 5, "BENCH begin sort\r");
        say(12.5, 6, "BENCH end sort\r");
        say(13, 6, "BENCH begin sort");
        say(14, 8, "[    3.1] a kernel messageBENCH end sort");
        assertThat(measurements.costs("sort")).containsExactly(new Cost(2.5, 1), new Cost(1, 2));
        assertThat(measurements.costs("gzip")).isEmpty();
    }

    @Test
    void line_endWithoutBegin_countsForNothing() {
        say(1, 1, "BENCH end sort");
        say(2, 1, "BENCH begin sort");
        measurements.start();
        say(3, 1, "BENCH end sort");
        assertThat(measurements.costs("sort")).isEmpty();
    }

    @Test
    void line_init_endsBoot() {
        measurements.line("BENCH init", new Cost(1.5, 2), "boot");
        assertThat(measurements.costs("boot")).containsExactly(new Cost(1.5, 2));
        assertThat(measurements.reachedInit()).isTrue();
        measurements.start();
        assertThat(measurements.reachedInit()).isFalse();
    }

    @Test
    void line_sums_keepsDifferentOnes() {
        say(1, 1, "BENCH sum sort aa");
        say(1, 1, "BENCH sum sort aa");
        assertThat(measurements.sums("sort")).containsExactly("aa");
        say(1, 1, "BENCH sum sort bb");
        assertThat(measurements.sums("sort")).containsExactly("aa", "bb");
    }

    @Test
    void line_failClockRoundDone_areKept() {
        say(1, 1, "BENCH fail sort status 1: sort: no such file");
        say(1, 1, "BENCH clock gzip 123");
        say(1, 1, "BENCH clock gzip -");
        say(1, 1, "BENCH round");
        say(1, 1, "BENCH done");
        assertThat(measurements.failure("sort")).isEqualTo("status 1: sort: no such file");
        assertThat(measurements.guestSeconds("gzip")).containsExactly(1.23);
        assertThat(measurements.rounds()).isEqualTo(1);
        assertThat(measurements.done()).isTrue();
    }

    @Test
    void line_withoutMark_isIgnored() {
        say(1, 1, "Kernel panic - not syncing");
        assertThat(measurements.reachedInit()).isFalse();
    }
}
