package io.queztl.vmm.acpi;

/**
 * What the ACPI tables say of the machine beyond its fixed layout.
 *
 * @param vcpus number of vCPUs; vCPU n has local APIC id n
 * @param serialPorts 16550s present, 0 to 4, from COM1 on
 * @param i8042 whether there is a keyboard controller worth probing (a reset line alone is not)
 * @param hpet whether there is an HPET
 */
public record AcpiMachine(int vcpus, int serialPorts, boolean i8042, boolean hpet) {
    /** The usual machine: COM1, no keyboard, an HPET. */
    public static AcpiMachine of(int vcpus) {
        return new AcpiMachine(vcpus, 1, false, true);
    }
}
