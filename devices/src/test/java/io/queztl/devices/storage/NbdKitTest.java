package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The NBD client against nbdkit, whose filters fail, delay and refuse requests. */
@Timeout(120)
class NbdKitTest {
    private static final int SIZE = 4 << 20;
    private static final int BLOCK = 4096;

    @TempDir private Path folder = Path.of("");
    private final List<Process> servers = new ArrayList<>();

    @AfterEach
    void end() throws InterruptedException {
        for (Process server : servers) {
            int ignored = server.destroyForcibly().waitFor();
        }
    }

    private Path socket() {
        return folder.resolve("nbd");
    }

    private String uri() {
        return "nbd+unix:///?socket=" + socket();
    }

    private Process serve(String... arguments) throws Exception {
        assumeTrue(
                List.of("/usr/bin/nbdkit", "/usr/sbin/nbdkit").stream()
                        .anyMatch(p -> Files.isExecutable(Path.of(p))),
                "nbdkit (Debian package nbdkit) is not installed");
        Files.deleteIfExists(socket());
        List<String> line = new ArrayList<>(List.of("nbdkit", "-f", "--exit-with-parent"));
        line.addAll(List.of("-U", socket().toString()));
        line.addAll(List.of(arguments));
        Process server =
                new ProcessBuilder(line)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("nbdkit.log").toFile())
                        .start();
        servers.add(server);
        while (!Files.exists(socket())) {
            assertThat(server.isAlive())
                    .as(Files.readString(folder.resolve("nbdkit.log")))
                    .isTrue();
            Thread.sleep(20);
        }
        return server;
    }

    private static byte[] block(int value) {
        byte[] block = new byte[BLOCK];
        Arrays.fill(block, (byte) value);
        return block;
    }

    /** A tenth of all requests fails; what the others did is right, and the connection lives on. */
    @Test
    void errorFilter_failsRequestsOnly() throws Exception {
        Process ignored = serve("--filter=error", "memory", "4M", "error-rate=10%", "error=EIO");
        Random random = new Random(1);
        byte[] model = new byte[SIZE];
        int failed = 0;
        try (DiskImage image = Images.openNbd(uri(), false)) {
            for (int i = 0; i < 2000; i++) {
                int at = random.nextInt(SIZE / BLOCK) * BLOCK;
                byte[] data = block(i);
                try {
                    switch (random.nextInt(4)) {
                        case 0 -> {
                            image.write(at, MemorySegment.ofArray(data));
                            System.arraycopy(data, 0, model, at, BLOCK);
                        }
                        case 1 -> {
                            image.writeZeroes(at, BLOCK, true);
                            Arrays.fill(model, at, at + BLOCK, (byte) 0);
                        }
                        case 2 -> image.flush();
                        default -> {
                            image.read(at, MemorySegment.ofArray(data));
                            int difference = Arrays.mismatch(data, 0, BLOCK, model, at, at + BLOCK);
                            assertThat(difference).as("step %d", i).isEqualTo(-1);
                        }
                    }
                } catch (IOException e) {
                    assertThat(e).hasMessageContaining("answers error 5");
                    failed++;
                }
            }
        } catch (IOException e) {
            assertThat(e).as("the flush of close").hasMessageContaining("answers error 5");
        }
        System.out.println("nbdkit failed " + failed + " of 2000 requests");
        assertThat(failed).isBetween(50, 500);
    }

    @Test
    void errorFilter_noSpaceLeft_isReportedForWritesOnly() throws Exception {
        Process ignored =
                serve("--filter=error", "memory", "4M", "error-pwrite-rate=100%", "error=ENOSPC");
        try (DiskImage image = Images.openNbd(uri(), false)) {
            assertThatThrownBy(() -> image.write(0, MemorySegment.ofArray(block(1))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("28");
            byte[] data = block(1);
            image.read(0, MemorySegment.ofArray(data));
            assertThat(data).containsOnly(0);
        }
    }

    /** Each answer takes long; nobody waits for the answers of others before asking. */
    @Test
    void delayFilter_manyRequests_areAskedAtOnce() throws Exception {
        Process ignored =
                serve(
                        "--filter=log",
                        "--filter=delay",
                        "memory",
                        "4M",
                        "rdelay=300ms",
                        "wdelay=300ms",
                        "logfile=" + folder.resolve("log"));
        try (DiskImage image = Images.openNbd(uri(), false);
                ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                int number = t + 1;
                all.add(
                        threads.submit(() -> {
                            long at = (long) number * BLOCK;
                            image.write(at, MemorySegment.ofArray(block(number)));
                            byte[] data = new byte[BLOCK];
                            image.read(at, MemorySegment.ofArray(data));
                            assertThat(data).containsOnly(number);
                            return null;
                        }));
            }
            for (Future<?> one : all) {
                Object nothing = one.get();
                assertThat(nothing).isNull();
            }
        }
        assertThat(mostAtOnce(Files.readAllLines(folder.resolve("log")))).isGreaterThan(3);
    }

    /** Requests that nbdkit's log has begun and not ended, at most. */
    private static int mostAtOnce(List<String> log) {
        int now = 0;
        int most = 0;
        for (String line : log) {
            if (line.matches(".* (Read|Write) id=.*\\.\\.\\.$")) {
                now++;
            } else if (line.matches(".* \\.\\.\\.(Read|Write) id=.*")) {
                now--;
            }
            most = Math.max(most, now);
        }
        return most;
    }

    @Test
    void killedServer_thatComesBack_loosesNothingFlushed() throws Exception {
        Path file = Files.write(folder.resolve("disk"), new byte[SIZE]);
        byte[] model = new byte[SIZE];
        Random random = new Random(2);
        Process server = serve("file", file.toString());
        try (DiskImage image = Images.openNbd(uri(), false)) {
            for (int round = 0; round < 5; round++) {
                for (int i = 0; i < 50; i++) {
                    int at = random.nextInt(SIZE / BLOCK) * BLOCK;
                    image.write(at, MemorySegment.ofArray(block(i)));
                    Arrays.fill(model, at, at + BLOCK, (byte) i);
                }
                image.flush();
                int ignored = server.destroyForcibly().waitFor();
                server = serve("file", file.toString());
            }
            byte[] found = new byte[SIZE];
            image.read(0, MemorySegment.ofArray(found));
            assertThat(Arrays.mismatch(found, model)).isEqualTo(-1);
        }
    }

    /** A server that stays away: requests fail after the limit, with a sentence. */
    @Test
    void killedServer_thatStaysAway_failsRequests() throws Exception {
        Process server = serve("memory", "4M");
        DiskImage image = NbdImage.open(uri(), false, new NbdImage.Limits(2, 2, 1));
        int ignored = server.destroyForcibly().waitFor();
        Files.deleteIfExists(socket());
        assertThatThrownBy(() -> image.read(0, MemorySegment.ofArray(block(0))))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is gone");
        image.close();
    }

    @Test
    void silentServer_isLeftAndRequestsFail() throws Exception {
        Process ignored = serve("--filter=delay", "memory", "4M", "rdelay=100");
        long start = System.nanoTime();
        try (DiskImage image = NbdImage.open(uri(), false, new NbdImage.Limits(5, 1, 1))) {
            assertThatThrownBy(() -> image.read(0, MemorySegment.ofArray(block(0))))
                    .isInstanceOf(IOException.class);
        }
        assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(60));
    }

    @Test
    void readOnlyServer_isRefusedForWriting() throws Exception {
        Process ignored = serve("-r", "memory", "4M");
        assertThatThrownBy(() -> Images.openNbd(uri(), false)).hasMessageContaining("read-only");
        try (DiskImage image = Images.openNbd(uri(), true)) {
            assertThat(image.readOnly()).isTrue();
            assertThat(image.discards()).isFalse();
        }
    }
}
