package io.queztl.vmm.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes as isoinfo and blkid see them. */
class IsoWriterTest {
    @TempDir Path folder = Path.of("");

    private static byte[] run(String... command) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        byte[] output = process.getInputStream().readAllBytes();
        assertThat(process.waitFor()).as(String.join(" ", command)).isZero();
        return output;
    }

    private static void assume(String tool) {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin", tool))
                        || Files.isExecutable(Path.of("/usr/sbin", tool)),
                tool + " is not installed: ./dev deps");
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void filesAndNames_areWhatIsoinfoReads() throws Exception {
        assume("isoinfo");
        Path file = folder.resolve("seed.iso");
        Map<String, byte[]> files =
                new TreeMap<>(
                        Map.of(
                                "meta-data",
                                bytes(5),
                                "user-data",
                                bytes(5000),
                                "network-config",
                                bytes(2048),
                                "empty",
                                new byte[0],
                                "n".repeat(100),
                                bytes(1)));
        IsoWriter.write(file, "cidata", files);
        String image = file.toString();
        String list = new String(run("isoinfo", "-R", "-l", "-i", image), StandardCharsets.UTF_8);
        for (Map.Entry<String, byte[]> each : files.entrySet()) {
            assertThat(list).contains(each.getKey());
            assertThat(run("isoinfo", "-R", "-i", image, "-x", "/" + each.getKey()))
                    .isEqualTo(each.getValue());
        }
        assertThat(list).contains("-r--r--r--");
        assertThat(new String(run("isoinfo", "-d", "-i", image), StandardCharsets.UTF_8))
                .contains("Volume id: cidata", "Rock Ridge signatures version 1 found");
    }

    @Test
    void nameOfTheVolume_isWhatBlkidSays() throws Exception {
        assume("blkid");
        Path file = folder.resolve("seed.iso");
        IsoWriter.write(file, "cidata", Map.of("meta-data", bytes(3)));
        String said = new String(run("blkid", "-p", file.toString()), StandardCharsets.UTF_8);
        assertThat(said).contains("LABEL=\"cidata\"", "TYPE=\"iso9660\"");
    }

    @Test
    void sameFiles_giveTheSameBytes_andMoreThanFitAreRefused() throws Exception {
        Path one = folder.resolve("one");
        Path two = folder.resolve("two");
        Map<String, byte[]> files = Map.of("meta-data", bytes(3), "user-data", bytes(9));
        IsoWriter.write(one, "cidata", files);
        IsoWriter.write(two, "cidata", files);
        assertThat(one).hasSameBinaryContentAs(two);
        Map<String, byte[]> many = new TreeMap<>();
        for (int i = 0; i < 100; i++) {
            many.put("name-" + i, bytes(1));
        }
        Path three = folder.resolve("three");
        assertThatThrownBy(() -> IsoWriter.write(three, "cidata", many))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("too many");
        assertThatThrownBy(() -> IsoWriter.write(three, "a/b", files))
                .isInstanceOf(IOException.class);
        assertThatThrownBy(() -> IsoWriter.write(three, "a", Map.of("../x", bytes(1))))
                .isInstanceOf(IOException.class);
        assertThat(three).doesNotExist();
    }
}
