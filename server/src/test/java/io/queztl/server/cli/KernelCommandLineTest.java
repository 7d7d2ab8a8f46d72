package io.queztl.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelCommandLineTest {
    @TempDir Path folder;

    private Path kernel(int offset, int... words) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(16384).order(ByteOrder.LITTLE_ENDIAN).position(offset);
        for (int word : words) {
            b.putInt(word);
        }
        return Files.write(folder.resolve("kernel"), b.array());
    }

    @Test
    void stockKernel_isQuietUnlessVerbose() {
        assertThat(KernelCommandLine.of(null, null, false))
                .isEqualTo("console=ttyS0 panic=-1 cryptomgr.notests mce=off quiet loglevel=3");
        assertThat(KernelCommandLine.of(null, "nosmp", true))
                .isEqualTo("console=ttyS0 panic=-1 cryptomgr.notests mce=off nosmp");
    }

    @Test
    void usersKernel_getsDefaultsThenTheUsersPart() throws IOException {
        assertThat(KernelCommandLine.of(kernel(0, 1, 2, 3), "a b", false))
                .isEqualTo("console=ttyS0 panic=-1 a b");
    }

    @Test
    void multibootKernel_getsTheUsersPartOnly() throws IOException {
        Path multiboot = kernel(4096, 0x1bad_b002, 3, -(0x1bad_b002 + 3));
        assertThat(KernelCommandLine.of(multiboot, "a b", false)).isEqualTo("a b");
        assertThat(KernelCommandLine.of(multiboot, null, false)).isEmpty();
    }

    @Test
    void multibootHeader_tooFarOrBadSum_isNone() throws IOException {
        Path far = kernel(8192, 0x1bad_b002, 3, -(0x1bad_b002 + 3));
        assertThat(KernelCommandLine.of(far, null, false)).isNotEmpty();
        Path bad = kernel(0, 0x1bad_b002, 3, 4);
        assertThat(KernelCommandLine.of(bad, null, false)).isNotEmpty();
    }
}
