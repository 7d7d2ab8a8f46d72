package io.queztl.devices.pci;

import io.queztl.devices.firmware.ShadowRam;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The PCI host bridge with bus 0: configuration mechanism 1 on {@link #ports()} (0xcf8, PCI Local
 * Bus specification 3.0, 3.2.2.3.2) and the enhanced one on {@link #ecam()} (PCI Express Base
 * specification 3.0, 7.2.2). Functions 00:00.0 and 00:1f.0 are a Q35 memory controller and an ICH9
 * ISA bridge, as far as operating systems look at them.
 */
public final class PciHostBridge {
    /** Number of ports, from 0xcf8. */
    public static final int PORTS = 8;

    /** Bytes of ECAM for the one bus. */
    public static final long ECAM_WINDOW = 1 << 20;

    private static final int FUNCTIONS = 256;
    private static final int ISA_SLOT = 31;
    private static final int ADDRESS_WRITABLE = 0x80ff_fffc;
    private static final int RESET_CONTROL = 1;

    private static final int INTEL = 0x8086;
    private static final int Q35_HOST = 0x29c0;
    private static final int ICH9_ISA = 0x2918;
    private static final int CLASS_HOST = 0x060000;
    private static final int CLASS_ISA = 0x060100;
    private static final int HEADER_MULTIFUNCTION = 0x80;

    /** PCIEXBAR of the memory controller: where ECAM is; bit 0 on, 2:1 give its size. */
    private static final int PCIEXBAR = 0x60;

    /** Routing of PIRQA–D and E–H on the ISA bridge; 0x80 is routed nowhere. */
    private static final int PIRQ_A = 0x60;

    private static final int PIRQ_E = 0x68;
    private static final int UNROUTED = 0x80808080;

    /** What firmware looks for to know the machine: the subsystem ids of QEMU. */
    private static final int FIRMWARE_VENDOR = 0x1af4;

    private static final int FIRMWARE_SUBSYSTEM = 0x1100;

    /** Programmable attribute map of the memory controller. */
    private static final int PAM = 0x90;

    private static final int PCIEXBAR_WRITABLE = 0xfc00_0007;
    private static final int PCIEXBAR_ON = 1;
    private static final long ECAM_LIMIT = 1L << 32;

    /** Power management base, ACPI control and root complex base of the ISA bridge. */
    private static final int PM_BASE = 0x40;

    private static final int ACPI_CONTROL = 0x44;
    private static final int ROOT_COMPLEX_BASE = 0xf0;

    private final AtomicReferenceArray<@Nullable PciDevice> functions =
            new AtomicReferenceArray<>(FUNCTIONS);
    private final BusDevice resetControl;
    private final PciDevice host;
    private final PciDevice isa;
    private final @Nullable FirmwareSetup setup;
    private volatile int address;

    /**
     * @param mmio where devices' memory appears
     * @param ports where devices' ports appear
     * @param resetControl what answers byte accesses to port 0xcf9
     * @param ecamBase where the caller puts {@link #ecam()}, a multiple of 64 MiB
     */
    public PciHostBridge(Bus mmio, Bus ports, BusDevice resetControl, long ecamBase) {
        this(mmio, ports, resetControl, ecamBase, null, 0);
    }

    /**
     * A bridge that firmware sets up: it decides where ECAM is, which the bridge puts on the bus
     * then, and what shadows its ROM.
     *
     * @param mmio where devices' memory appears
     * @param ports where devices' ports appear
     * @param resetControl what answers byte accesses to port 0xcf9
     * @param shadow follows the registers PAM0 to PAM6
     * @param pmBase where the power management ports are, and stay
     */
    public PciHostBridge(
            Bus mmio, Bus ports, BusDevice resetControl, ShadowRam shadow, int pmBase) {
        this(mmio, ports, resetControl, 0, shadow, pmBase);
    }

    private PciHostBridge(
            Bus mmio,
            Bus ports,
            BusDevice resetControl,
            long ecamBase,
            @Nullable ShadowRam shadow,
            int pmBase) {
        this.resetControl = resetControl;
        PciConfigSpace memory = new PciConfigSpace(INTEL, Q35_HOST, CLASS_HOST, 0);
        if (shadow == null) {
            memory.set(PCIEXBAR, 4, (int) ecamBase | 0x5); // on, 64 buses
            memory.set(PCIEXBAR + 4, 4, (int) (ecamBase >>> 32));
        } else {
            memory.subsystem(FIRMWARE_VENDOR, FIRMWARE_SUBSYSTEM);
            memory.writable(PCIEXBAR, 4, PCIEXBAR_WRITABLE);
            memory.writable(PCIEXBAR + 4, 4, 0xf);
            for (int r = 0; r < ShadowRam.REGISTERS; r++) {
                memory.writable(PAM + r, 1, ShadowRam.mask(r));
            }
        }
        host = new PciDevice(memory, mmio, ports, (a, d) -> {}, IrqLine.NONE);
        PciConfigSpace bridge = new PciConfigSpace(INTEL, ICH9_ISA, CLASS_ISA, 2);
        bridge.set(PciConfigSpace.HEADER_TYPE, 1, HEADER_MULTIFUNCTION);
        bridge.set(PIRQ_A, 4, UNROUTED);
        bridge.set(PIRQ_E, 4, UNROUTED);
        bridge.writable(PIRQ_A, 4, 0x8f8f8f8f);
        bridge.writable(PIRQ_E, 4, 0x8f8f8f8f);
        if (shadow != null) {
            bridge.subsystem(FIRMWARE_VENDOR, FIRMWARE_SUBSYSTEM);
            bridge.set(PM_BASE, 4, pmBase | 1);
            bridge.writable(ACPI_CONTROL, 1, 0x87);
            bridge.writable(ROOT_COMPLEX_BASE, 4, 0xffff_c001);
        }
        isa = new PciDevice(bridge, mmio, ports, (a, d) -> {}, IrqLine.NONE);
        setup = shadow == null ? null : new FirmwareSetup(mmio, shadow);
        add(0, 0, host);
        add(ISA_SLOT, 0, isa);
    }

    /**
     * Plugs a function in.
     *
     * @throws IllegalArgumentException if the place is taken or there is no such place
     */
    public void add(int slot, int function, PciDevice device) {
        if (slot < 0 || slot > 31 || function < 0 || function > 7) {
            throw new IllegalArgumentException("PCI slot %d.%d".formatted(slot, function));
        }
        if (!functions.compareAndSet(slot << 3 | function, null, device)) {
            throw new IllegalArgumentException("PCI slot %d.%d is taken".formatted(slot, function));
        }
    }

    /** What is plugged in there, or null. */
    public @Nullable PciDevice device(int slot, int function) {
        return functions.get(slot << 3 | function);
    }

    /**
     * Gives every BAR that has no address one, as firmware does, largest first, and turns decoding
     * on in the devices that have any.
     *
     * @param memoryStart first address of the memory window, below 4 GiB
     * @param memoryEnd first address after it
     * @param portStart first port of the port window
     * @param portEnd first port after it
     * @throws IllegalStateException if a window is too small
     */
    public void assignAddresses(long memoryStart, long memoryEnd, int portStart, int portEnd) {
        long memory = memoryStart;
        long port = portStart;
        for (long size = 1L << 40; size >= 4; size >>= 1) {
            for (int f = 0; f < FUNCTIONS; f++) {
                PciDevice d = functions.get(f);
                for (int bar = 0; d != null && bar < 6; bar++) {
                    BarKind kind = d.barKind(bar);
                    if (kind == null || d.barSize(bar) != size) {
                        continue;
                    }
                    if (kind == BarKind.PORTS) {
                        port = port + size - 1 & -size;
                        d.assign(bar, port);
                        port += size;
                    } else {
                        memory = memory + size - 1 & -size;
                        d.assign(bar, memory);
                        memory += size;
                    }
                }
            }
        }
        if (memory > memoryEnd || port > portEnd) {
            throw new IllegalStateException("PCI windows are too small for the devices");
        }
        for (int f = 0; f < FUNCTIONS; f++) {
            PciDevice d = functions.get(f);
            if (d != null) {
                enable(d);
            }
        }
    }

    private static void enable(PciDevice d) {
        int command = 0;
        for (int bar = 0; bar < 6; bar++) {
            BarKind kind = d.barKind(bar);
            if (kind != null) {
                command |=
                        kind == BarKind.PORTS
                                ? PciConfigSpace.COMMAND_PORTS
                                : PciConfigSpace.COMMAND_MEMORY;
            }
        }
        if (command != 0) {
            boolean ignored = d.writeConfig(PciConfigSpace.COMMAND, 2, command);
        }
    }

    private long readConfig(int function, int offset, int size) {
        PciDevice d = functions.get(function);
        return d == null ? -1 : d.readConfig(offset, size);
    }

    private void writeConfig(int function, int offset, int size, long value) {
        PciDevice d = functions.get(function);
        if (d != null && d.writeConfig(offset, size, value)) {
            retryAll();
        }
        if (function == 0 && setup != null) {
            setup.follow();
        }
    }

    /** What the registers of the memory controller do when firmware writes them. */
    private final class FirmwareSetup {
        private final Bus mmio;
        private final ShadowRam shadow;
        private final BusDevice window = ecam();
        private long base = -1;

        FirmwareSetup(Bus mmio, ShadowRam shadow) {
            this.mmio = mmio;
            this.shadow = shadow;
        }

        synchronized void follow() {
            for (int r = 0; r < ShadowRam.REGISTERS; r++) {
                shadow.set(r, (int) host.readConfig(PAM + r, 1));
            }
            long wanted = wanted();
            if (wanted != base) {
                mmio.remove(window);
                base = wanted;
                if (wanted >= 0) {
                    try {
                        mmio.add(wanted, ECAM_WINDOW, window);
                    } catch (IllegalArgumentException e) {
                        base = -1; // over something else: it stays off until written again
                    }
                }
            }
        }

        private long wanted() {
            long register = host.readConfig(PCIEXBAR, 8);
            long bytes = 1L << 28 - Math.min(register >>> 1 & 3, 2);
            long at = register & -bytes;
            boolean on = (register & PCIEXBAR_ON) != 0 && at > 0 && at < ECAM_LIMIT;
            return on ? at : -1;
        }

        synchronized long base() {
            return base;
        }
    }

    /** Where firmware has put ECAM, or -1 while it is nowhere. */
    public long ecamBase() {
        return setup == null ? host.readConfig(PCIEXBAR, 4) & -(1L << 26) : setup.base();
    }

    /** Bytes of address space that ECAM takes at {@link #ecamBase}: 1 MiB a bus. */
    public long ecamBytes() {
        return 1L << 28 - Math.min(host.readConfig(PCIEXBAR, 1) >>> 1 & 3, 2);
    }

    private void retryAll() {
        for (int f = 0; f < FUNCTIONS; f++) {
            PciDevice other = functions.get(f);
            if (other != null) {
                other.retry();
            }
        }
    }

    /** Configuration mechanism 1: eight ports, the address first, then the data. */
    public BusDevice ports() {
        return new ConfigPorts();
    }

    private final class ConfigPorts implements BusDevice {
        @Override
        public long read(long offset, int size) {
            if (offset >= 4) {
                int selected = address;
                if (selected >= 0 || (selected & 0xff_0000) != 0) {
                    return -1; // off, or another bus
                }
                int register = selected & 0xfc | (int) offset & 3;
                return readConfig(selected >>> 8 & 0xff, register, Math.min(size, 4));
            }
            if (offset == 0 && size == 4) {
                return address;
            }
            return offset == RESET_CONTROL && size == 1 ? resetControl.read(0, 1) : -1;
        }

        @Override
        public void write(long offset, int size, long value) {
            if (offset >= 4) {
                int selected = address;
                if (selected < 0 && (selected & 0xff_0000) == 0) {
                    int register = selected & 0xfc | (int) offset & 3;
                    writeConfig(selected >>> 8 & 0xff, register, Math.min(size, 4), value);
                }
            } else if (offset == 0 && size == 4) {
                address = (int) value & ADDRESS_WRITABLE;
            } else if (offset == RESET_CONTROL && size == 1) {
                resetControl.write(0, 1, value);
            }
        }
    }

    /** The enhanced mechanism: 4 KiB a function, {@link #ECAM_WINDOW} bytes or more. */
    public BusDevice ecam() {
        return new EcamWindow();
    }

    private final class EcamWindow implements BusDevice {
        @Override
        public long read(long offset, int size) {
            return offset >= ECAM_WINDOW
                    ? -1
                    : readConfig((int) offset >>> 12, (int) offset & 0xfff, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            if (offset < ECAM_WINDOW) {
                writeConfig((int) offset >>> 12, (int) offset & 0xfff, size, value);
            }
        }
    }

    /** A copy of the bridge's own registers. */
    public PciHostBridgeState state() {
        return new PciHostBridgeState(address, host.state(), isa.state());
    }

    /** Replaces the bridge's own registers; to be done after the devices on it are restored. */
    public void restore(PciHostBridgeState state) {
        address = state.address();
        host.restore(state.host());
        isa.restore(state.isa());
        if (setup != null) {
            setup.follow();
        }
        retryAll();
    }
}
