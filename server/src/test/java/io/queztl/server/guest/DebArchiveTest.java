package io.queztl.server.guest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

class DebArchiveTest {
    @TempDir Path folder;

    private Path deb() throws IOException {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar =
                new TarArchiveOutputStream(new XZOutputStream(data, new LZMA2Options(0)))) {
            add(tar, "./boot/config-1", "config");
            add(tar, "./boot/vmlinuz-1", "the kernel");
        }
        Path deb = folder.resolve("test.deb");
        try (ArArchiveOutputStream ar = new ArArchiveOutputStream(Files.newOutputStream(deb))) {
            for (String name : new String[] {"debian-binary", "data.tar.xz"}) {
                byte[] bytes =
                        name.startsWith("data") ? data.toByteArray() : "2.0\n".getBytes(US_ASCII);
                ar.putArchiveEntry(new ArArchiveEntry(name, bytes.length));
                ar.write(bytes);
                ar.closeArchiveEntry();
            }
        }
        return deb;
    }

    private static void add(TarArchiveOutputStream tar, String name, String text)
            throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(text.length());
        tar.putArchiveEntry(entry);
        tar.write(text.getBytes(US_ASCII));
        tar.closeArchiveEntry();
    }

    @Test
    void extract_fileInPackage_isWritten() throws IOException {
        Path target = folder.resolve("kernel");
        new DebArchive(deb()).extract(n -> n.startsWith("boot/vmlinuz-"), "kernel", target);
        assertThat(target).hasContent("the kernel");
    }

    @Test
    void extract_noSuchFile_saysSoAndLeavesNothing() throws IOException {
        DebArchive archive = new DebArchive(deb());
        assertThatThrownBy(() -> archive.extract("x"::equals, "kernel", folder.resolve("k")))
                .isInstanceOf(IOException.class)
                .hasMessage("test.deb holds no kernel");
        assertThat(folder).isDirectoryNotContaining(p -> !p.toString().endsWith(".deb"));
    }

    @Test
    void extract_truncatedPackage_failsAndLeavesNothing() throws IOException {
        byte[] whole = Files.readAllBytes(deb());
        for (int length = 0; length < whole.length - 1; length += 7) {
            Path cut = folder.resolve("cut.deb");
            Files.write(cut, java.util.Arrays.copyOf(whole, length));
            Path target = folder.resolve("k");
            try {
                new DebArchive(cut).extract(n -> n.contains("vmlinuz"), "kernel", target);
                // Only the padding and the checks after the file were cut off.
                assertThat(target).hasContent("the kernel");
                Files.delete(target);
            } catch (IOException e) {
                assertThat(target).doesNotExist();
            }
        }
    }
}
