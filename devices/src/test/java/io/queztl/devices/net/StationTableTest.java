package io.queztl.devices.net;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StationTableTest {
    private long now;
    private final StationTable<String> table = new StationTable<>(() -> now);

    @Test
    void station_heard_isFoundUntilItIsOld() {
        table.heard(5, "a");
        assertThat(table.find(5)).isEqualTo("a");
        assertThat(table.find(6)).isNull();
        now = 299_000_000_000L;
        assertThat(table.find(5)).isEqualTo("a");
        now = 301_000_000_000L;
        assertThat(table.find(5)).isNull();
        table.heard(5, "a");
        assertThat(table.find(5)).isEqualTo("a");
    }

    @Test
    void station_thatMoves_isBehindItsNewPort() {
        table.heard(5, "a");
        table.heard(5, "b");
        assertThat(table.find(5)).isEqualTo("b");
        table.forget("a");
        assertThat(table.find(5)).isEqualTo("b");
        table.forget("b");
        assertThat(table.find(5)).isNull();
    }

    @Test
    void group_isNoStation() {
        table.heard(1L << 40, "a");
        assertThat(table.size()).isZero();
    }

    @Test
    void portThatInventsStations_isBounded() {
        table.heard(5, "b");
        for (long mac = 1_000; mac < 100_000; mac++) {
            table.heard(mac, "a");
            assertThat(table.size()).isLessThanOrEqualTo(StationTable.MAX_PER_PORT + 1);
        }
        assertThat(table.find(5)).isEqualTo("b");
    }
}
