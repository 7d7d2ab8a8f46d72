package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.queztl.linux.HostFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Folders of the host in the stock guest, with the module {@code 9p} of Debian's generic kernel.
 */
@Timeout(600)
class ShareTest {
    @TempDir Path folder = Path.of("");

    @BeforeAll
    static void onLinux() {
        assumeThat(HostFolder.available()).as("sharing a folder needs Linux").isTrue();
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void sharedFolders_areReadWrittenAndNotLeft() throws Exception {
        Path source = Files.createDirectories(folder.resolve("source/tree"));
        for (int i = 0; i < 50; i++) {
            Files.writeString(source.resolve("file" + i), "content " + i + "\n");
        }
        Path out = Files.createDirectory(folder.resolve("out"));
        Path outside = Files.writeString(folder.resolve("outside"), "untouched");
        Path ignored = Files.createSymbolicLink(out.resolve("escape"), outside);
        String script =
                String.join(
                        "\n",
                        "set -e",
                        "cd /mnt/out",
                        "find /mnt/src -type f | wc -l",
                        "tar c -C /mnt/src tree | tar x",
                        "cp -r tree copy && mv copy moved && ln moved/file1 hard && ln -s hard soft",
                        "cmp soft tree/file1 && rm -r moved/file2 && chmod 600 hard",
                        "dd if=/dev/zero bs=64k count=64 2>/dev/null | tr '\\0' q >big && sync",
                        "md5sum <big | cut -d ' ' -f 1; stat -c '%a %h %u' hard",
                        "mkdir -p deep/er && rmdir deep/er deep",
                        "cat escape 2>/dev/null || echo nowhere",
                        "(echo x >/mnt/src/new) 2>/dev/null || echo read-only",
                        "rm -f /mnt/src/tree/file1 2>/dev/null || echo read-only",
                        "ls | sort | tr '\\n' ' '");
        Queztl.Result result =
                Queztl.run(
                        "run",
                        "--share",
                        folder.resolve("source") + ":src",
                        "--share",
                        out + ":out:rw",
                        "--exec",
                        script);
        assertThat(result.out())
                .isEqualTo(
                        "50\n5aab7384353cefba1ab483a53bc258c7\n600 2 0\nnowhere\nread-only\nread-only\n"
                                + "big escape hard moved soft tree ");
        assertThat(result.status()).isZero();
        assertThat(out.resolve("tree/file49")).hasContent("content 49\n");
        assertThat(out.resolve("moved/file2")).doesNotExist();
        assertThat(Files.size(out.resolve("big"))).isEqualTo(4 << 20);
        assertThat(Files.readSymbolicLink(out.resolve("soft"))).hasToString("hard");
        assertThat(outside).hasContent("untouched");
        assertThat(source.resolve("file1")).exists();
    }

    @Test
    void share_thatMakesNoSense_isRefused() {
        for (String share :
                new String[] {"x", ":tag", folder + ":t g", folder + ":" + "t".repeat(40)}) {
            Queztl.Result result = Queztl.run("run", "--share", share);
            assertThat(result.status()).as(share).isEqualTo(2);
            assertThat(result.err()).startsWith("queztl: ").hasLineCount(1);
        }
        Queztl.Result twice =
                Queztl.run("run", "--share", folder + ":a", "--share", folder + ":a:rw");
        assertThat(twice.status()).isEqualTo(2);
    }
}
