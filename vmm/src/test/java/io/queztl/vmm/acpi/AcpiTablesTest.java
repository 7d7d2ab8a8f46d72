package io.queztl.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException;
import io.queztl.vmm.layout.Layout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tables as a guest finds them, and as ACPICA's compiler reads them. */
class AcpiTablesTest {
    private static final long RAM = 16 << 20;

    @Test
    void write_putsRsdpWhereGuestsLook() {
        try (GuestMemory memory = new GuestMemory(RAM)) {
            long rsdp = AcpiTables.write(memory, AcpiMachine.of(2));
            assertThat(rsdp).isEqualTo(Layout.ACPI_TABLES);
            byte[] bytes = new byte[36];
            memory.read(rsdp, bytes, 0, 36);
            assertThat(new String(bytes, 0, 8, StandardCharsets.US_ASCII)).isEqualTo("RSD PTR ");
            assertThat(sum(bytes, 20)).isZero();
            assertThat(sum(bytes, 36)).isZero();
            assertThat(bytes[15]).as("revision").isEqualTo((byte) 2);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 255, 256, AcpiTables.MAXIMUM_VCPUS})
    void write_allTablesHaveChecksumZeroAndFit(int vcpus) {
        try (GuestMemory memory = new GuestMemory(RAM)) {
            Map<String, byte[]> tables = find(memory, vcpus);
            assertThat(tables).containsKeys("XSDT", "FACP", "APIC", "HPET", "MCFG", "WDAT", "DSDT");
            tables.forEach((name, bytes) -> assertThat(sum(bytes, bytes.length)).as(name).isZero());
        }
    }

    @Test
    void madt_namesEveryVcpuOnce() {
        try (GuestMemory memory = new GuestMemory(RAM)) {
            byte[] madt = Objects.requireNonNull(find(memory, 300).get("APIC"));
            int local = 0;
            int x2 = 0;
            for (int at = 44; at < madt.length; at += madt[at + 1]) {
                local += madt[at] == 0 ? 1 : 0;
                x2 += madt[at] == 9 ? 1 : 0;
            }
            assertThat(local).isEqualTo(255);
            assertThat(x2).isEqualTo(45);
        }
    }

    @Test
    void write_tooManyVcpus_isRefused() {
        try (GuestMemory memory = new GuestMemory(RAM)) {
            assertThatThrownBy(() -> AcpiTables.write(memory, AcpiMachine.of(100_000)))
                    .isInstanceOf(BootException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 300})
    void tables_areAcceptedByAcpica(int vcpus, @TempDir Path folder) throws Exception {
        if (!iaslExists()) {
            String reason = "iasl is not installed (Debian package acpica-tools)";
            System.out.println("skipped: " + reason);
            abort(reason);
        }
        try (GuestMemory memory = new GuestMemory(RAM)) {
            for (Map.Entry<String, byte[]> table : find(memory, vcpus).entrySet()) {
                String name = table.getKey().toLowerCase(java.util.Locale.ROOT);
                Files.write(folder.resolve(name + ".aml"), table.getValue());
                String disassembly = run(folder, "iasl", "-d", name + ".aml");
                assertThat(disassembly)
                        .as(name)
                        .doesNotContainIgnoringCase("error")
                        .doesNotContainIgnoringCase("invalid")
                        .doesNotContainIgnoringCase("incorrect")
                        .doesNotContainIgnoringCase("unknown");
                assertThat(Files.readString(folder.resolve(name + ".dsl")))
                        .doesNotContain("**** ")
                        .doesNotContain("Incorrect");
                String compilation = run(folder, "iasl", "-p", name + "-again", name + ".dsl");
                assertThat(compilation).as(name).contains(" 0 Errors");
                if (table.getKey().equals("DSDT")) {
                    assertThat(compilation).contains(" 0 Warnings");
                }
            }
        }
    }

    private static boolean iaslExists() throws InterruptedException {
        try {
            Process p =
                    new ProcessBuilder("iasl", "-v")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .redirectErrorStream(true)
                            .start();
            p.waitFor();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static String run(Path folder, String... command) throws Exception {
        Process p =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(p.exitValue()).as(List.of(command) + "\n" + output).isZero();
        return output;
    }

    /** Follows the pointers from the RSDP as a guest does. */
    private static Map<String, byte[]> find(GuestMemory memory, int vcpus) {
        long rsdp = AcpiTables.write(memory, AcpiMachine.of(vcpus).with(true, true));
        long xsdt = memory.read64(rsdp + 24);
        List<Long> addresses = new ArrayList<>(List.of(xsdt));
        int bytes = memory.read32(xsdt + 4);
        for (long at = xsdt + 36; at < xsdt + bytes; at += 8) {
            addresses.add(memory.read64(at));
        }
        addresses.add(memory.read64(addresses.get(1) + 140));
        Map<String, byte[]> tables = new LinkedHashMap<>();
        for (long address : addresses) {
            byte[] table = new byte[memory.read32(address + 4)];
            memory.read(address, table, 0, table.length);
            tables.put(new String(table, 0, 4, StandardCharsets.US_ASCII), table);
        }
        return tables;
    }

    private static int sum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return sum & 0xff;
    }
}
