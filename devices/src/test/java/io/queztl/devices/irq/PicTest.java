package io.queztl.devices.irq;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingSignals;
import io.queztl.devices.SnapshotContract;
import io.queztl.machine.bus.BusDevice;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class PicTest {
    private int changes;
    private final Pic pic = new Pic(() -> changes++);
    private final BusDevice master = pic.master();
    private final BusDevice slave = pic.slave();

    PicTest() {
        initialize(pic, 0x01);
    }

    private static void initialize(Pic pic, int icw4) {
        BusDevice master = pic.master();
        BusDevice slave = pic.slave();
        master.write(0, 1, 0x11);
        slave.write(0, 1, 0x11);
        master.write(1, 1, 0x20);
        slave.write(1, 1, 0x28);
        master.write(1, 1, 4);
        slave.write(1, 1, 2);
        master.write(1, 1, icw4);
        slave.write(1, 1, icw4);
    }

    private int inService(BusDevice chip) {
        chip.write(0, 1, 0x0b);
        return (int) chip.read(0, 1);
    }

    @Test
    void edge_isLatchedUntilAcknowledged() {
        pic.line(4).pulse();
        assertThat(pic.pending()).isTrue();
        assertThat(changes).isPositive();
        assertThat(pic.acknowledge()).isEqualTo(0x24);
        assertThat(pic.pending()).isFalse();
        assertThat(inService(master)).isEqualTo(0x10);
        pic.line(4).set(true);
        assertThat(pic.pending()).isFalse(); // in service
        master.write(0, 1, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0x24);
    }

    @Test
    void mask_holdsRequestBack() {
        master.write(1, 1, 0xff);
        assertThat(master.read(1, 1)).isEqualTo(0xff);
        pic.line(1).pulse();
        assertThat(pic.pending()).isFalse();
        master.write(1, 1, 0xfd);
        assertThat(pic.acknowledge()).isEqualTo(0x21);
    }

    @Test
    void priority_lowestNumberFirst_andHigherPreempts() {
        pic.line(5).pulse();
        pic.line(3).pulse();
        assertThat(pic.acknowledge()).isEqualTo(0x23);
        assertThat(pic.pending()).isFalse();
        pic.line(0).pulse();
        assertThat(pic.acknowledge()).isEqualTo(0x20);
        master.write(0, 1, 0x20);
        master.write(0, 1, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0x25);
    }

    @Test
    void slave_comesThroughTheCascade() {
        pic.line(12).pulse();
        pic.line(9).pulse();
        assertThat(pic.acknowledge()).isEqualTo(0x29);
        assertThat(inService(master)).isEqualTo(4);
        assertThat(inService(slave)).isEqualTo(2);
        slave.write(0, 1, 0x20);
        master.write(0, 1, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0x2c);
    }

    @Test
    void levelTriggered_repeatsWhileHigh() {
        pic.edgeLevel().write(1, 1, 0xff);
        assertThat(pic.edgeLevel().read(1, 1)).isEqualTo(0xde);
        pic.line(9).set(true);
        assertThat(pic.acknowledge()).isEqualTo(0x29);
        slave.write(0, 1, 0x61);
        master.write(0, 1, 0x62);
        assertThat(pic.pending()).isTrue();
        pic.line(9).set(false);
        assertThat(pic.pending()).isFalse();
    }

    @Test
    void requestThatWentAway_isSpurious() {
        assertThat(pic.acknowledge()).isEqualTo(0x27);
        assertThat(inService(master)).isZero();
    }

    @Test
    void automaticEnd_leavesNothingInService() {
        initialize(pic, 0x03);
        pic.line(3).pulse();
        assertThat(pic.acknowledge()).isEqualTo(0x23);
        assertThat(inService(master)).isZero();
    }

    @Test
    void rotation_makesTheServedInputLast() {
        pic.line(3).pulse();
        pic.acknowledge();
        master.write(0, 1, 0xa0);
        pic.line(3).pulse();
        pic.line(6).pulse();
        assertThat(pic.acknowledge()).isEqualTo(0x26);
        master.write(0, 1, 0x66);
        master.write(0, 1, 0xc5); // 5 last, 6 first
        pic.line(0).pulse();
        pic.line(6).pulse();
        assertThat(pic.acknowledge()).isEqualTo(0x26);
    }

    @Test
    void specialMaskMode_letsLowerInputsIn() {
        pic.line(2 + 1).pulse();
        pic.acknowledge();
        master.write(1, 1, 0x08);
        pic.line(6).pulse();
        assertThat(pic.pending()).isFalse();
        master.write(0, 1, 0x68);
        assertThat(pic.acknowledge()).isEqualTo(0x26);
    }

    @Test
    void poll_acknowledges() {
        pic.line(6).pulse();
        master.write(0, 1, 0x0c);
        assertThat(master.read(0, 1)).isEqualTo(0x86);
        assertThat(pic.pending()).isFalse();
        assertThat(inService(master)).isEqualTo(0x40);
    }

    @Test
    void virtualWire_reachesTheBootstrapProcessorOnly() {
        ApicSystem apics = new ApicSystem(2, new ManualTimers());
        RecordingSignals signals = new RecordingSignals();
        Pic wired = new Pic(apics::externalChanged);
        apics.external(wired);
        apics.attach(0, signals);
        initialize(wired, 1);
        wired.line(0).pulse();
        assertThat(signals.take()).isNotEmpty();
        assertThat(apics.localApics().get(0).pending()).isTrue();
        assertThat(apics.localApics().get(1).pending()).isFalse();
        assertThat(apics.localApics().get(0).acknowledge()).isEqualTo(0x20);
        wired.master().write(0, 1, 0x20);
        LocalApic apic = apics.localApics().get(0);
        apic.writeRegister(0xf0, 4, 0x1ff);
        apic.writeRegister(0x350, 4, 0x10700);
        signals.take();
        wired.line(0).pulse();
        assertThat(apic.pending()).isFalse();
        apic.writeRegister(0x350, 4, 0x700);
        assertThat(signals.take()).isNotEmpty();
        assertThat(apic.acknowledge()).isEqualTo(0x20);
        wired.master().write(0, 1, 0x20);
        apic.writeRegister(0x350, 4, 0x31); // fixed
        wired.line(0).pulse();
        assertThat(apic.acknowledge()).isEqualTo(0x31);
    }

    @Nested
    class Snapshot extends SnapshotContract<Pic, PicState> {
        @Override
        protected Pic create() {
            return new Pic(() -> {});
        }

        @Override
        protected void use(Pic device) {
            initialize(device, 0x11);
            device.master().write(1, 1, 0x12);
            device.edgeLevel().write(0, 2, 0x0a20);
            device.line(3).set(true);
            device.line(11).set(true);
            device.acknowledge();
            device.slave().write(0, 1, 0x0b);
        }

        @Override
        protected void change(Pic device) {
            device.acknowledge();
            device.line(11).set(false);
            device.master().write(0, 1, 0x11);
        }

        @Override
        protected PicState state(Pic device) {
            return device.state();
        }

        @Override
        protected void restore(Pic device, PicState state) {
            device.restore(state);
        }
    }
}
