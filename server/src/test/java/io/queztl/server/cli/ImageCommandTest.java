package io.queztl.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageCommandTest {
    @TempDir private Path folder = Path.of("");

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(Object... arguments) {
        out.reset();
        err.reset();
        String[] all = new String[arguments.length + 1];
        all[0] = "image";
        for (int i = 0; i < arguments.length; i++) {
            all[i + 1] = arguments[i].toString();
        }
        return Cli.run(InputStream.nullInputStream(), out, err, all);
    }

    @Test
    void createdImage_isDescribedCheckedAndResized() {
        Path path = folder.resolve("a.qcow2");
        assertThat(run("create", path, "10M")).isZero();
        assertThat(run("resize", "--format", "qcow2", path, "20M")).isZero();
        assertThat(run("info", "--format", "qcow2", "--json", path)).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8))
                .startsWith("{")
                .contains("\"virtual-size\":20971520");
        assertThat(run("check", "--format", "qcow2", path)).isZero();
        assertThat(run("resize", "--format", "qcow2", path, "1M")).isEqualTo(2);
        assertThat(run("create", path, "10M")).isEqualTo(9);
    }

    @Test
    void convertedThereAndBack_isTheSame() throws Exception {
        byte[] data = new byte[3_000_320];
        new Random(1).nextBytes(data);
        Arrays.fill(data, 500_000, 2_000_000, (byte) 0);
        Path raw = Files.write(folder.resolve("a.raw"), data);
        Path qcow2 = folder.resolve("a.qcow2");
        Path back = folder.resolve("b.raw");
        assertThat(run("convert", raw, qcow2)).as("no format is stated").isEqualTo(2);
        assertThat(run("convert", "--from-format", "raw", "--progress", raw, qcow2)).isZero();
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("100 %");
        assertThat(Files.size(qcow2)).isLessThan(2_500_000);
        assertThat(run("convert", "--from-format", "qcow2", "--to-format", "raw", qcow2, back))
                .isZero();
        assertThat(Files.mismatch(raw, back)).isEqualTo(-1);
    }

    @Test
    void damagedImage_isOneSentenceAndStatus9() throws Exception {
        Path path = folder.resolve("a.qcow2");
        assertThat(run("create", path, "1M")).isZero();
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(20);
            file.writeInt(99);
        }
        assertThat(run("info", "--format", "qcow2", path)).isEqualTo(9);
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(1);
        assertThat(run("info", "--format", "vmdk", path)).isEqualTo(2);
    }
}
