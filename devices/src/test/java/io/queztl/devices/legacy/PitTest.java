package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import io.queztl.machine.bus.BusDevice;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class PitTest {
    private final ManualTimers timers = new ManualTimers();
    private final RecordingLine line = new RecordingLine();
    private final Pit pit = new Pit(line, timers);
    private final BusDevice port61 = pit.systemControl();

    private static void program(Pit pit, int channel, int mode, int count) {
        pit.write(3, 1, channel << 6 | 0x30 | mode << 1);
        pit.write(channel, 1, count & 0xff);
        pit.write(channel, 1, count >>> 8);
    }

    private int latched(int channel) {
        pit.write(3, 1, channel << 6);
        int low = (int) pit.read(channel, 1);
        return low | (int) pit.read(channel, 1) << 8;
    }

    private void ticks(long n) {
        timers.advance((n * 1_000_000_000 + Pit.FREQUENCY_HZ - 1) / Pit.FREQUENCY_HZ);
    }

    private boolean out2() {
        return (port61.read(0, 1) & 0x20) != 0;
    }

    @Test
    void mode2_interruptsEachPeriod() {
        program(pit, 0, 2, 11932); // 10 ms
        line.takeRises();
        timers.advance(9_900_000);
        assertThat(line.takeRises()).isZero();
        timers.advance(200_000);
        assertThat(line.takeRises()).isEqualTo(1);
        timers.advance(990_000_000);
        assertThat(line.takeRises()).isBetween(98, 100);
    }

    @Test
    void mode0_interruptsOnceAtTerminalCount() {
        program(pit, 0, 0, 1193);
        assertThat(line.high()).isFalse();
        ticks(600);
        assertThat(latched(0)).isBetween(590, 594);
        ticks(600);
        assertThat(line.high()).isTrue();
        assertThat(line.takeRises()).isEqualTo(1);
        assertThat(latched(0)).isGreaterThan(0xfff0); // counts on, round
        timers.advance(1_000_000_000);
        assertThat(line.takeRises()).isZero();
        program(pit, 0, 0, 5000);
        assertThat(line.high()).isFalse();
    }

    @Test
    void mode3_countsByTwoAndHasASquareOutput() {
        port61.write(0, 1, 1);
        program(pit, 2, 3, 1000);
        assertThat(out2()).isTrue();
        ticks(100);
        assertThat(latched(2)).isBetween(796, 802);
        ticks(450);
        assertThat(out2()).isFalse();
        ticks(500);
        assertThat(out2()).isTrue();
    }

    @Test
    void channel2_calibrationByGateAndOutput_takesTheRightTime() {
        port61.write(0, 1, 0);
        program(pit, 2, 0, 59_659); // 50 ms
        timers.advance(100_000_000);
        assertThat(out2()).isFalse(); // the gate is low
        port61.write(0, 1, 1);
        timers.advance(49_900_000);
        assertThat(out2()).isFalse();
        timers.advance(200_000);
        assertThat(out2()).isTrue();
        assertThat(port61.read(0, 1) & 3).isEqualTo(1);
    }

    @Test
    void mode1_gateTriggersAndRetriggers() {
        port61.write(0, 1, 0);
        program(pit, 2, 1, 1000);
        assertThat(out2()).isTrue();
        port61.write(0, 1, 1);
        assertThat(out2()).isFalse();
        ticks(900);
        port61.write(0, 1, 0);
        port61.write(0, 1, 1);
        ticks(900);
        assertThat(out2()).isFalse();
        ticks(101);
        assertThat(out2()).isTrue();
    }

    @Test
    void mode4_strobesForOneTick() {
        program(pit, 0, 4, 100);
        line.takeRises();
        ticks(99);
        assertThat(line.takeRises()).isZero();
        ticks(100);
        assertThat(line.takeRises()).isEqualTo(1);
        timers.advance(1_000_000_000);
        assertThat(line.takeRises()).isZero();
    }

    @Test
    void bcd_countsInDecimal() {
        pit.write(3, 1, 0x31);
        pit.write(0, 1, 0x00);
        pit.write(0, 1, 0x10); // 1000
        ticks(1);
        assertThat(latched(0)).isEqualTo(0x0999);
    }

    @Test
    void readBack_latchesStatusThenCount() {
        program(pit, 0, 2, 4660);
        pit.write(3, 1, 0xc2);
        assertThat(pit.read(0, 1)).isEqualTo(0x80 | 0x30 | 2 << 1);
        assertThat(pit.read(0, 1) | pit.read(0, 1) << 8).isEqualTo(4660);
        pit.write(3, 1, 0x36);
        pit.write(3, 1, 0xe2);
        assertThat(pit.read(0, 1) & 0x40).isEqualTo(0x40); // null count
    }

    @Test
    void latchedCount_staysUntilRead() {
        program(pit, 0, 2, 50_000);
        pit.write(3, 1, 0);
        ticks(1000);
        pit.write(3, 1, 0);
        assertThat(pit.read(0, 1) | pit.read(0, 1) << 8).isEqualTo(50_000);
        assertThat(latched(0)).isBetween(48_990, 49_001);
    }

    @Test
    void smallPeriod_doesNotFloodTheTimerThread() {
        program(pit, 0, 2, 2);
        line.takeRises();
        timers.advance(10_000_000);
        assertThat(line.takeRises()).isBetween(1, 250);
    }

    @Test
    void everyByteSequence_isHarmless() {
        java.util.Random random = new java.util.Random(8254);
        for (int i = 0; i < 200_000; i++) {
            int port = random.nextInt(4);
            pit.write(port, 1, random.nextInt(256));
            pit.read(random.nextInt(4), 1);
            port61.write(0, 1, random.nextInt(4));
            port61.read(0, 1);
            timers.advance(random.nextInt(100_000));
        }
        program(pit, 0, 2, 11932);
        timers.advance(11_000_000);
        assertThat(latched(0)).isBetween(1, 11932);
    }

    @Nested
    class Snapshot extends SnapshotContract<Pit, PitState> {
        @Override
        protected Pit create() {
            return new Pit(new RecordingLine(), timers);
        }

        @Override
        protected void use(Pit device) {
            program(device, 0, 2, 11932);
            program(device, 2, 3, 1000);
            device.systemControl().write(0, 1, 3);
            device.write(3, 1, 0xc2);
            timers.advance(1_000_000);
            device.write(3, 1, 0);
            device.read(0, 1);
        }

        @Override
        protected void change(Pit device) {
            device.systemControl().write(0, 1, 0);
            device.write(3, 1, 0x30);
            device.write(0, 1, 7);
        }

        @Override
        protected PitState state(Pit device) {
            return device.state();
        }

        @Override
        protected void restore(Pit device, PitState state) {
            device.restore(state);
        }
    }
}
