package io.queztl.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.SnapshotContract;
import io.queztl.devices.firmware.ShadowRam;
import io.queztl.devices.firmware.SmiControl;
import io.queztl.devices.legacy.ResetControl;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.SecondStage;
import io.queztl.testkit.random.Seeds;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The host bridge as firmware sets it up: shadow RAM, ECAM, power management. */
class FirmwareBridgeTest extends SnapshotContract<PciHostBridge, PciHostBridgeState> {
    private static final long RAM = 2 << 20;
    private static final long ROM = 256 << 10;
    private static final long HIDDEN = -1;

    private final GuestMemory memory = new GuestMemory(RAM, 1 << 30, ROM);
    private final Bus mmio = new Bus();
    private final Bus ports = new Bus();
    private final PciHostBridge bridge = create();

    FirmwareBridgeTest() {
        ports.add(0xcf8, PciHostBridge.PORTS, bridge.ports());
    }

    @AfterEach
    void close() {
        memory.close();
    }

    @Override
    protected PciHostBridge create() {
        return new PciHostBridge(
                mmio, ports, new ResetControl(() -> {}), new ShadowRam(memory), 0x600);
    }

    @Override
    protected void use(PciHostBridge device) {
        config(device, 0, 0x60, 4, 0xb000_0001L);
        config(device, 0, 0x91, 1, 0x13);
        config(device, 31, 0x44, 1, 0x80);
    }

    @Override
    protected void change(PciHostBridge device) {
        config(device, 0, 0x60, 4, 0);
        config(device, 0, 0x91, 1, 0x31);
    }

    @Override
    protected PciHostBridgeState state(PciHostBridge device) {
        return device.state();
    }

    @Override
    protected void restore(PciHostBridge device, PciHostBridgeState state) {
        device.restore(state);
    }

    private static void config(PciHostBridge b, int slot, int register, int size, long value) {
        b.ports().write(0, 4, 0x8000_0000L | slot << 11 | register & 0xfc);
        b.ports().write(4 + (register & 3), size, value);
    }

    private long in(int slot, int register, int size) {
        ports.write(0xcf8, 4, 0x8000_0000L | slot << 11 | register & 0xfc);
        return ports.read(0xcfc + (register & 3), size);
    }

    private long behind(long guestPhysical) {
        return memory.secondStage().ramPage(guestPhysical);
    }

    private boolean readOnly(long guestPhysical) {
        return (memory.secondStage().state(guestPhysical) & SecondStage.READ_ONLY) != 0;
    }

    @Test
    void powerOn_showsTheEndOfTheRom() {
        assertThat(behind(0xf_f000)).isEqualTo(RAM + ROM - 0x1000);
        assertThat(behind(0xe_0000)).isEqualTo(RAM + ROM - 0x2_0000);
        assertThat(behind(0xd_f000)).isEqualTo(HIDDEN);
        assertThat(behind(0xc_0000)).isEqualTo(HIDDEN);
        assertThat(behind(0xb_f000)).isEqualTo(0xb_f000);
        assertThat(behind(0x10_0000)).isEqualTo(0x10_0000);
        assertThat(behind(0xffff_f000L)).isEqualTo(RAM + ROM - 0x1000);
        assertThat(readOnly(0xffff_f000L)).isTrue();
        assertThat(readOnly(0xf_f000)).isTrue();
        assertThat(memory.isRam(0xffff_f000L, 1)).isFalse();
    }

    @Test
    void attributeMap_shadowsSegmentBySegment() {
        config(bridge, 0, 0x90, 1, 0xff);
        assertThat(in(0, 0x90, 1)).isEqualTo(0x30);
        assertThat(behind(0xf_0000)).isEqualTo(0xf_0000);
        assertThat(readOnly(0xf_0000)).isFalse();
        config(bridge, 0, 0x91, 1, 0x13);
        assertThat(behind(0xc_0000)).isEqualTo(0xc_0000);
        assertThat(readOnly(0xc_3000)).isFalse();
        assertThat(behind(0xc_4000)).isEqualTo(0xc_4000);
        assertThat(readOnly(0xc_4000)).isTrue();
        assertThat(behind(0xc_8000)).isEqualTo(HIDDEN);
        config(bridge, 0, 0x96, 1, 0x02); // writes only: as neither
        assertThat(behind(0xe_8000)).isEqualTo(RAM + ROM - 0x1_8000);
        config(bridge, 0, 0x90, 1, 0x00);
        assertThat(behind(0xf_f000)).isEqualTo(RAM + ROM - 0x1000);
    }

    @Test
    void ecam_goesWhereItIsPut() {
        assertThat(bridge.ecamBase()).isEqualTo(-1);
        config(bridge, 0, 0x60, 4, 0xb000_0001L);
        assertThat(mmio.read(0xb000_0000L, 4)).isEqualTo(0x29c0_8086L);
        assertThat(bridge.ecamBase()).isEqualTo(0xb000_0000L);
        assertThat(bridge.ecamBytes()).isEqualTo(0x1000_0000L);
        config(bridge, 0, 0x60, 4, 0xe400_0005L);
        assertThat(mmio.read(0xb000_0000L, 4)).isEqualTo(0xffff_ffffL);
        assertThat(mmio.read(0xe400_0000L, 4)).isEqualTo(0x29c0_8086L);
        assertThat(bridge.ecamBytes()).isEqualTo(0x400_0000L);
        config(bridge, 0, 0x60, 4, 0);
        assertThat(mmio.claims(0xe400_0000L)).isFalse();
    }

    @Test
    void machine_isWhatFirmwareLooksFor() {
        assertThat(in(0, 0x2c, 4)).isEqualTo(0x1100_1af4L);
        config(bridge, 31, 0x40, 4, 0xb001);
        assertThat(in(31, 0x40, 4)).isEqualTo(0x601);
        config(bridge, 31, 0x44, 1, 0x80);
        assertThat(in(31, 0x44, 1)).isEqualTo(0x80);
        SmiControl smi = new SmiControl();
        smi.write(0, 4, 0);
        assertThat(smi.read(0, 4)).isEqualTo(0x20);
        assertThat(smi.read(1, 1)).isZero();
    }

    @Test
    void hostileWrites_leaveRamAndOtherDevices() {
        mmio.add(0xfec0_0000L, 0x1000, new SmiControl());
        Random random = new Random(Seeds.seed("FirmwareBridgeTest"));
        int steps = Seeds.all() ? 1_000_000 : 10_000;
        for (int i = 0; i < steps; i++) {
            int register = random.nextBoolean() ? 0x60 + random.nextInt(8) : random.nextInt(256);
            config(
                    bridge,
                    random.nextInt(2) * 31,
                    register,
                    1 << random.nextInt(3),
                    random.nextInt());
        }
        for (long page = 0; page < RAM; page += 0x1000) {
            if (page < 0xc_0000 || page >= 0x10_0000) {
                assertThat(behind(page)).isEqualTo(page);
                assertThat(readOnly(page)).isFalse();
            }
        }
        assertThat(mmio.claims(0xfec0_0000L)).isTrue();
        config(bridge, 0, 0x90, 1, 0x30);
        assertThat(behind(0xf_0000)).isEqualTo(0xf_0000);
    }
}
