package io.queztl.vmm.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;

/** Archives read back by a library. */
class CpioWriterTest {
    private static byte[] sample() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (CpioWriter cpio = new CpioWriter(out)) {
            cpio.characterDevice("/dev/console", 0600, 5, 1);
            cpio.file("init", 0755, "#!/bin/sh\n".getBytes(StandardCharsets.UTF_8));
            cpio.file("a/b/c", 0644, new ByteArrayInputStream(new byte[5]), 5);
            cpio.directory("a", 0700);
            cpio.symbolicLink("bin/sh", "busybox");
            cpio.blockDevice("dev/vda", 0660, 254, 0);
        }
        return out.toByteArray();
    }

    @Test
    void archive_readBack_hasEverythingWithParents() throws IOException {
        List<String> entries = new ArrayList<>();
        try (var in = new CpioArchiveInputStream(new ByteArrayInputStream(sample()))) {
            for (CpioArchiveEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
                entries.add("%s %o %d".formatted(e.getName(), e.getMode(), e.getSize()));
                if (e.getName().equals("dev/console")) {
                    assertThat(e.getRemoteDeviceMaj()).isEqualTo(5);
                    assertThat(e.getRemoteDeviceMin()).isEqualTo(1);
                }
                if (e.getName().equals("bin/sh")) {
                    assertThat(in.readAllBytes()).asString().isEqualTo("busybox");
                }
            }
        }
        assertThat(entries)
                .containsExactly(
                        "dev 40755 0",
                        "dev/console 20600 0",
                        "init 100755 10",
                        "a 40755 0",
                        "a/b 40755 0",
                        "a/b/c 100644 5",
                        "bin 40755 0",
                        "bin/sh 120777 7",
                        "dev/vda 60660 0");
    }

    @Test
    void archive_madeTwice_hasTheSameBytesAndIsAligned() throws IOException {
        assertThat(sample()).isEqualTo(sample());
        assertThat(sample().length % 4).isZero();
    }

    @Test
    void file_pathLeadingOutside_isRefused() throws IOException {
        try (CpioWriter cpio = new CpioWriter(new ByteArrayOutputStream())) {
            assertThatThrownBy(() -> cpio.file("../x", 0644, new byte[0]))
                    .isInstanceOf(IOException.class);
            assertThatThrownBy(() -> cpio.file("a//b", 0644, new byte[0]))
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void file_streamTooShort_isAnError() throws IOException {
        try (CpioWriter cpio = new CpioWriter(new ByteArrayOutputStream())) {
            assertThatThrownBy(() -> cpio.file("x", 0644, new ByteArrayInputStream(new byte[3]), 4))
                    .isInstanceOf(IOException.class);
        }
    }
}
