package io.queztl.devices.irq;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.SnapshotContract;
import io.queztl.machine.irq.IrqLine;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class IoApicTest {
    private static final int LEVEL = 0x8000;
    private static final int REMOTE_IRR = 0x4000;

    private final ApicSystem apics = new ApicSystem(2, new ManualTimers());
    private final IoApic ioApic = new IoApic(apics);
    private final LocalApic cpu0 = apics.localApics().get(0);
    private final LocalApic cpu1 = apics.localApics().get(1);

    IoApicTest() {
        cpu0.writeRegister(0xf0, 4, 0x1ff);
        cpu1.writeRegister(0xf0, 4, 0x1ff);
    }

    private static void write(IoApic io, int register, long value) {
        io.write(0, 4, register);
        io.write(0x10, 4, value);
    }

    private long read(int register) {
        ioApic.write(0, 4, register);
        return ioApic.read(0x10, 4);
    }

    private static void route(IoApic io, int input, int cpu, int low) {
        write(io, 0x11 + input * 2, (long) cpu << 24);
        write(io, 0x10 + input * 2, low);
    }

    @Test
    void registers_tellVersionAndInputs() {
        assertThat(read(1)).isEqualTo(0x0017_0020);
        write(ioApic, 0, 0x0500_0000);
        assertThat(read(0)).isEqualTo(0x0500_0000);
        assertThat(read(0x10)).isEqualTo(0x10000);
        assertThat(read(0x3f)).isZero();
        assertThat(read(0x40)).isZero();
    }

    @Test
    void edge_isDeliveredToItsProcessorOncePerRise() {
        route(ioApic, 4, 1, 0x44);
        ioApic.line(4).set(true);
        ioApic.line(4).set(true);
        assertThat(cpu0.pending()).isFalse();
        assertThat(cpu1.acknowledge()).isEqualTo(0x44);
        cpu1.writeRegister(0xb0, 4, 0);
        assertThat(cpu1.pending()).isFalse();
        ioApic.line(4).set(false);
        ioApic.line(4).set(true);
        assertThat(cpu1.pending()).isTrue();
    }

    @Test
    void edge_whileMasked_isLost() {
        ioApic.line(4).set(true);
        route(ioApic, 4, 0, 0x44);
        assertThat(cpu0.pending()).isFalse();
    }

    @Test
    void level_waitsForEndOfInterrupt() {
        route(ioApic, 9, 0, LEVEL | 0x59);
        ioApic.line(9).set(true);
        assertThat(read(0x22)).isEqualTo(LEVEL | REMOTE_IRR | 0x59);
        assertThat(cpu0.acknowledge()).isEqualTo(0x59);
        cpu0.writeRegister(0xb0, 4, 0);
        assertThat(cpu0.pending()).isTrue(); // still high
        assertThat(cpu0.acknowledge()).isEqualTo(0x59);
        ioApic.line(9).set(false);
        cpu0.writeRegister(0xb0, 4, 0);
        assertThat(cpu0.pending()).isFalse();
        assertThat(read(0x22)).isEqualTo(LEVEL | 0x59);
    }

    @Test
    void level_whileMasked_isDeliveredAtUnmask() {
        ioApic.line(9).set(true);
        route(ioApic, 9, 0, LEVEL | 0x10000 | 0x59);
        assertThat(cpu0.pending()).isFalse();
        route(ioApic, 9, 0, LEVEL | 0x59);
        assertThat(cpu0.pending()).isTrue();
    }

    @Test
    void remoteIrr_isClearedByEoiRegisterAndByEdgeMode() {
        route(ioApic, 9, 0, LEVEL | 0x59);
        ioApic.line(9).set(true);
        ioApic.line(9).set(false);
        ioApic.write(0x40, 4, 0x59);
        assertThat(read(0x22)).isEqualTo(LEVEL | 0x59);
        ioApic.line(9).set(true);
        assertThat(read(0x22) & REMOTE_IRR).isNotZero();
        route(ioApic, 9, 0, 0x10000 | 0x59);
        route(ioApic, 9, 0, LEVEL | 0x10000 | 0x59);
        assertThat(read(0x22) & REMOTE_IRR).isZero();
    }

    @Test
    void router_wiresIsaToBothControllers() {
        Pic pic = new Pic(apics::externalChanged);
        IrqRouter router = new IrqRouter(pic, ioApic);
        route(ioApic, 2, 0, 0x62);
        router.line(0).set(true);
        assertThat(cpu0.acknowledge()).isEqualTo(0x62);
        assertThat(pic.state().master().lines()).isEqualTo(1);
    }

    @Test
    void router_joinsWiresOfOneInput() {
        IrqRouter router = new IrqRouter(new Pic(() -> {}), ioApic);
        IrqLine a = router.line(16);
        IrqLine b = router.line(16);
        a.set(true);
        b.set(true);
        a.set(false);
        a.set(false);
        assertThat(ioApic.state().lines()).isEqualTo(1 << 16);
        b.set(false);
        assertThat(ioApic.state().lines()).isZero();
    }

    @Nested
    class Snapshot extends SnapshotContract<IoApic, IoApicState> {
        @Override
        protected IoApic create() {
            return new IoApic(apics);
        }

        @Override
        protected void use(IoApic device) {
            write(device, 0, 0x0300_0000);
            route(device, 9, 0, LEVEL | 0x59);
            route(device, 5, 1, 0x900 | 0x33);
            device.line(9).set(true);
        }

        @Override
        protected void change(IoApic device) {
            device.line(9).set(false);
            device.write(0x40, 4, 0x59);
            device.write(0, 4, 7);
        }

        @Override
        protected IoApicState state(IoApic device) {
            return device.state();
        }

        @Override
        protected void restore(IoApic device, IoApicState state) {
            device.restore(state);
        }
    }
}
