package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An image on a file system that gets full, which is a small tmpfs: requests fail, nothing that was
 * written before is damaged, and with room again everything goes on.
 */
@Timeout(120)
class FullDiskTest {
    private static final int SIZE = 8 << 20;
    private static final int BLOCK = 4096;

    @TempDir private Path folder = Path.of("");
    private boolean mounted;

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor();
    }

    @BeforeEach
    void mount() throws Exception {
        mounted = run("mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", folder.toString()) == 0;
        if (!mounted) {
            System.out.println("skipped: a tmpfs can be mounted by root only");
        }
        assumeTrue(mounted, "a tmpfs can be mounted by root only");
    }

    @AfterEach
    void unmount() throws Exception {
        if (mounted) {
            assertThat(run("umount", folder.toString())).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"RAW,0", "QCOW2,4096", "QCOW2,65536"})
    void fullFileSystem_failsWritesAndDamagesNothing(ImageFormat format, int cluster)
            throws Exception {
        Path filler = Files.write(folder.resolve("filler"), new byte[1 << 20]);
        Path path = folder.resolve("disk");
        if (format == ImageFormat.RAW) {
            Images.createRaw(path, SIZE);
        } else {
            Images.createQcow2(path, SIZE, cluster, 3);
        }
        byte[] model = new byte[SIZE];
        try (DiskImage image = Images.open(path, format, ImageOptions.WRITABLE)) {
            int failed = work(image, model, new Random(1), 600);
            assertThat(failed).isGreaterThan(10);
            compare(image, model);
            Files.delete(filler);
            assertThat(work(image, model, new Random(2), 100)).isZero();
            compare(image, model);
            image.flush();
        }
        try (DiskImage image = Images.open(path, format, ImageOptions.WRITABLE)) {
            compare(image, model);
            assertThat(Images.check(image)[0]).isZero();
        }
    }

    /** Writes blocks and flushes; how many writes failed, whose blocks may have either content. */
    private static int work(DiskImage image, byte[] model, Random random, int blocks)
            throws IOException {
        int failed = 0;
        byte[] data = new byte[BLOCK];
        for (int i = 0; i < blocks; i++) {
            int at = random.nextInt(SIZE / BLOCK) * BLOCK;
            random.nextBytes(data);
            try {
                image.write(at, MemorySegment.ofArray(data));
                System.arraycopy(data, 0, model, at, BLOCK);
            } catch (IOException e) {
                failed++;
                image.read(at, MemorySegment.ofArray(model).asSlice(at, BLOCK));
            }
            if (i % 16 == 0) {
                image.flush();
            }
        }
        return failed;
    }

    private static void compare(DiskImage image, byte[] model) throws IOException {
        byte[] found = new byte[SIZE];
        image.read(0, MemorySegment.ofArray(found));
        assertThat(Arrays.mismatch(found, model)).isEqualTo(-1);
    }
}
