package io.queztl.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.bench.Item.Group;
import io.queztl.bench.Measurements.Cost;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ReportTest {
    private static final List<Item> ITEMS =
            List.of(
                    Item.program("coremark", Group.INTEGER, 1),
                    Item.program("nbody", Group.FLOATING_POINT, 1));

    private static Measurements run(double seconds, String sum) {
        Measurements m = new Measurements();
        for (Item i : ITEMS) {
            m.line("BENCH begin " + i.name(), new Cost(1, 1), null);
            m.line("BENCH end " + i.name(), new Cost(1 + seconds, 1 + 2 * seconds), null);
            m.line("BENCH sum " + i.name() + " " + sum, new Cost(9, 9), null);
        }
        return m;
    }

    private static Report report(Measurements ours, Measurements peer) {
        Map<Contestant, Measurements> results = new EnumMap<>(Contestant.class);
        results.put(Contestant.QUEZTL, ours);
        results.put(Contestant.TCG, peer);
        return new Report(List.of(), ITEMS, results);
    }

    @Test
    void text_equalResults_showsRatiosAndMeans() {
        Report report = report(run(1, "aa"), run(3, "aa"));
        assertThat(report.problems()).isEmpty();
        assertThat(report.text())
                .contains("wall  geometric mean 3.00 over 2 items")
                .contains("floating point 3.00")
                .containsPattern("nbody +3.00 +1.00 +3.00 +3.00-3.00 +6.00 +2.00 +3.00");
    }

    @Test
    void problems_differentResults_namesItem() {
        assertThat(report(run(1, "aa"), run(1, "bb")).problems())
                .hasSize(2)
                .first()
                .asString()
                .contains("coremark: results differ");
    }

    @Test
    void problems_missingItem_namesItAndTheContestant() {
        assertThat(report(new Measurements(), run(1, "aa")).problems())
                .contains("nbody: did not end under queztl");
    }

    @Test
    void text_clockOfGuestOff_isRemarked() {
        Measurements ours = run(1, "aa");
        ours.line("BENCH clock nbody 150", new Cost(9, 9), null);
        assertThat(report(ours, run(1, "aa")).text())
                .contains("remark: nbody: the guest's clock under queztl is off by +0.50 s");
    }

    @Test
    void json_quotesAndNumbers_areInPlace() {
        Measurements ours = run(1, "aa");
        ours.line("BENCH fail nbody status 1: a \"quote\"", new Cost(9, 9), null);
        assertThat(report(ours, run(2, "aa")).json())
                .contains("\"wall\":[2.0]")
                .contains("\"wallRatio\":2.0")
                .contains("a \\\"quote\\\"");
    }
}
