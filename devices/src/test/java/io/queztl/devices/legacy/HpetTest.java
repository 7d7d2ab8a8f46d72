package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import io.queztl.machine.irq.IrqLine;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class HpetTest {
    private static final int GENERAL = 0x10;
    private static final int STATUS = 0x20;
    private static final int COUNTER = 0xf0;

    private final ManualTimers timers = new ManualTimers();
    private final Map<Integer, List<RecordingLine>> wires = new HashMap<>();
    private final List<String> messages = new ArrayList<>();
    private final Hpet hpet =
            new Hpet(this::wire, (a, d) -> messages.add("%x:%x".formatted(a, d)), timers);

    private IrqLine wire(int number) {
        RecordingLine line = new RecordingLine();
        wires.computeIfAbsent(number, n -> new ArrayList<>()).add(line);
        return line;
    }

    private int rises(int number) {
        return wires.getOrDefault(number, List.of()).stream()
                .mapToInt(RecordingLine::takeRises)
                .sum();
    }

    private boolean high(int number) {
        return wires.getOrDefault(number, List.of()).stream().anyMatch(RecordingLine::high);
    }

    @Test
    void capabilities_tellPeriodAndTimers() {
        long value = hpet.read(0, 8);
        assertThat(value >>> 32).isEqualTo(10_000_000);
        assertThat(value >>> 8 & 0x1f).isEqualTo(2);
        assertThat(hpet.read(4, 4)).isEqualTo(10_000_000);
        assertThat(hpet.read(0x104, 4)).isEqualTo(0x00ff_0000);
    }

    @Test
    void counter_runsAt100MegahertzWhenEnabled() {
        timers.advance(1_000);
        assertThat(hpet.read(COUNTER, 8)).isZero();
        hpet.write(GENERAL, 8, 1);
        timers.advance(1_000_000);
        assertThat(hpet.read(COUNTER, 8)).isEqualTo(100_000);
        hpet.write(GENERAL, 8, 0);
        timers.advance(1_000_000);
        assertThat(hpet.read(COUNTER, 4)).isEqualTo(100_000);
        hpet.write(COUNTER + 4, 4, 7);
        assertThat(hpet.read(COUNTER, 8)).isEqualTo(7L << 32 | 100_000);
    }

    @Test
    void oneShot_pulsesTheRoutedLineAtTheMatch() {
        hpet.write(GENERAL, 8, 1);
        hpet.write(0x140, 8, 20 << 9 | 4);
        hpet.write(0x148, 8, 1000);
        timers.advance(9_990);
        assertThat(rises(20)).isZero();
        timers.advance(10);
        assertThat(rises(20)).isEqualTo(1);
        timers.advance(1_000_000_000);
        assertThat(rises(20)).isZero();
    }

    @Test
    void periodic_afterLinuxSequence_repeats() {
        hpet.write(GENERAL, 4, 1);
        hpet.write(0x100, 4, 21 << 9 | 0x4 | 0x8 | 0x40 | 0x100);
        hpet.write(0x108, 4, 100_000); // first match
        hpet.write(0x108, 4, 50_000); // period
        timers.advance(1_000_000);
        assertThat(rises(21)).isEqualTo(1);
        timers.advance(5_000_000);
        assertThat(rises(21)).isEqualTo(10);
        assertThat(hpet.read(0x108, 4)).isEqualTo(650_000);
    }

    @Test
    void level_staysHighUntilStatusIsCleared() {
        hpet.write(GENERAL, 4, 1);
        hpet.write(0x140, 4, 20 << 9 | 4 | 2);
        hpet.write(0x148, 8, 1000);
        timers.advance(10_000);
        assertThat(high(20)).isTrue();
        assertThat(hpet.read(STATUS, 4)).isEqualTo(4);
        hpet.write(STATUS, 4, 4);
        assertThat(high(20)).isFalse();
    }

    @Test
    void fsb_sendsItsMessage() {
        hpet.write(GENERAL, 4, 1);
        hpet.write(0x120, 4, 1 << 14 | 4);
        hpet.write(0x130, 8, 0xfee0_1000L << 32 | 0x55);
        hpet.write(0x128, 8, 1000);
        timers.advance(10_000);
        assertThat(messages).containsExactly("fee01000:55");
    }

    @Test
    void legacyReplacement_takesTheIntervalTimersInterrupt() {
        hpet.intervalTimerLine().pulse();
        assertThat(rises(0)).isEqualTo(1);
        hpet.write(GENERAL, 4, 3);
        hpet.intervalTimerLine().pulse();
        assertThat(rises(0)).isZero();
        hpet.write(0x100, 4, 4);
        hpet.write(0x108, 8, 1000);
        hpet.write(0x120, 4, 4);
        hpet.write(0x128, 8, 1000);
        timers.advance(10_000);
        assertThat(rises(0)).isEqualTo(1);
        assertThat(rises(8)).isEqualTo(1);
        hpet.realTimeClockLine().set(true);
        assertThat(rises(8)).isZero();
        hpet.write(GENERAL, 4, 0);
        assertThat(rises(8)).isEqualTo(1);
    }

    @Test
    void anyAccess_isHarmless() {
        java.util.Random random = new java.util.Random(64);
        for (int i = 0; i < 100_000; i++) {
            int size = 1 << random.nextInt(4);
            hpet.write(random.nextInt(0x400), size, random.nextLong());
            hpet.read(random.nextInt(0x400), size);
            timers.advance(random.nextInt(10_000));
        }
        assertThat(hpet.read(0, 4) & 0xff).isEqualTo(1);
    }

    @Nested
    class Snapshot extends SnapshotContract<Hpet, HpetState> {
        @Override
        protected Hpet create() {
            return new Hpet(n -> new RecordingLine(), (a, d) -> {}, timers);
        }

        @Override
        protected void use(Hpet device) {
            device.write(GENERAL, 4, 3);
            device.write(0x100, 4, 0x4c | 0x100);
            device.write(0x108, 4, 100_000);
            device.write(0x108, 4, 50_000);
            device.write(0x140, 4, 20 << 9 | 6);
            device.write(0x148, 8, 1000);
            timers.advance(20_000);
        }

        @Override
        protected void change(Hpet device) {
            timers.advance(10_000_000);
            device.write(STATUS, 4, 4);
            device.write(GENERAL, 4, 0);
        }

        @Override
        protected HpetState state(Hpet device) {
            return device.state();
        }

        @Override
        protected void restore(Hpet device, HpetState state) {
            device.restore(state);
        }
    }
}
