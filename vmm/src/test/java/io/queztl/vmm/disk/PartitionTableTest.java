package io.queztl.vmm.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables that sfdisk has written. */
class PartitionTableTest {
    private static final int MIB = 1 << 20;

    private static final String GPT =
            """
            label: gpt
            1: start=4096, size=2048, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, \
            uuid=8c1d7f06-39a3-4b7c-8d35-50d8f6f4c1e2, name=root
            14: start=2048, size=1024, type=21686148-6449-6e6f-744e-656564454649
            """;

    @TempDir Path folder = Path.of("");

    @BeforeEach
    void tools() {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/sbin/sfdisk"))
                        || Files.isExecutable(Path.of("/sbin/sfdisk")),
                "sfdisk is not installed: ./dev deps");
    }

    private MemoryImage image(String script) throws Exception {
        Path file = folder.resolve("disk");
        Files.write(file, new byte[4 * MIB]);
        ProcessBuilder builder = new ProcessBuilder("sfdisk", "--quiet", file.toString());
        builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
        Process process = builder.redirectErrorStream(true).start();
        try (var out = process.getOutputStream()) {
            out.write(script.getBytes(StandardCharsets.US_ASCII));
        }
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        return new MemoryImage(Files.readAllBytes(file));
    }

    private static PartitionTable read(MemoryImage image) throws IOException {
        return PartitionTable.read(DiskSlice.of(image));
    }

    @Test
    void gpt_hasPlacesTypesIdsAndNames() throws Exception {
        PartitionTable table = read(image(GPT));
        assertThat(table.kind()).isEqualTo(PartitionTable.Kind.GPT);
        assertThat(table.partitions()).extracting(Partition::number).containsExactly(1, 14);
        assertThat(table.partitions().getFirst())
                .isEqualTo(
                        new Partition(
                                1,
                                2 * MIB,
                                MIB,
                                "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
                                "8c1d7f06-39a3-4b7c-8d35-50d8f6f4c1e2",
                                "root"));
    }

    @Test
    void damagedGpt_isReadFromItsCopy() throws Exception {
        MemoryImage image = image(GPT);
        PartitionTable whole = read(image);
        image.bytes[1024 + 40]++; // the list
        assertThat(read(image)).isEqualTo(whole);
        image.bytes[512 + 60]++; // the header
        assertThat(read(image)).isEqualTo(whole);
        image.bytes[4 * MIB - 512 + 70]++;
        assertThatThrownBy(() -> read(image))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("and so is the copy");
    }

    @Test
    void mbr_hasPrimaryAndLogicalPartitions() throws Exception {
        MemoryImage image =
                image(
                        """
                        label: dos
                        label-id: 0x1234abcd
                        1: start=2048, size=1000, type=83, bootable
                        2: start=3072, size=4096, type=5
                        5: start=3100, size=500, type=83
                        6: start=4000, size=600, type=82
                        """);
        PartitionTable table = read(image);
        assertThat(table.kind()).isEqualTo(PartitionTable.Kind.MBR);
        assertThat(table.partitions())
                .containsExactly(
                        new Partition(1, MIB, 512_000, "83", "1234abcd-01", ""),
                        new Partition(5, 3100 * 512, 256_000, "83", "1234abcd-05", ""),
                        new Partition(6, 4000 * 512, 307_200, "82", "1234abcd-06", ""));
    }

    @Test
    void logicalPartitionsInACircle_end() throws Exception {
        MemoryImage image =
                image("label: dos\n1: start=2048, size=4096, type=5\n5: start=2100, size=50\n");
        // The next table is this one.
        int entry = MIB + 446 + 16;
        image.bytes[entry + 4] = 5;
        image.bytes[entry + 12] = 1;
        assertThatThrownBy(() -> read(image))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("more than 128");
    }

    @Test
    void diskWithoutTable_hasNone() throws Exception {
        assertThat(read(new MemoryImage(new byte[MIB])).kind()).isEqualTo(PartitionTable.Kind.NONE);
        assertThat(read(new MemoryImage(new byte[100])).partitions()).isEmpty();
    }

    /** Flipped bytes with the checksums left as they are, and tables of nothing but noise. */
    @Test
    void anyBytes_areReadOrRefused() throws Exception {
        Random random = new Random(Seeds.seed("PartitionTableTest"));
        MemoryImage gpt = image(GPT);
        MemoryImage mbr = image("label: dos\n1: start=2048, size=4096, type=5\n5: start=2100\n");
        for (int i = 0; i < (Seeds.all() ? 1_000_000 : 20_000); i++) {
            MemoryImage image = i % 2 == 0 ? gpt : mbr;
            byte[] start = java.util.Arrays.copyOf(image.bytes, 4096);
            byte[] middle = java.util.Arrays.copyOfRange(image.bytes, MIB, MIB + 4096);
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                int at =
                        random.nextBoolean()
                                ? 440 + random.nextInt(1200)
                                : MIB + 446 + random.nextInt(66);
                image.bytes[at] = (byte) random.nextInt();
            }
            try {
                for (Partition each : read(image).partitions()) {
                    DiskSlice ignored = DiskSlice.of(image).slice(each.start(), each.bytes());
                }
            } catch (DiskFormatException e) {
                assertThat(e).hasMessageStartingWith("it");
            }
            System.arraycopy(start, 0, image.bytes, 0, 4096);
            System.arraycopy(middle, 0, image.bytes, MIB, 4096);
        }
    }
}
