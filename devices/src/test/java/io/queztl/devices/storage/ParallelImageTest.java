package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Several threads on one image, each with sectors of its own that share clusters with the others.
 */
@Timeout(120)
class ParallelImageTest {
    private static final int THREADS = 4;
    private static final int SECTOR = 512;
    private static final int SECTORS = 4096;
    private static final int STEPS = Seeds.all() ? 20_000 : 800;

    @TempDir Path folder = Path.of("");

    @ParameterizedTest
    @EnumSource(ImageFormat.class)
    void threads_withSectorsOfTheirOwn_findWhatTheyWrote(ImageFormat format) throws Exception {
        Path path = folder.resolve("disk");
        if (format == ImageFormat.QCOW2) {
            Images.createQcow2(path, (long) SECTORS * SECTOR, 4096, 3);
        } else {
            Images.createRaw(path, (long) SECTORS * SECTOR);
        }
        ImageFormat kept = format == ImageFormat.NBD ? ImageFormat.RAW : format;
        try (DiskImage image = Images.open(path, kept, ImageOptions.WRITABLE)) {
            if (format != ImageFormat.NBD) {
                work(image);
                if (format == ImageFormat.QCOW2) {
                    assertThat(Images.check(image)).containsExactly(0, 0);
                }
                return;
            }
            Path socket = folder.resolve("s");
            try (NbdServer server = new NbdServer(image, "", UnixDomainSocketAddress.of(socket))) {
                Thread thread =
                        Thread.ofPlatform()
                                .daemon()
                                .start(() -> {
                                    try {
                                        server.run();
                                    } catch (IOException e) {
                                        throw new java.io.UncheckedIOException(e);
                                    }
                                });
                assertThat(thread.isDaemon()).isTrue();
                try (DiskImage client = Images.openNbd("nbd+unix:///?socket=" + socket, false)) {
                    work(client);
                }
            }
        }
    }

    private static void work(DiskImage image) throws Exception {
        long seed = Seeds.seed("ParallelImageTest");
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int number = t;
                all.add(
                        threads.submit(() -> {
                            steps(image, number, new Random(seed + number));
                            return null;
                        }));
            }
            for (Future<?> one : all) {
                Object ignored = one.get();
            }
        }
    }

    /** A thread's sectors are those whose number is its own, modulo the number of threads. */
    private static void steps(DiskImage image, int thread, Random random) throws IOException {
        byte[] model = new byte[SECTORS];
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(SECTOR);
            for (int step = 0; step < STEPS; step++) {
                int sector = random.nextInt(SECTORS / THREADS) * THREADS + thread;
                long at = (long) sector * SECTOR;
                switch (random.nextInt(16)) {
                    case 0 -> image.flush();
                    case 1 -> {
                        image.writeZeroes(at, SECTOR, random.nextBoolean());
                        model[sector] = 0;
                    }
                    case 2, 3, 4, 5, 6, 7, 8 -> {
                        byte value = (byte) random.nextInt();
                        memory.fill(value);
                        image.write(at, memory);
                        model[sector] = value;
                    }
                    default -> {
                        memory.fill((byte) 0x33);
                        image.read(at, memory);
                        for (int i = 0; i < SECTOR; i++) {
                            assertThat(memory.get(ValueLayout.JAVA_BYTE, i))
                                    .as("step %d sector %d byte %d", step, sector, i)
                                    .isEqualTo(model[sector]);
                        }
                    }
                }
            }
        }
    }

    /** Clusters that are freed and used again while others are written. */
    @Test
    void discards_besideWrites_leaveOthersAlone() throws Exception {
        Path path = folder.resolve("disk");
        Images.createQcow2(path, 1 << 22, 4096, 3);
        long seed = Seeds.seed("ParallelImageTest");
        try (DiskImage image = Images.open(path, ImageFormat.QCOW2, ImageOptions.WRITABLE);
                ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int number = t;
                all.add(
                        threads.submit(() -> {
                            clusters(image, number, new Random(seed + number));
                            return null;
                        }));
            }
            for (Future<?> one : all) {
                Object ignored = one.get();
            }
            assertThat(Images.check(image)).containsExactly(0, 0);
        }
    }

    /** Writes and discards whole clusters of its own, two at once in flight. */
    private static void clusters(DiskImage image, int thread, Random random) throws IOException {
        byte[] model = new byte[1024];
        byte[] data = new byte[4096];
        for (int step = 0; step < STEPS; step++) {
            int cluster = random.nextInt(64) * THREADS + thread;
            long at = cluster * 4096L;
            switch (random.nextInt(8)) {
                case 0 -> image.flush();
                case 1, 2 -> {
                    image.discard(at, 4096);
                    model[cluster] = 0;
                }
                case 3, 4, 5 -> {
                    byte value = (byte) random.nextInt();
                    java.util.Arrays.fill(data, value);
                    image.write(at, MemorySegment.ofArray(data));
                    model[cluster] = value;
                }
                default -> {
                    image.read(at, MemorySegment.ofArray(data));
                    for (byte b : data) {
                        assertThat(b)
                                .as("step %d cluster %d", step, cluster)
                                .isEqualTo(model[cluster]);
                    }
                }
            }
        }
    }
}
