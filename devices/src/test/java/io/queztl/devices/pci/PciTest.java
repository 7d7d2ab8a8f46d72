package io.queztl.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import io.queztl.devices.legacy.ResetControl;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class PciTest {
    private static final long ECAM = 0xe000_0000L;

    /** Memory of a device: gives back the offset read. */
    private static final class Region implements BusDevice {
        private final long tag;

        Region(long tag) {
            this.tag = tag;
        }

        @Override
        public long read(long offset, int size) {
            return tag | offset;
        }

        @Override
        public void write(long offset, int size, long value) {}
    }

    private final Bus mmio = new Bus();
    private final Bus ports = new Bus();
    private final RecordingLine pin = new RecordingLine();
    private final List<String> messages = new ArrayList<>();
    private int resets;
    private final PciHostBridge bridge =
            new PciHostBridge(mmio, ports, new ResetControl(() -> resets++), ECAM);
    private final PciDevice device = newDevice(0);
    private final Msix msix = device.addMsix(3, 4);

    PciTest() {
        bridge.add(3, 0, device);
        ports.add(0xcf8, PciHostBridge.PORTS, bridge.ports());
        mmio.add(ECAM, PciHostBridge.ECAM_WINDOW, bridge.ecam());
    }

    private PciDevice newDevice(long tag) {
        PciConfigSpace config = new PciConfigSpace(0x1af4, 0x1042, 0x018000, 1);
        config.subsystem(0x1af4, 0x40);
        PciDevice d =
                new PciDevice(
                        config,
                        mmio,
                        ports,
                        (a, data) -> messages.add("%x:%x".formatted(a, data)),
                        pin);
        d.addBar(0, BarKind.PORTS, 64, new Region(tag | 0x1000));
        d.addBar(1, BarKind.MEMORY_32, 0x1000, new Region(tag | 0x10000));
        d.addBar(2, BarKind.MEMORY_64, 0x4000, new Region(tag | 0x20000));
        return d;
    }

    private long in(int slot, int register, int size) {
        ports.write(0xcf8, 4, 0x8000_0000L | slot << 11 | register & 0xfc);
        return ports.read(0xcfc + (register & 3), size);
    }

    private void out(int slot, int register, int size, long value) {
        ports.write(0xcf8, 4, 0x8000_0000L | slot << 11 | register & 0xfc);
        ports.write(0xcfc + (register & 3), size, value);
    }

    private long ecam(int slot, int register, int size) {
        return mmio.read(ECAM + (slot << 15) + register, size);
    }

    @Test
    void bothMechanisms_seeTheSameFunctions() {
        assertThat(in(0, 0, 4)).isEqualTo(0x29c0_8086L);
        assertThat(in(31, 0, 4)).isEqualTo(0x2918_8086L);
        assertThat(in(31, 0x0a, 2)).isEqualTo(0x0601);
        assertThat(in(3, 0, 2)).isEqualTo(0x1af4);
        assertThat(in(3, 2, 2)).isEqualTo(0x1042);
        assertThat(in(4, 0, 4)).isEqualTo(0xffff_ffffL);
        assertThat(ecam(3, 0, 4)).isEqualTo(0x1042_1af4L);
        assertThat(ecam(3, 0x2c, 4)).isEqualTo(0x0040_1af4L);
        assertThat(ecam(4, 0, 4)).isEqualTo(0xffff_ffffL);
        assertThat(ecam(3, 0x100, 4)).isZero();
        assertThat(ecam(0, 0x60, 4)).isEqualTo(ECAM | 5);
        ports.write(0xcf8, 4, 0x8001_0000L); // bus 1
        assertThat(ports.read(0xcfc, 4)).isEqualTo(0xffff_ffffL);
        ports.write(0xcf8, 4, 0x1800); // off
        assertThat(ports.read(0xcfc, 4)).isEqualTo(0xffff_ffffL);
        assertThat(ports.read(0xcf8, 4)).isEqualTo(0x1800);
    }

    @Test
    void resetControl_isAmongThePorts() {
        ports.write(0xcf9, 1, 0x06);
        assertThat(resets).isEqualTo(1);
        assertThat(ports.read(0xcf9, 1)).isEqualTo(0x06);
    }

    @Test
    void bars_answerSizing() {
        for (int bar = 0; bar < 6; bar++) {
            out(3, 0x10 + bar * 4, 4, 0xffff_ffffL);
        }
        assertThat(in(3, 0x10, 4)).isEqualTo(0xffff_ffc1L);
        assertThat(in(3, 0x14, 4)).isEqualTo(0xffff_f000L);
        assertThat(in(3, 0x18, 4)).isEqualTo(0xffff_c00cL);
        assertThat(in(3, 0x1c, 4)).isEqualTo(0xffff_ffffL);
        assertThat(in(3, 0x20, 4)).isEqualTo(0xffff_f000L);
        assertThat(in(3, 0x24, 4)).isZero();
    }

    @Test
    void regions_appearWhenDecodedAndMove() {
        out(3, 0x10, 4, 0xc000);
        out(3, 0x14, 4, 0xf000_0000L);
        out(3, 0x18, 4, 0x0000_4000L);
        out(3, 0x1c, 4, 0x8L);
        assertThat(mmio.claims(0xf000_0000L)).isFalse();
        out(3, 4, 2, 2);
        assertThat(mmio.read(0xf000_0010L, 4)).isEqualTo(0x10010);
        assertThat(mmio.read(0x8_0000_4020L, 4)).isEqualTo(0x20020);
        assertThat(ports.claims(0xc000)).isFalse();
        out(3, 4, 2, 3);
        assertThat(ports.read(0xc004, 2)).isEqualTo(0x1004);
        out(3, 0x14, 4, 0xf100_0000L);
        assertThat(mmio.claims(0xf000_0000L)).isFalse();
        assertThat(mmio.read(0xf100_0004L, 4)).isEqualTo(0x10004);
        out(3, 4, 2, 0);
        assertThat(mmio.claims(0xf100_0000L)).isFalse();
        assertThat(ports.claims(0xc000)).isFalse();
    }

    @Test
    void overlappingRegions_areRefusedUntilThereIsRoom() {
        PciDevice other = newDevice(0x100_0000);
        bridge.add(4, 0, other);
        out(3, 0x14, 4, 0xf000_0000L);
        out(3, 4, 2, 2);
        out(4, 0x14, 4, 0xf000_0000L);
        out(4, 4, 2, 2);
        assertThat(mmio.read(0xf000_0000L, 4)).isEqualTo(0x10000);
        out(3, 0x14, 4, 0xf200_0000L);
        assertThat(mmio.read(0xf000_0000L, 4)).isEqualTo(0x101_0000);
        out(4, 0x14, 4, ECAM);
        assertThat(ecam(0, 0, 4)).isEqualTo(0x29c0_8086L);
    }

    @Test
    void addresses_areAssignedAsByFirmware() {
        bridge.assignAddresses(0xc000_0000L, 0xc100_0000L, 0xc000, 0xd000);
        assertThat(in(3, 4, 2) & 3).isEqualTo(3);
        assertThat(mmio.read(0xc000_0000L, 4)).isEqualTo(0x20000);
        assertThat(ports.read(0xc000, 4)).isEqualTo(0x1000);
        assertThat(in(3, 0x14, 4)).isEqualTo(0xc000_4000L);
        assertThatThrownBy(() -> bridge.assignAddresses(0xc000_0000L, 0xc000_1000L, 0, 0x40))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void capabilities_areLinked() {
        assertThat(in(3, 6, 2) & 0x10).isEqualTo(0x10);
        int at = (int) in(3, 0x34, 1);
        assertThat(in(3, at, 2)).isEqualTo(0x0011);
        assertThat(in(3, at + 2, 2)).isEqualTo(2);
        assertThat(in(3, at + 4, 4)).isEqualTo(4);
        assertThat(in(3, at + 8, 4)).isEqualTo(0x804);
    }

    private void enableMsix(int control) {
        int at = (int) in(3, 0x34, 1);
        out(3, at + 2, 2, control);
    }

    @Test
    void msix_sendsMasksAndRemembers() {
        out(3, 0x20, 4, 0xf000_0000L);
        out(3, 4, 2, 6);
        assertThat(device.busMaster()).isTrue();
        msix.raise(0);
        assertThat(messages).isEmpty();
        enableMsix(0x8000);
        for (int v = 0; v < 3; v++) {
            mmio.write(0xf000_0000L + v * 16, 8, 0xfee0_0000L);
            mmio.write(0xf000_0008L + v * 16, 4, 0x40 + v);
        }
        mmio.write(0xf000_001cL, 4, 0);
        msix.raise(1);
        assertThat(messages).containsExactly("fee00000:41");
        msix.raise(2);
        assertThat(mmio.read(0xf000_0800L, 8)).isEqualTo(4);
        mmio.write(0xf000_002cL, 4, 0);
        assertThat(messages).containsExactly("fee00000:41", "fee00000:42");
        assertThat(mmio.read(0xf000_0800L, 4)).isZero();
        enableMsix(0xc000);
        msix.raise(1);
        assertThat(messages).hasSize(2);
        enableMsix(0x8000);
        assertThat(messages).hasSize(3);
        msix.raise(-1);
        msix.raise(3);
        assertThat(messages).hasSize(3);
    }

    @Test
    void intx_isGatedByCommandAndMsix() {
        assertThat(in(3, 0x3d, 1)).isEqualTo(1);
        device.intx(true);
        assertThat(pin.high()).isTrue();
        assertThat(in(3, 6, 2) & 8).isEqualTo(8);
        out(3, 4, 2, 0x400);
        assertThat(pin.high()).isFalse();
        out(3, 4, 2, 0);
        assertThat(pin.high()).isTrue();
        enableMsix(0x8000);
        assertThat(pin.high()).isFalse();
        enableMsix(0);
        device.intx(false);
        assertThat(pin.high()).isFalse();
        assertThat(in(3, 6, 2) & 8).isZero();
    }

    @Test
    void anyConfigurationAccess_isHarmless() {
        java.util.Random random = new java.util.Random(3);
        int[] slots = {0, 3, 31, 9};
        for (int i = 0; i < 100_000; i++) {
            int size = 1 << random.nextInt(4);
            long at = ECAM + (slots[random.nextInt(4)] << 15) + random.nextInt(4096);
            mmio.write(at, size, random.nextLong());
            mmio.read(at, size);
            ports.write(0xcf8 + random.nextInt(8), size, random.nextLong());
        }
        assertThat(ecam(3, 0, 4)).isEqualTo(0x1042_1af4L);
    }

    @Nested
    class Snapshot extends SnapshotContract<PciDevice, PciDeviceState> {
        @Override
        protected PciDevice create() {
            PciDevice d =
                    new PciDevice(
                            new PciConfigSpace(1, 2, 3, 4),
                            new Bus(),
                            new Bus(),
                            (a, x) -> {},
                            IrqLine.NONE);
            d.addBar(0, BarKind.MEMORY_32, 4096, new Region(0));
            d.addMsix(70, 1);
            return d;
        }

        @Override
        protected void use(PciDevice d) {
            d.assign(0, 0xf000_0000L);
            d.writeConfig(4, 2, 7);
            d.writeConfig(0x42, 2, 0x8000);
            d.intx(true);
        }

        @Override
        protected void change(PciDevice d) {
            d.assign(0, 0xf100_0000L);
            d.writeConfig(0x42, 2, 0);
            d.intx(false);
        }

        @Override
        protected PciDeviceState state(PciDevice d) {
            return d.state();
        }

        @Override
        protected void restore(PciDevice d, PciDeviceState state) {
            d.restore(state);
        }
    }

    @Nested
    class BridgeSnapshot extends SnapshotContract<PciHostBridge, PciHostBridgeState> {
        @Override
        protected PciHostBridge create() {
            return new PciHostBridge(new Bus(), new Bus(), new ResetControl(() -> {}), ECAM);
        }

        @Override
        protected void use(PciHostBridge b) {
            b.ports().write(0, 4, 0x8000_f860L);
            b.ports().write(4, 4, 0x0a0b_0a0bL);
        }

        @Override
        protected void change(PciHostBridge b) {
            b.ports().write(4, 4, 0x8080_8080L);
            b.ports().write(0, 4, 0);
        }

        @Override
        protected PciHostBridgeState state(PciHostBridge b) {
            return b.state();
        }

        @Override
        protected void restore(PciHostBridge b, PciHostBridgeState state) {
            b.restore(state);
        }
    }
}
