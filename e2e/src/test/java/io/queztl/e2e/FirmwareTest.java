package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Firmware boots what is on a disk. */
@Timeout(900)
class FirmwareTest {
    private static final int DISK = 1 << 20;
    private static final int SECTOR = 512;

    /**
     * Reads the second sector by INT 13h, prints it by INT 10h and powers off by ACPI's PM1 control
     * register.
     */
    private static final String BOOT_SECTOR =
            "fa31c08ed88ec08ed0bc007cfb" // cli; xor ax, ax; mov ds, es, ss, ax; mov sp, 0x7c00; sti
                    + "b80102bb007eb90200b600cd13" // mov ax, 0x201; bx, 0x7e00; cx, 2; dh, 0; int
                    + "7218be007e" // jc halt; mov si, 0x7e00
                    + "ac84c07409" // next: lodsb; test al, al; jz off
                    + "b40ebb0700cd10ebf2" // mov ah, 0xe; mov bx, 7; int 0x10; jmp next
                    + "ba0406b80034ef" // off: mov dx, 0x604; mov ax, 0x3400; out dx, ax
                    + "f4ebfd"; // halt: hlt; jmp halt

    @TempDir Path folder = Path.of("");

    private Path bootSectorDisk(String text) throws IOException {
        byte[] disk = new byte[DISK];
        byte[] code = HexFormat.of().parseHex(BOOT_SECTOR);
        System.arraycopy(code, 0, disk, 0, code.length);
        disk[SECTOR - 2] = 0x55;
        disk[SECTOR - 1] = (byte) 0xaa;
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, disk, SECTOR, bytes.length);
        return Files.write(folder.resolve("disk.raw"), disk);
    }

    @Test
    void seabios_runsABootSector_whichReadsPrintsAndPowersOff() throws Exception {
        // SeaBIOS sends the last characters with the next tick, which does not come any more.
        Path disk = bootSectorDisk("printed by INT 10h, and more");
        Queztl.Result result =
                Queztl.run("run", "--firmware", "seabios", "--disk", disk + ",format=raw");
        assertThat(result.out()).contains("SeaBIOS (version").contains("printed by INT 10h");
        assertThat(result.status()).as(result.err()).isZero();
    }

    @Test
    void badArguments_areRefusedInOneSentence() throws Exception {
        assertThat(refused(2, "--firmware", "seabios", "--kernel", "x")).contains("--kernel");
        assertThat(refused(2, "--firmware-vars", "x")).contains("--firmware");
        assertThat(refused(4, "--firmware", folder + "/none")).contains("no such file");
        Path odd = Files.write(folder.resolve("odd"), new byte[65_537]);
        assertThat(refused(2, "--firmware", odd.toString())).contains("65537 bytes");
        Path huge = folder.resolve("huge");
        try (var file = new java.io.RandomAccessFile(huge.toFile(), "rw")) {
            file.setLength(1L << 40);
        }
        assertThat(refused(2, "--firmware", huge.toString())).contains("too large");
        String variables = folder + "/vars";
        assertThat(refused(2, "--firmware", "seabios", "--firmware-vars", variables))
                .contains("no variables");
    }

    private static String refused(int status, String... arguments) {
        String[] line = new String[arguments.length + 1];
        line[0] = "run";
        System.arraycopy(arguments, 0, line, 1, arguments.length);
        Queztl.Result result = Queztl.run(line);
        assertThat(result.status()).as(result.err()).isEqualTo(status);
        assertThat(result.err()).hasLineCount(1);
        return result.err();
    }

    /** GRUB from the disk loads Debian's kernel from the disk. */
    @ParameterizedTest
    @CsvSource({"seabios, 1, pc, bios", "seabios, 2, pc, bios", "ovmf, 1, efi, uefi"})
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void grub_bootsLinux_whichPowersOff(String firmware, int cpus, String platform, String by)
            throws Exception {
        assumeThat(GrubDisk.missing()).as("what makes the disk is missing").isNull();
        Path disk = GrubDisk.create(folder);
        Queztl.Result result =
                Queztl.run(
                        "run",
                        "--firmware",
                        firmware,
                        "-c",
                        Integer.toString(cpus),
                        "--disk",
                        disk + ",format=raw");
        assertThat(result.out()).contains("GRUB on " + platform).contains(GrubDisk.MARKER + by);
        assertThat(result.status()).as(result.err()).isZero();
    }
}
