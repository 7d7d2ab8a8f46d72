package io.queztl.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.irq.ApicSystem;
import io.queztl.devices.irq.IoApic;
import io.queztl.devices.irq.IrqRouter;
import io.queztl.devices.irq.LocalApic;
import io.queztl.devices.irq.Pic;
import io.queztl.devices.legacy.Cmos;
import io.queztl.devices.legacy.FastA20;
import io.queztl.devices.legacy.Hpet;
import io.queztl.devices.legacy.I8042;
import io.queztl.devices.legacy.OutputBuffer;
import io.queztl.devices.legacy.Pit;
import io.queztl.devices.legacy.PostPort;
import io.queztl.devices.legacy.ResetControl;
import io.queztl.devices.legacy.Serial;
import io.queztl.devices.power.AcpiPm;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.cpu.VcpuSignals;
import io.queztl.machine.time.TimerThread;
import io.queztl.machine.time.VmClock;
import java.io.ByteArrayOutputStream;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** All devices wired as a PC, with real time: interrupts find their way to the processor. */
@Timeout(60)
class WiringTest {
    private static final class Cpu implements VcpuSignals {
        private final Semaphore wake = new Semaphore(0);

        @Override
        public void interruptChanged() {
            wake.release();
        }

        @Override
        public void nmi() {}

        @Override
        public void initSignal() {}

        @Override
        public void startup(int vector) {}

        /** Waits for an interrupt as HLT does, and takes it. */
        int halt(LocalApic apic) throws InterruptedException {
            while (!apic.pending()) {
                assertThat(wake.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
            }
            return apic.acknowledge();
        }
    }

    @Test
    void devices_onTheBusesOfAPc_interruptTheProcessor() throws Exception {
        Bus ports = new Bus();
        Bus mmio = new Bus();
        ByteArrayOutputStream host = new ByteArrayOutputStream();
        Runnable nothing = () -> {};
        try (TimerThread timers = new TimerThread(new VmClock());
                OutputBuffer console = new OutputBuffer("console", host)) {
            ApicSystem apics = new ApicSystem(2, timers);
            IoApic ioApic = new IoApic(apics);
            Pic pic = new Pic(apics::externalChanged);
            apics.external(pic);
            IrqRouter router = new IrqRouter(pic, ioApic);
            Hpet hpet = new Hpet(router::line, apics, timers);
            Pit pit = new Pit(hpet.intervalTimerLine(), timers);
            Cmos cmos = new Cmos(hpet.realTimeClockLine(), timers, 512 << 20, 0);
            Serial serial = new Serial(router.line(4), console, timers);
            I8042 keyboard = new I8042(router.line(1), false, nothing);
            AcpiPm power = new AcpiPm(router.line(9), timers, true, nothing);
            PostPort post = new PostPort();
            PciHostBridge pci =
                    new PciHostBridge(mmio, ports, new ResetControl(nothing), 0xe000_0000L);
            ports.add(0x20, 2, pic.master());
            ports.add(0x40, Pit.PORTS, pit);
            ports.add(0x60, 1, keyboard.data());
            ports.add(0x61, 1, pit.systemControl());
            ports.add(0x64, 1, keyboard.command());
            ports.add(0x70, Cmos.PORTS, cmos);
            ports.add(0x80, 1, post);
            ports.add(0x92, 1, new FastA20(nothing));
            ports.add(0xa0, 2, pic.slave());
            ports.add(0xb2, 2, power.command());
            ports.add(0xed, 1, post);
            ports.add(0x3f8, Serial.PORTS, serial);
            ports.add(0x4d0, 2, pic.edgeLevel());
            ports.add(0x600, AcpiPm.PORTS, power);
            ports.add(0xcf8, PciHostBridge.PORTS, pci.ports());
            mmio.add(0xe000_0000L, PciHostBridge.ECAM_WINDOW, pci.ecam());
            mmio.add(0xfec0_0000L, IoApic.WINDOW, ioApic);
            mmio.add(0xfed0_0000L, Hpet.WINDOW, hpet);
            Cpu cpu = new Cpu();
            apics.attach(0, cpu);
            LocalApic apic = apics.localApics().getFirst();

            // The 8259 as at boot, the timer at 1 kHz.
            int[] icw = {0x11, 0x30, 0x04, 0x01};
            for (int i = 0; i < icw.length; i++) {
                ports.write(i == 0 ? 0x20 : 0x21, 1, icw[i]);
            }
            ports.write(0x43, 1, 0x34);
            ports.write(0x40, 1, 1193 & 0xff);
            ports.write(0x40, 1, 1193 >>> 8);
            for (int i = 0; i < 5; i++) {
                assertThat(cpu.halt(apic)).isEqualTo(0x30);
                ports.write(0x20, 1, 0x20);
            }

            // Then the I/O APIC, and the serial port's interrupt at vector 0x54.
            ports.write(0x21, 1, 0xff);
            apic.writeRegister(0x350, 4, 0x10700);
            apic.writeRegister(0xf0, 4, 0x1ff);
            mmio.write(0xfec0_0000L, 4, 0x18);
            mmio.write(0xfec0_0010L, 4, 0x54);
            ports.write(0x3fc, 1, 0x0b);
            ports.write(0x3f9, 1, 0x02);
            assertThat(cpu.halt(apic)).isEqualTo(0x54);
            assertThat(ports.read(0x3fa, 1)).isEqualTo(0x02);
            apic.writeRegister(0xb0, 4, 0);
            ports.write(0x3f9, 1, 0);

            // The HPET takes interrupt 0 over, at I/O APIC input 2.
            mmio.write(0xfec0_0000L, 4, 0x14);
            mmio.write(0xfec0_0010L, 4, 0x52);
            mmio.write(0xfed0_0010L, 4, 3);
            mmio.write(0xfed0_0100L, 4, 0x14c);
            mmio.write(0xfed0_0108L, 4, mmio.read(0xfed0_00f0L, 4) + 200_000);
            mmio.write(0xfed0_0108L, 4, 100_000);
            for (int i = 0; i < 3; i++) {
                assertThat(cpu.halt(apic)).isEqualTo(0x52);
                apic.writeRegister(0xb0, 4, 0);
            }
            mmio.write(0xfec0_0010L, 4, 0x10052);
            mmio.write(0xfed0_0010L, 4, 0); // gives interrupt 0 back to the interval timer

            // The TSC deadline timer.
            apic.writeRegister(0x320, 4, 0x400ec);
            while (apic.acknowledge() >= 0) {
                apic.writeRegister(0xb0, 4, 0);
            }
            assertThat(apic.writeMsr(0x6e0, timers.clock().nanos() + 2_000_000)).isTrue();
            assertThat(cpu.halt(apic)).isEqualTo(0xec);
        }
    }
}
