package io.queztl.vmm.acpi;

/**
 * What the ACPI tables say of the machine beyond its fixed layout.
 *
 * @param vcpus number of vCPUs; vCPU n has local APIC id n
 * @param serialPorts 16550s present, 0 to 4, from COM1 on
 * @param i8042 whether there is a keyboard controller worth probing (a reset line alone is not)
 * @param hpet whether there is an HPET
 * @param watchdog whether there is a watchdog
 * @param panic whether there is a port to report panics at
 * @param pci which addresses belong to the PCI bus
 */
public record AcpiMachine(
        int vcpus,
        int serialPorts,
        boolean i8042,
        boolean hpet,
        boolean watchdog,
        boolean panic,
        PciWindows pci) {
    /** A machine without the optional devices, whose addresses are given by us. */
    public AcpiMachine(int vcpus, int serialPorts, boolean i8042, boolean hpet) {
        this(vcpus, serialPorts, i8042, hpet, false, false, PciWindows.fixed());
    }

    /** The same with these optional devices. */
    public AcpiMachine with(boolean hasWatchdog, boolean hasPanic) {
        return new AcpiMachine(vcpus, serialPorts, i8042, hpet, hasWatchdog, hasPanic, pci);
    }

    /** The usual machine: COM1, no keyboard, an HPET. */
    public static AcpiMachine of(int vcpus) {
        return new AcpiMachine(vcpus, 1, false, true);
    }

    /** The same with other addresses. */
    public AcpiMachine withPci(PciWindows windows) {
        return new AcpiMachine(vcpus, serialPorts, i8042, hpet, watchdog, panic, windows);
    }
}
