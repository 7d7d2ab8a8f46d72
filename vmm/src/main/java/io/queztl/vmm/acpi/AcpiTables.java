package io.queztl.vmm.acpi;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException;
import io.queztl.vmm.layout.Layout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes the machine's ACPI tables (ACPI specification 6.5, chapter 5). */
public final class AcpiTables {
    /** Most vCPUs that the tables can name. */
    public static final int MAXIMUM_VCPUS = 1024;

    private static final String OEM_ID = "QUEZTL";
    private static final String OEM_TABLE_ID = "QUEZTLVM";
    private static final String CREATOR_ID = "QZTL";
    private static final int RSDP_BYTES = 36;
    private static final int FACS_BYTES = 64;
    private static final int HEADER_BYTES = 36;

    /** Local APIC ids from here on need x2APIC entries: 255 is broadcast. */
    private static final int FIRST_X2APIC_ID = 255;

    private static final int SPACE_MEMORY = 0;
    private static final int SPACE_IO = 1;

    private AcpiTables() {}

    /**
     * Writes all tables to {@link Layout#ACPI_TABLES}.
     *
     * @return the guest-physical address of the RSDP
     * @throws BootException if there are more vCPUs than the tables can name
     */
    public static long write(GuestMemory memory, AcpiMachine machine) {
        if (machine.vcpus() < 1 || machine.vcpus() > MAXIMUM_VCPUS) {
            throw new BootException(
                    BootException.Code.TOO_MANY,
                    "%d vCPUs do not fit the ACPI tables: use 1 to %d",
                    machine.vcpus(),
                    MAXIMUM_VCPUS);
        }
        long at = Layout.ACPI_TABLES + FACS_BYTES;
        long facs = at;
        memory.write(facs, facs());
        at += FACS_BYTES;
        long dsdt = at;
        at = put(memory, at, dsdt(machine));
        List<Long> addresses = new ArrayList<>();
        for (byte[] table : tables(machine, facs, dsdt).values()) {
            addresses.add(at);
            at = put(memory, at, table);
        }
        long xsdt = at;
        put(memory, at, xsdt(addresses));
        memory.write(Layout.ACPI_TABLES, rsdp(xsdt));
        return Layout.ACPI_TABLES;
    }

    private static long put(GuestMemory memory, long at, byte[] table) {
        if (table.length > Layout.SEGMENT_MINIMUM - at) {
            throw new BootException(
                    BootException.Code.TOO_MANY,
                    "the ACPI tables do not fit below 1 MiB: use fewer vCPUs");
        }
        memory.write(at, table);
        return at + table.length + 15 & -16;
    }

    /** The tables that the XSDT lists, by signature. */
    static Map<String, byte[]> tables(AcpiMachine machine, long facs, long dsdt) {
        Map<String, byte[]> tables = new LinkedHashMap<>();
        tables.put("FACP", fadt(machine, facs, dsdt));
        tables.put("APIC", madt(machine.vcpus()));
        if (machine.hpet()) {
            tables.put("HPET", hpet());
        }
        tables.put("MCFG", mcfg(machine.pci()));
        if (machine.watchdog()) {
            tables.put("WDAT", table("WDAT", 1, Wdat.content()));
        }
        return tables;
    }

    static byte[] dsdt(AcpiMachine machine) {
        return table("DSDT", 2, Dsdt.aml(machine));
    }

    /** Header and content, with the sum of all bytes made 0. */
    private static byte[] table(String signature, int revision, byte[] content) {
        byte[] table =
                new ByteWriter()
                        .ascii(signature)
                        .u32(HEADER_BYTES + content.length)
                        .u8(revision)
                        .u8(0)
                        .ascii(OEM_ID)
                        .ascii(OEM_TABLE_ID)
                        .u32(1)
                        .ascii(CREATOR_ID)
                        .u32(1)
                        .bytes(content)
                        .toBytes();
        table[9] = checksum(table, table.length);
        return table;
    }

    private static byte checksum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }

    static byte[] rsdp(long xsdt) {
        byte[] rsdp =
                new ByteWriter()
                        .ascii("RSD PTR ")
                        .u8(0)
                        .ascii(OEM_ID)
                        .u8(2)
                        .u32(0) // no RSDT
                        .u32(RSDP_BYTES)
                        .u64(xsdt)
                        .zeros(4)
                        .toBytes();
        rsdp[8] = checksum(rsdp, 20);
        rsdp[32] = checksum(rsdp, RSDP_BYTES);
        return rsdp;
    }

    static byte[] xsdt(List<Long> tables) {
        ByteWriter w = new ByteWriter();
        tables.forEach(w::u64);
        return table("XSDT", 1, w.toBytes());
    }

    static byte[] facs() {
        return new ByteWriter()
                .ascii("FACS")
                .u32(FACS_BYTES)
                .zeros(24)
                .u8(2) // version
                .zeros(31)
                .toBytes();
    }

    private static byte[] fadt(AcpiMachine machine, long facs, long dsdt) {
        final int bootLegacyDevices = 1;
        final int boot8042 = 1 << 1;
        final int bootNoVga = 1 << 2;
        final int wbinvd = 1;
        final int procC1 = 1 << 2;
        final int noSleepButton = 1 << 5;
        final int noRtcWake = 1 << 6;
        final int resetRegister = 1 << 10;
        final int noC2 = 101; // microseconds; more than 100 says there is none
        final int noC3 = 1001;
        final int rtcCentury = 0x32;
        ByteWriter w =
                new ByteWriter()
                        .u32(facs)
                        .u32(dsdt)
                        .u8(0)
                        .u8(0) // preferred profile: unspecified
                        .u16(Layout.SCI_IRQ)
                        .u32(0) // no SMI command port: ACPI is always on
                        .zeros(4)
                        .u32(Layout.PM1_EVENT_PORT)
                        .u32(0)
                        .u32(Layout.PM1_CONTROL_PORT)
                        .u32(0)
                        .u32(0)
                        .u32(Layout.PM_TIMER_PORT)
                        .u32(0)
                        .u32(0)
                        .u8(4) // bytes of PM1 event, PM1 control, PM2, PM timer, GPE0, GPE1
                        .u8(2)
                        .u8(0)
                        .u8(4)
                        .u8(0)
                        .u8(0)
                        .u8(0)
                        .u8(0)
                        .u16(noC2)
                        .u16(noC3)
                        .zeros(8) // cache flush, duty cycle, RTC alarm day and month
                        .u8(rtcCentury)
                        .u16(bootLegacyDevices | bootNoVga | (machine.i8042() ? boot8042 : 0))
                        .u8(0)
                        .u32(wbinvd | procC1 | noSleepButton | noRtcWake | resetRegister);
        address(w, SPACE_IO, 8, 1, Layout.RESET_PORT);
        w.u8(Layout.RESET_VALUE).u16(0).u8(5); // minor version
        w.u64(0); // the FACS is given by its 32-bit address
        w.u64(dsdt);
        address(w, SPACE_IO, 32, 2, Layout.PM1_EVENT_PORT);
        w.zeros(12);
        address(w, SPACE_IO, 16, 2, Layout.PM1_CONTROL_PORT);
        w.zeros(24);
        address(w, SPACE_IO, 32, 3, Layout.PM_TIMER_PORT);
        w.zeros(48); // GPE0, GPE1, sleep control and status
        w.ascii("QUEZTLVM"); // hypervisor vendor identity
        return table("FACP", 6, w.toBytes());
    }

    /** A generic address structure; {@code access} is 1 for bytes, 2 words, 3 double words. */
    private static void address(ByteWriter w, int space, int bits, int access, long address) {
        w.u8(space).u8(bits).u8(0).u8(access).u64(address);
    }

    private static byte[] madt(int vcpus) {
        final int pcatCompatible = 1;
        final int enabled = 1;
        final int activeHighLevel = 1 | 3 << 2;
        final int lint1 = 1;
        ByteWriter w = new ByteWriter().u32(Layout.LOCAL_APIC).u32(pcatCompatible);
        for (int id = 0; id < vcpus; id++) {
            if (id < FIRST_X2APIC_ID) {
                w.u8(0).u8(8).u8(id).u8(id).u32(enabled);
            } else {
                w.u8(9).u8(16).u16(0).u32(id).u32(enabled).u32(id);
            }
        }
        w.u8(1).u8(12).u8(0).u8(0).u32(Layout.IOAPIC).u32(0);
        // ISA interrupts that are not edge-triggered, active high, or not at the GSI of their
        // number.
        w.u8(2).u8(10).u8(0).u8(Layout.PIT_IRQ).u32(Layout.PIT_GSI).u16(0);
        w.u8(2).u8(10).u8(0).u8(Layout.SCI_IRQ).u32(Layout.SCI_IRQ).u16(activeHighLevel);
        w.u8(4).u8(6).u8(0xff).u16(0).u8(lint1);
        if (vcpus > FIRST_X2APIC_ID) {
            w.u8(10).u8(12).u16(0).u32(-1).u8(lint1).zeros(3);
        }
        return table("APIC", 5, w.toBytes());
    }

    private static byte[] hpet() {
        // Revision 1, three comparators, 64-bit counter, legacy routing, vendor 8086.
        ByteWriter w = new ByteWriter().u32(0x8086_a201L);
        address(w, SPACE_MEMORY, 64, 0, Layout.HPET);
        w.u8(0).u16(0x80).u8(0);
        return table("HPET", 1, w.toBytes());
    }

    private static byte[] mcfg(PciWindows pci) {
        if (pci.ecam() < 0) {
            return table("MCFG", 1, new byte[8]);
        }
        byte[] content =
                new ByteWriter()
                        .zeros(8)
                        .u64(pci.ecam())
                        .u16(0)
                        .u8(0)
                        .u8(pci.lastBus())
                        .zeros(4)
                        .toBytes();
        return table("MCFG", 1, content);
    }
}
