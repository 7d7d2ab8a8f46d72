package io.queztl.vmm.acpi;

import static io.queztl.vmm.acpi.Aml.busNumbers;
import static io.queztl.vmm.acpi.Aml.define;
import static io.queztl.vmm.acpi.Aml.device;
import static io.queztl.vmm.acpi.Aml.eisaId;
import static io.queztl.vmm.acpi.Aml.integer;
import static io.queztl.vmm.acpi.Aml.io;
import static io.queztl.vmm.acpi.Aml.ioWindow;
import static io.queztl.vmm.acpi.Aml.irq;
import static io.queztl.vmm.acpi.Aml.join;
import static io.queztl.vmm.acpi.Aml.memory32;
import static io.queztl.vmm.acpi.Aml.memoryWindow32;
import static io.queztl.vmm.acpi.Aml.memoryWindow64;
import static io.queztl.vmm.acpi.Aml.packageOf;
import static io.queztl.vmm.acpi.Aml.resources;
import static io.queztl.vmm.acpi.Aml.scope;
import static io.queztl.vmm.acpi.Aml.string;

import io.queztl.vmm.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/**
 * The AML of the DSDT: what a guest cannot find by probing. The power button is fixed hardware and
 * so not here.
 */
final class Dsdt {
    private static final int PCI_DEVICES = 32;
    private static final int PCI_PINS = 4;
    private static final long HPET_BYTES = 0x400;

    private Dsdt() {}

    static byte[] aml(AcpiMachine machine) {
        return join(
                softOff(),
                scope(
                        "\\_SB",
                        processors(machine.vcpus()),
                        rootBridge(machine),
                        machine.hpet() ? hpet() : new byte[0],
                        reservations(machine.pci())));
    }

    /** \_S5: the sleep type that PM1a control takes for soft off. */
    private static byte[] softOff() {
        byte[] type = integer(Layout.S5_SLEEP_TYPE);
        return define("\\_S5", packageOf(List.of(type, type, integer(0), integer(0))));
    }

    private static byte[] processors(int vcpus) {
        List<byte[]> devices = new ArrayList<>();
        for (int i = 0; i < vcpus; i++) {
            devices.add(
                    device(
                            "C%03X".formatted(i),
                            define("_HID", string("ACPI0007")),
                            define("_UID", integer(i))));
        }
        return join(devices.toArray(byte[][]::new));
    }

    private static byte[] rootBridge(AcpiMachine machine) {
        int config = Layout.PCI_CONFIG_PORT;
        return device(
                "PCI0",
                define("_HID", eisaId("PNP0A08")),
                define("_CID", eisaId("PNP0A03")),
                define("_SEG", integer(0)),
                define("_BBN", integer(0)),
                define("_UID", integer(0)),
                define(
                        "_CRS",
                        resources(
                                busNumbers(0, machine.pci().lastBus()),
                                io(config, 8),
                                ioWindow(0, config - 1),
                                ioWindow(config + 8, 0xffff),
                                memoryWindows(machine.pci()))),
                define("_PRT", interruptRouting()),
                device("ISA_", isaContainer(), isaDevices(machine)));
    }

    private static byte[] memoryWindows(PciWindows pci) {
        List<byte[]> windows = new ArrayList<>();
        pci.memory32().forEach(w -> windows.add(memoryWindow32(w.start(), w.bytes())));
        windows.add(memoryWindow64(pci.memory64().start(), pci.memory64().bytes()));
        return join(windows.toArray(byte[][]::new));
    }

    /** No ISA bridge is on the PCI bus; the devices hang off a container instead. */
    private static byte[] isaContainer() {
        return join(define("_HID", eisaId("PNP0A05")), define("_UID", integer(1)));
    }

    /** Each entry: device and "any function", pin, no link device, GSI. */
    private static byte[] interruptRouting() {
        List<byte[]> entries = new ArrayList<>();
        for (int device = 0; device < PCI_DEVICES; device++) {
            for (int pin = 0; pin < PCI_PINS; pin++) {
                entries.add(
                        packageOf(
                                List.of(
                                        integer((long) device << 16 | 0xffff),
                                        integer(pin),
                                        integer(0),
                                        integer(Layout.pciGsi(device, pin)))));
            }
        }
        return packageOf(entries);
    }

    private static byte[] isaDevices(AcpiMachine machine) {
        List<byte[]> devices = new ArrayList<>();
        int[] ports = Layout.serialPorts();
        int[] irqs = Layout.serialIrqs();
        for (int i = 0; i < machine.serialPorts(); i++) {
            devices.add(
                    device(
                            "COM" + (i + 1),
                            define("_HID", eisaId("PNP0501")),
                            define("_UID", integer(i + 1L)),
                            define(
                                    "_CRS",
                                    resources(io(ports[i], Layout.SERIAL_PORTS), irq(irqs[i])))));
        }
        devices.add(
                device(
                        "RTC_",
                        define("_HID", eisaId("PNP0B00")),
                        define("_CRS", resources(io(Layout.RTC_PORT, 2), irq(Layout.RTC_IRQ)))));
        if (machine.panic()) {
            devices.add(
                    device(
                            "PEVT",
                            define("_HID", string("QEMU0001")),
                            define("_CRS", resources(io(Layout.PANIC_PORT, 1)))));
        }
        return join(devices.toArray(byte[][]::new));
    }

    private static byte[] hpet() {
        return device(
                "HPET",
                define("_HID", eisaId("PNP0103")),
                define("_UID", integer(0)),
                define("_CRS", resources(memory32(Layout.HPET, HPET_BYTES))));
    }

    /** Motherboard resources: Linux only uses ECAM if it is reserved here or in the memory map. */
    private static byte[] reservations(PciWindows pci) {
        return device(
                "MBRD",
                define("_HID", eisaId("PNP0C02")),
                define("_UID", integer(0)),
                define(
                        "_CRS",
                        resources(
                                pci.ecam() < 0
                                        ? new byte[0]
                                        : memory32(pci.ecam(), pci.ecamBytes()),
                                io(Layout.PM_PORT, Layout.PM_PORTS))));
    }
}
