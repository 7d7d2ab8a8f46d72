package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The VMM is killed with SIGKILL while its guest writes: whatever the guest was told to be on the
 * disk is there, and the image is consistent. Three writers of the guest fill blocks of their own
 * with a number, fsync, and print the number only then; a fourth discards elsewhere.
 */
@Timeout(1800)
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "twenty boots for each format; ./dev e2e DiskCrashTest")
class DiskCrashTest {
    private static final int ROUNDS = 20;
    private static final int WRITERS = 3;
    private static final int BLOCK = 4096;

    /** Blocks of a writer; the writers' areas lie behind each other, then what is discarded. */
    private static final int BLOCKS = 2048;

    private static final long SIZE = 64L << 20;

    /** Of which the arguments are the first number and the writer. */
    private static final String WRITER =
            """
            write() {
                n=$1
                while :; do
                    printf '%%%dd\\n' $n | dd of=/dev/vda bs=4k iflag=fullblock conv=notrunc,fsync \
            seek=$(( $2 * %d + n * 769 %% %d )) 2>/dev/null && echo "safe $2 $n"
                    n=$((n + 1))
                done
            }
            """
                    .formatted(BLOCK - 1, BLOCKS, BLOCKS);

    private static final String DISCARDS =
            """
            discard() {
                while :; do
                    seq 1 20000 | dd of=/dev/vda bs=64k seek=600 iflag=fullblock 2>/dev/null
                    sync
                    blkdiscard -o 39321600 -l 131072 /dev/vda
                done
            }
            """;

    @TempDir Path folder = Path.of("");

    private static long place(int writer, long number) {
        return (writer * (long) BLOCKS + Math.floorMod(number * 769, BLOCKS)) * BLOCK;
    }

    /** The number in a block; -1 if it is none, which a torn or foreign block would be. */
    private static long number(byte[] block) {
        String text = new String(block, StandardCharsets.US_ASCII);
        if (text.charAt(0) == 0) {
            return text.replace("\0", "").isEmpty() ? 0 : -1;
        }
        return text.endsWith("\n") && text.strip().matches("[0-9]{1,18}")
                ? Long.parseLong(text.strip())
                : -1;
    }

    @ParameterizedTest
    @CsvSource({"RAW, 1", "QCOW2, 1", "QCOW2, 2"})
    void killedVmm_losesNothingAcknowledged(ImageFormat format, int cpus) throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Path file = folder.resolve("disk");
        if (format == ImageFormat.RAW) {
            Images.createRaw(file, SIZE);
        } else {
            Images.createQcow2(file, SIZE, 4096, 3);
        }
        long[] safe = new long[WRITERS];
        long acknowledged = 0;
        for (int round = 0; round < ROUNDS; round++) {
            StringBuilder script = new StringBuilder(WRITER).append(DISCARDS);
            long[] first = new long[WRITERS];
            for (int w = 0; w < WRITERS; w++) {
                first[w] = safe[w] + 1;
                script.append("write %d %d &\n".formatted(first[w], w));
            }
            script.append("discard &\nwait\n");
            String disk = file + ",format=" + format;
            acknowledged += crash(disk, cpus, script.toString(), safe, 10 + random.nextInt(100));
            check(file, format, first, safe, "seed " + seed + " round " + round);
        }
        System.out.printf(
                "%s -c %d: %d kills, %d acknowledged writes%n", format, cpus, ROUNDS, acknowledged);
    }

    /** Runs a VM until so many writes are acknowledged, and kills it; how many there were. */
    private static int crash(String disk, int cpus, String script, long[] safe, int until)
            throws Exception {
        Process vm =
                new ProcessBuilder(
                                Queztl.command(
                                        "run", "-c", "" + cpus, "--disk", disk, "--exec", script))
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        int count = 0;
        try (BufferedReader out = vm.inputReader(StandardCharsets.US_ASCII)) {
            String line;
            while ((line = out.readLine()) != null) {
                if (!line.matches("safe [0-2] [0-9]+")) {
                    continue;
                }
                String[] words = line.split(" ");
                safe[Integer.parseInt(words[1])] = Long.parseLong(words[2]);
                if (++count == until) {
                    vm.destroyForcibly(); // what it has printed before is still to be read
                }
            }
        } catch (IOException e) {
            // The stream ends with the process.
        } finally {
            vm.destroyForcibly();
        }
        assertThat(vm.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(vm.exitValue()).isEqualTo(137);
        assertThat(count).isGreaterThanOrEqualTo(until);
        return count;
    }

    private static void check(Path file, ImageFormat format, long[] first, long[] safe, String what)
            throws Exception {
        try (DiskImage image = Images.open(file, format, ImageOptions.WRITABLE)) {
            assertThat(Images.check(image)[0]).as(what).isZero();
            byte[] block = new byte[BLOCK];
            for (int w = 0; w < WRITERS; w++) {
                long oldest = Math.max(1, safe[w] - BLOCKS + 1);
                long newest = safe[w];
                for (long n = oldest; n <= safe[w] + 1; n++) {
                    image.read(place(w, n), MemorySegment.ofArray(block));
                    long found = number(block);
                    String where = "%s: writer %d, block of %d".formatted(what, w, n);
                    assertThat(found).as(where).isNotNegative();
                    if (n <= safe[w]) {
                        assertThat(found).as(where).isGreaterThanOrEqualTo(n);
                    }
                    newest = Math.max(newest, found);
                }
                // One write more may have been done than was acknowledged, not more.
                assertThat(newest).as(what).isBetween(first[w] - 1, safe[w] + 1);
                safe[w] = newest;
            }
        }
        if (format == ImageFormat.QCOW2 && Files.isExecutable(Path.of("/usr/bin/qemu-img"))) {
            // Leaks are repaired; an error would end it with another status.
            Tool.run("qemu-img", "check", "-q", "-r", "leaks", "-f", "qcow2", file.toString());
        }
    }
}
