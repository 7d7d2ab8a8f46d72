package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A writer that is killed: what it acknowledged after a flush is there, the image consistent. */
class CrashTest {
    private static final int ROUNDS = 20;
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 4096;

    @TempDir private Path folder = Path.of("");

    /** The child: writes numbered blocks, flushes, and prints the number of each that is safe. */
    static final class Writer {
        private Writer() {}

        public static void main(String[] args) throws IOException {
            long next = Long.parseLong(args[2]);
            try (DiskImage image =
                    Images.open(Path.of(args[0]), ImageFormat.of(args[1]), ImageOptions.WRITABLE)) {
                for (; ; next++) {
                    byte[] block = new byte[BLOCK];
                    ByteBuffer.wrap(block).putLong(0, next).putLong(BLOCK - 8, next);
                    image.write(place(next), MemorySegment.ofArray(block));
                    if (next % 7 == 0) {
                        image.discard((place(next) + (1 << 20)) % (1 << 23) + (1 << 24), 1 << 17);
                    }
                    image.flush();
                    System.out.println(next);
                }
            }
        }
    }

    private static long place(long number) {
        return Math.floorMod(number * 1031, BLOCKS) * (long) BLOCK;
    }

    @ParameterizedTest
    @EnumSource(
            value = ImageFormat.class,
            names = {"RAW", "QCOW2"})
    void killedWriter_losesNothingAcknowledged(ImageFormat format) throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Path path = folder.resolve("disk");
        if (format == ImageFormat.RAW) {
            Images.createRaw(path, 1 << 25);
        } else {
            Images.createQcow2(path, 1 << 25, 4096, 3);
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String classes =
                String.join(
                        ":",
                        location(Writer.class),
                        location(Images.class),
                        location(io.queztl.linux.HostFile.class),
                        location(io.airlift.compress.v3.zstd.ZstdInputStream.class));
        long last = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Process child =
                    new ProcessBuilder(
                                    java,
                                    "-XX:TieredStopAtLevel=1",
                                    "--enable-native-access=ALL-UNNAMED",
                                    "-cp",
                                    classes,
                                    Writer.class.getName(),
                                    path.toString(),
                                    format.toString(),
                                    String.valueOf(last + 1))
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(child.getInputStream()))) {
                int until = 1 + random.nextInt(60);
                String line = "";
                for (int i = 0; i < until && line != null; i++) {
                    line = lines.readLine();
                    last = line == null ? last : Long.parseLong(line);
                }
                child.destroyForcibly();
            }
            assertThat(child.waitFor()).as("seed %d", seed).isEqualTo(137);
            last = verify(path, format, last, seed);
        }
    }

    /** Checks the acknowledged blocks; the highest number that is in the image. */
    private static long verify(Path path, ImageFormat format, long last, long seed)
            throws IOException {
        long highest = last;
        try (DiskImage image = Images.open(path, format, ImageOptions.WRITABLE)) {
            assertThat(Images.check(image)[0]).as("seed %d", seed).isZero();
            byte[] block = new byte[BLOCK];
            for (long n = Math.max(1, last - BLOCKS + 1); n <= last + 200; n++) {
                image.read(place(n), MemorySegment.ofArray(block));
                long found = ByteBuffer.wrap(block).getLong(0);
                if (n <= last) {
                    assertThat(found).as("seed %d block %d", seed, n).isGreaterThanOrEqualTo(n);
                }
                highest = Math.max(highest, found);
            }
        }
        return highest;
    }

    static String location(Class<?> type) throws Exception {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    }
}
