package io.queztl.vmm.builder;

import io.queztl.devices.firmware.FwCfg;
import io.queztl.devices.firmware.Pflash;
import io.queztl.devices.firmware.ShadowRam;
import io.queztl.devices.firmware.SmiControl;
import io.queztl.devices.pci.PciHostBridge;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.RamRegion;
import io.queztl.vmm.acpi.AcpiLinker;
import io.queztl.vmm.acpi.AcpiMachine;
import io.queztl.vmm.acpi.PciWindows;
import io.queztl.vmm.config.FirmwareConfig;
import io.queztl.vmm.config.VmConfig;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.layout.Layout;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Supplier;

/** What a machine has when firmware boots it: ROM, flash, and the device that tells it the rest. */
final class FirmwareBoard {
    private static final int MAX_BYTES = 16 << 20;
    private static final int MIN_ROM = 64 << 10;
    private static final int E820_ENTRY = 20;
    private static final int E820_RAM = 1;

    /** Room for the ACPI tables, whose size depends on what the firmware sets up. */
    private static final int TABLES_BYTES = 64 << 10;

    private static final int SCRIPT_BYTES = 4 << 10;
    private static final int RSDP_BYTES = 36;

    private final FirmwareConfig config;
    private final byte[] rom;
    private final VariableStore variables;

    /**
     * Reads the files.
     *
     * @throws VmException if one cannot be read, or is not firmware
     */
    FirmwareBoard(FirmwareConfig config, Closer closer) {
        this.config = config;
        rom = FirmwareFile.read(config.rom(), MAX_BYTES);
        if (rom.length < MIN_ROM || rom.length % Pflash.BLOCK != 0) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "firmware %s has %d bytes: it must have 64 KiB or more, in units of 4 KiB."
                            .formatted(config.rom(), rom.length));
        }
        variables = closer.add(VariableStore.open(config, MAX_BYTES - rom.length));
    }

    /** Makes guest memory with the ROM in it. */
    GuestMemory memory(long bytes) {
        long low = bytes > Layout.FIRMWARE_ECAM ? Layout.FIRMWARE_LOW_RAM : Layout.FIRMWARE_ECAM;
        GuestMemory memory = new GuestMemory(bytes, low, rom.length);
        memory.rom().copyFrom(MemorySegment.ofArray(rom));
        return memory;
    }

    /** Makes the host bridge that the firmware expects. */
    PciHostBridge bridge(GuestMemory memory, Bus mmio, Bus ports, BusDevice reset) {
        return new PciHostBridge(mmio, ports, reset, new ShadowRam(memory), Layout.PM_PORT);
    }

    /** Adds flash and what tells the firmware of the machine. */
    void add(
            Closer closer,
            GuestMemory memory,
            Bus mmio,
            Bus ports,
            PciHostBridge bridge,
            VmConfig vm,
            AcpiMachine machine,
            List<String> bootOrder) {
        byte[] content = variables.content();
        if (content.length != 0) {
            Pflash flash = new Pflash(content, variables);
            AutoCloseable ignored = closer.add((AutoCloseable) flash::flush);
            mmio.add(Layout.ROM_END - rom.length - content.length, content.length, flash);
        }
        ports.add(Layout.PM_PORT + SmiControl.OFFSET, SmiControl.PORTS, new SmiControl());
        FwCfg cfg = new FwCfg(memory);
        cfg.item(FwCfg.RAM_SIZE, little(8).putLong(memory.ramBytes()).array());
        cfg.item16(FwCfg.NO_GRAPHIC, 1);
        cfg.item16(FwCfg.CPUS, vm.cpus());
        cfg.item16(FwCfg.MAX_CPUS, vm.cpus());
        cfg.item16(FwCfg.BOOT_MENU, 0);
        cfg.file("etc/e820", e820(memory));
        cfg.file("etc/sercon-port", little(2).putShort((short) serialPort()).array());
        if (!bootOrder.isEmpty()) {
            String list = String.join("\n", bootOrder) + "\0";
            cfg.file("bootorder", list.getBytes(StandardCharsets.US_ASCII));
        }
        Supplier<AcpiLinker> tables = () -> AcpiLinker.of(machine.withPci(pci(memory, bridge)));
        cfg.file(AcpiLinker.TABLES_FILE, TABLES_BYTES, () -> tables.get().tables());
        cfg.file(AcpiLinker.RSDP_FILE, RSDP_BYTES, () -> tables.get().rsdp());
        cfg.file(AcpiLinker.SCRIPT_FILE, SCRIPT_BYTES, () -> tables.get().script());
        ports.add(Layout.FW_CFG_PORT, FwCfg.PORTS, cfg);
    }

    /** Whether the firmware's debug port is there. */
    boolean debug() {
        return config.debug();
    }

    private static int serialPort() {
        return Layout.serialPorts()[0];
    }

    private static PciWindows pci(GuestMemory memory, PciHostBridge bridge) {
        RamRegion last = memory.regions().getLast();
        return PciWindows.around(
                bridge.ecamBase(),
                bridge.ecamBytes(),
                memory.regions().getFirst().bytes(),
                last.guestPhysical() + last.bytes());
    }

    private static byte[] e820(GuestMemory memory) {
        ByteBuffer map = little(E820_ENTRY * memory.regions().size());
        for (RamRegion r : memory.regions()) {
            map.putLong(r.guestPhysical()).putLong(r.bytes()).putInt(E820_RAM);
        }
        return map.array();
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
