package io.queztl.vmm.ext4;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The programs of e2fsprogs, which know what is right. */
final class Ext4Tools {
    private Ext4Tools() {}

    /** Skips the test if there are none. */
    static void assume() {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/sbin/debugfs"))
                        || Files.isExecutable(Path.of("/sbin/debugfs")),
                "e2fsprogs is not installed: ./dev deps");
    }

    /** What e2fsck says of a file system that must be clean. */
    static void check(Path image) throws IOException, InterruptedException {
        String said = run(0, "e2fsck", "-fn", image.toString());
        assertThat(said).doesNotContain("Fix").doesNotContain("Optimize");
    }

    /** What debugfs answers to commands. */
    static String debugfs(Path image, String command) throws IOException, InterruptedException {
        return run(0, "debugfs", "-R", command, image.toString());
    }

    static String run(int status, String... command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
        Process process = builder.start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(Arrays.toString(command) + output).isEqualTo(status);
        return output;
    }
}
