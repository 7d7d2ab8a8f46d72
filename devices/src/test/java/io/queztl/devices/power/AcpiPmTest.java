package io.queztl.devices.power;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class AcpiPmTest {
    private final ManualTimers timers = new ManualTimers();
    private final RecordingLine sci = new RecordingLine();
    private int powerOffs;
    private final AcpiPm pm = new AcpiPm(sci, timers, false, () -> powerOffs++);

    private void enable() {
        pm.command().write(0, 1, AcpiPm.ENABLE_COMMAND);
    }

    @Test
    void commandPort_switchesAcpiMode() {
        assertThat(pm.read(4, 2) & 1).isZero();
        enable();
        assertThat(pm.read(4, 2) & 1).isEqualTo(1);
        pm.write(4, 2, 0); // SCI_EN is not the guest's to clear here
        assertThat(pm.read(4, 2) & 1).isEqualTo(1);
        pm.command().write(0, 1, AcpiPm.DISABLE_COMMAND);
        assertThat(pm.read(4, 2) & 1).isZero();
    }

    @Test
    void powerButton_raisesSciUntilCleared() {
        enable();
        pm.write(2, 2, 0x100);
        pm.press();
        assertThat(sci.high()).isTrue();
        assertThat(pm.read(0, 2)).isEqualTo(0x100);
        pm.write(0, 2, 0x100);
        assertThat(sci.high()).isFalse();
        assertThat(pm.read(0, 2)).isZero();
    }

    @Test
    void powerButton_whileDisabled_waits() {
        pm.press();
        assertThat(sci.high()).isFalse();
        pm.write(2, 2, 0x100);
        assertThat(sci.high()).isFalse();
        enable();
        assertThat(sci.high()).isTrue();
    }

    @Test
    void sleepEnable_withS5_powersOff() {
        pm.write(4, 2, 1 << 13 | 1 << 10);
        assertThat(powerOffs).isZero();
        pm.write(4, 2, 5 << 10);
        assertThat(powerOffs).isZero();
        pm.write(4, 2, 1 << 13 | 5 << 10);
        assertThat(powerOffs).isEqualTo(1);
        assertThat(pm.read(4, 2) & 1 << 13).isZero();
    }

    @Test
    void timer_countsAt3579545Hertz() {
        long before = pm.read(8, 4);
        timers.advance(1_000_000_000);
        assertThat(pm.read(8, 4) - before & 0xffffff).isBetween(3_579_544L, 3_579_546L);
        timers.advance(10_000_000_000L);
        assertThat(pm.read(8, 4)).isLessThan(1 << 24);
        AcpiPm wide = new AcpiPm(sci, timers, true, () -> {});
        assertThat(wide.read(8, 4)).isGreaterThan(1 << 24);
    }

    @Test
    void timerCarry_setsItsStatusAndInterrupts() {
        enable();
        pm.write(2, 2, 1);
        timers.advance(2_300_000_000L);
        assertThat(sci.high()).isFalse();
        timers.advance(100_000_000); // 2^23 ticks are 2.34 s
        assertThat(sci.high()).isTrue();
        assertThat(pm.read(0, 2)).isEqualTo(1);
        pm.write(0, 2, 1);
        assertThat(sci.high()).isFalse();
        timers.advance(2_400_000_000L);
        assertThat(sci.takeRises()).isEqualTo(2);
    }

    @Test
    void gpe0_isEmptyButThere() {
        pm.write(0x12, 2, 0xffff);
        assertThat(pm.read(0x10, 2)).isZero();
        assertThat(pm.read(0x12, 2)).isEqualTo(0xffff);
        assertThat(sci.high()).isFalse();
    }

    @Nested
    class Snapshot extends SnapshotContract<AcpiPm, AcpiPmState> {
        @Override
        protected AcpiPm create() {
            return new AcpiPm(new RecordingLine(), timers, true, () -> {});
        }

        @Override
        protected void use(AcpiPm device) {
            device.command().write(0, 1, AcpiPm.ENABLE_COMMAND);
            device.command().write(1, 1, 9);
            device.write(2, 2, 0x100);
            device.write(0x12, 1, 3);
            device.press();
        }

        @Override
        protected void change(AcpiPm device) {
            device.write(0, 2, 0x100);
            device.write(4, 2, 0x1400);
            timers.advance(5_000_000_000_000L);
            device.read(0, 2);
        }

        @Override
        protected AcpiPmState state(AcpiPm device) {
            return device.state();
        }

        @Override
        protected void restore(AcpiPm device, AcpiPmState state) {
            device.restore(state);
        }
    }
}
