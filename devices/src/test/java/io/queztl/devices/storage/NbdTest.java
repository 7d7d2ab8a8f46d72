package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The NBD client against our server and qemu-nbd, and our server against qemu-img. */
@Timeout(60)
class NbdTest {
    private static final int SIZE = 4 << 20;

    @TempDir private Path folder = Path.of("");

    private static void work(DiskImage image, byte[] model, long seed) throws IOException {
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            int at = random.nextInt(SIZE / 512) * 512;
            int n = Math.min((1 + random.nextInt(300)) * 512, SIZE - at);
            byte[] data = new byte[n];
            switch (random.nextInt(4)) {
                case 0, 1 -> {
                    random.nextBytes(data);
                    image.write(at, MemorySegment.ofArray(data));
                    System.arraycopy(data, 0, model, at, n);
                }
                case 2 -> {
                    image.writeZeroes(at, n, random.nextBoolean());
                    Arrays.fill(model, at, at + n, (byte) 0);
                }
                default -> {
                    image.read(at, MemorySegment.ofArray(data));
                    assertThat(Arrays.mismatch(data, Arrays.copyOfRange(model, at, at + n)))
                            .as("seed %d step %d", seed, i)
                            .isEqualTo(-1);
                }
            }
        }
        image.flush();
    }

    @Test
    void clientAndServer_agreeWithModelAndQemuImg() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Path path = folder.resolve("disk.qcow2");
        Path socket = folder.resolve("s");
        Images.createQcow2(path, SIZE, 65536, 3);
        byte[] model = new byte[SIZE];
        String uri = "nbd+unix:///disk?socket=" + socket;
        try (DiskImage image = Images.open(path, ImageFormat.QCOW2, ImageOptions.WRITABLE);
                NbdServer server =
                        new NbdServer(image, "disk", UnixDomainSocketAddress.of(socket))) {
            Thread thread =
                    new Thread(() -> {
                        try {
                            server.run();
                        } catch (IOException e) {
                            throw new java.io.UncheckedIOException(e);
                        }
                    });
            thread.start();
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                    .isEqualTo("rw-------");
            try (DiskImage client = Images.openNbd(uri, false)) {
                assertThat(client.size()).isEqualTo(SIZE);
                work(client, model, seed);
            }
            assertThatThrownBy(() -> Images.openNbd(uri.replace("/disk", "/other"), false))
                    .hasMessageContaining("refuses the export");
            if (Files.isExecutable(Path.of("/usr/bin/qemu-img"))) {
                Path raw = Files.write(folder.resolve("model.raw"), model);
                Process process =
                        new ProcessBuilder(
                                        "qemu-img",
                                        "compare",
                                        "-F",
                                        "raw",
                                        "-f",
                                        "raw",
                                        uri,
                                        raw.toString())
                                .inheritIO()
                                .start();
                assertThat(process.waitFor()).isZero();
            } else {
                System.out.println("skipped: qemu-img (package qemu-utils) is not installed");
            }
        }
    }

    @Test
    void client_survivesRestartOfQemuNbd() throws Exception {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/qemu-nbd")),
                "qemu-nbd (package qemu-utils) is not installed");
        Path path = Files.write(folder.resolve("disk.raw"), new byte[SIZE]);
        Path socket = folder.resolve("q");
        ProcessBuilder builder =
                new ProcessBuilder(
                                "qemu-nbd",
                                "-t",
                                "-f",
                                "raw",
                                "-k",
                                socket.toString(),
                                "-x",
                                "d",
                                path.toString())
                        .inheritIO();
        Process server = builder.start();
        try {
            while (!Files.exists(socket)) {
                Thread.sleep(20);
            }
            byte[] model = new byte[SIZE];
            try (DiskImage client = Images.openNbd("nbd+unix:///d?socket=" + socket, false)) {
                work(client, model, 1);
                server.destroyForcibly().waitFor();
                Files.deleteIfExists(socket);
                server = builder.start();
                work(client, model, 2);
            }
            assertThat(Arrays.mismatch(Files.readAllBytes(path), model)).isEqualTo(-1);
        } finally {
            server.destroyForcibly();
        }
    }
}
