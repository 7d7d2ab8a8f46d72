package io.queztl.server.debian;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.linux.Terminal;
import io.queztl.server.guest.FirstBoot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FirstBootArchiveTest {
    @TempDir private Path folder = Path.of("");

    private static Map<String, String> files(byte[] archive) throws IOException {
        Map<String, String> files = new LinkedHashMap<>();
        try (CpioArchiveInputStream in =
                new CpioArchiveInputStream(new ByteArrayInputStream(archive))) {
            CpioArchiveEntry entry;
            while ((entry = in.getNextEntry()) != null) {
                if (entry.isRegularFile()) {
                    String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                    files.put(entry.getName(), text);
                }
            }
        }
        return files;
    }

    @Test
    void archive_hasWhatTheRunWasTold() throws Exception {
        Path file = folder.resolve("initrd");
        FirstBoot first = new FirstBoot(List.of("ssh-ed25519 AAAA me", "ssh-rsa BBBB"), "web-1");
        FirstBootArchive.write(file, first, new Terminal.Size(50, 120));
        assertThat(files(Files.readAllBytes(file)))
                .containsEntry("queztl/settings", "ROWS=50 COLUMNS=120\nHOST_NAME='web-1'\n")
                .containsEntry("queztl/keys", "ssh-ed25519 AAAA me\nssh-rsa BBBB\n")
                .containsKey("queztl/setup");
        FirstBootArchive.write(file, new FirstBoot(List.of(), null), null);
        assertThat(files(Files.readAllBytes(file)))
                .containsEntry("queztl/settings", "ROWS=\nHOST_NAME=''\n")
                .containsEntry("queztl/keys", "");
    }

    /** The kernel takes an archive that follows another only at a multiple of four bytes. */
    @Test
    void appendedArchive_startsWhereTheKernelLooks() throws Exception {
        for (String name : new String[] {"a", "ab", "abc", "abcd"}) {
            Path file = folder.resolve(name);
            FirstBootArchive.write(file, new FirstBoot(List.of(), name), null);
            long start = Files.size(file);
            assertThat(start % 4).isZero();
            byte[] rest = {0x1f, (byte) 0x8b, 8};
            FirstBootArchive.append(file, Files.write(folder.resolve("rest"), rest));
            byte[] all = Files.readAllBytes(file);
            assertThat(Arrays.copyOfRange(all, (int) start, all.length)).isEqualTo(rest);
        }
    }
}
