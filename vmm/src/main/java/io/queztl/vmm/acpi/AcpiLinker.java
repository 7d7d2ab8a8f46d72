package io.queztl.vmm.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The ACPI tables for firmware, which decides where they go: the tables with offsets in place of
 * addresses, and a script that says how to make addresses of them (QEMU's {@code
 * hw/acpi/bios-linker-loader}: commands of 128 bytes, little-endian).
 *
 * @param tables all tables but the RSDP
 * @param rsdp the root pointer, whose address is an offset in {@code tables}
 * @param script the commands
 */
public record AcpiLinker(byte[] tables, byte[] rsdp, byte[] script) {
    /** Names of the files that firmware looks for. */
    public static final String TABLES_FILE = "etc/acpi/tables";

    /** Name of the root pointer's file. */
    public static final String RSDP_FILE = "etc/acpi/rsdp";

    /** Name of the script's file. */
    public static final String SCRIPT_FILE = "etc/table-loader";

    private static final int COMMAND_BYTES = 128;
    private static final int NAME_BYTES = 56;
    private static final int ALLOCATE = 1;
    private static final int ADD_POINTER = 2;
    private static final int ADD_CHECKSUM = 3;
    private static final int ANYWHERE = 1;
    private static final int BELOW_1_MIB = 2;

    private static final int CHECKSUM = 9;
    private static final int HEADER = 36;
    private static final int FADT_FACS = 36;
    private static final int FADT_DSDT = 40;
    private static final int FADT_LONG_DSDT = 140;
    private static final int RSDP_CHECKSUM = 8;
    private static final int RSDP_SHORT = 20;
    private static final int RSDP_XSDT = 24;
    private static final int RSDP_LONG_CHECKSUM = 32;

    /** Makes all three. */
    public static AcpiLinker of(AcpiMachine machine) {
        ByteArrayOutputStream blob = new ByteArrayOutputStream();
        List<byte[]> script = new ArrayList<>();
        script.add(allocate(TABLES_FILE, 64, ANYWHERE));
        script.add(allocate(RSDP_FILE, 16, BELOW_1_MIB));
        long facs = append(blob, AcpiTables.facs());
        long dsdt = append(blob, AcpiTables.dsdt(machine));
        List<Long> places = new ArrayList<>();
        for (Map.Entry<String, byte[]> t : AcpiTables.tables(machine, facs, dsdt).entrySet()) {
            byte[] table = t.getValue();
            int at = append(blob, table);
            places.add((long) at);
            if (t.getKey().equals("FACP")) {
                script.add(pointer(TABLES_FILE, at + FADT_FACS, 4));
                script.add(pointer(TABLES_FILE, at + FADT_DSDT, 4));
                script.add(pointer(TABLES_FILE, at + FADT_LONG_DSDT, 8));
                script.add(checksum(TABLES_FILE, at + CHECKSUM, at, table.length));
            }
        }
        byte[] xsdt = AcpiTables.xsdt(places);
        int at = append(blob, xsdt);
        for (int i = 0; i < places.size(); i++) {
            script.add(pointer(TABLES_FILE, at + HEADER + i * 8, 8));
        }
        script.add(checksum(TABLES_FILE, at + CHECKSUM, at, xsdt.length));
        byte[] rsdp = AcpiTables.rsdp(at);
        script.add(pointer(RSDP_FILE, RSDP_XSDT, 8));
        script.add(checksum(RSDP_FILE, RSDP_CHECKSUM, 0, RSDP_SHORT));
        script.add(checksum(RSDP_FILE, RSDP_LONG_CHECKSUM, 0, rsdp.length));
        rsdp[RSDP_CHECKSUM] = 0;
        rsdp[RSDP_LONG_CHECKSUM] = 0;
        byte[] tables = blob.toByteArray();
        clearChecksums(tables, script);
        ByteArrayOutputStream commands = new ByteArrayOutputStream();
        script.forEach(commands::writeBytes);
        return new AcpiLinker(tables, rsdp, commands.toByteArray());
    }

    /** Firmware may count what is in the checksum's place: it must be 0. */
    private static void clearChecksums(byte[] tables, List<byte[]> script) {
        for (byte[] command : script) {
            ByteBuffer c = ByteBuffer.wrap(command).order(ByteOrder.LITTLE_ENDIAN);
            if (c.getInt(0) == ADD_CHECKSUM && name(command, 4).equals(TABLES_FILE)) {
                tables[c.getInt(4 + NAME_BYTES)] = 0;
            }
        }
    }

    private static int append(ByteArrayOutputStream blob, byte[] table) {
        while (blob.size() % 64 != 0) {
            blob.write(0);
        }
        int at = blob.size();
        blob.writeBytes(table);
        return at;
    }

    private static ByteBuffer command(int type) {
        return ByteBuffer.allocate(COMMAND_BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(type);
    }

    private static ByteBuffer putName(ByteBuffer to, String name) {
        int end = to.position() + NAME_BYTES;
        return to.put(name.getBytes(StandardCharsets.US_ASCII)).position(end);
    }

    private static String name(byte[] command, int at) {
        return new String(command, at, NAME_BYTES, StandardCharsets.US_ASCII).trim();
    }

    private static byte[] allocate(String file, int alignment, int zone) {
        return putName(command(ALLOCATE), file).putInt(alignment).put((byte) zone).array();
    }

    /** Adds the address of the tables to a field. */
    private static byte[] pointer(String file, int offset, int bytes) {
        ByteBuffer c = putName(putName(command(ADD_POINTER), file), TABLES_FILE);
        return c.putInt(offset).put((byte) bytes).array();
    }

    private static byte[] checksum(String file, int at, int start, int length) {
        return putName(command(ADD_CHECKSUM), file).putInt(at).putInt(start).putInt(length).array();
    }
}
