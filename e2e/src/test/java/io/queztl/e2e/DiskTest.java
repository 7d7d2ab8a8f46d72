package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.devices.storage.NbdServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Disks of the stock guest, with Debian's module {@code virtio_blk}. */
@Timeout(180)
class DiskTest {
    private static final int SIZE = 32 << 20;
    private static final int NUMBERS = 300_000;
    private static final int START = 3 << 16;

    /** Writes numbers, which no disk has by chance, from 192 KiB on. */
    private static final String WRITE =
            "seq 1 " + NUMBERS + " | dd of=/dev/vda bs=64k seek=3 iflag=fullblock conv=fsync";

    @TempDir Path folder = Path.of("");

    private static byte[] numbers() {
        StringBuilder text = new StringBuilder();
        for (int i = 1; i <= NUMBERS; i++) {
            text.append(i).append('\n');
        }
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private static Queztl.Result run(String disk, String command, String... more) {
        List<String> line = new ArrayList<>(List.of("run", "--disk", disk, "--exec", command));
        line.addAll(List.of(more));
        return Queztl.run(line.toArray(String[]::new));
    }

    private Path image(ImageFormat format) throws IOException {
        Path file = folder.resolve("disk." + format);
        if (format == ImageFormat.RAW) {
            Images.createRaw(file, SIZE);
        } else {
            Images.createQcow2(file, SIZE, 65536, 3);
        }
        return file;
    }

    private static void assertHolds(Path file, ImageFormat format, byte[] expected)
            throws IOException {
        assertHolds(file, format, START, expected);
    }

    private static void assertHolds(Path file, ImageFormat format, long start, byte[] expected)
            throws IOException {
        try (DiskImage image = Images.open(file, format, ImageOptions.READ_ONLY)) {
            byte[] found = new byte[expected.length];
            image.read(start, MemorySegment.ofArray(found));
            assertThat(found).isEqualTo(expected);
            if (format == ImageFormat.QCOW2) {
                assertThat(Images.check(image)).containsExactly(0, 0);
            }
        }
    }

    /** What one guest wrote is what the host and the next guest read. */
    @ParameterizedTest
    @CsvSource({"RAW, 1, ", "RAW, 1, pci=nomsi", "QCOW2, 2, ", "QCOW2, 1, pci=nomsi"})
    void write_secondBoot_readsTheSame(ImageFormat format, int cpus, String append)
            throws Exception {
        Path file = image(format);
        String disk = file + ",format=" + format + ",serial=A-1 b";
        String[] more = {"-c", "" + cpus, "--append", append == null ? "" : append};
        Queztl.Result wrote = run(disk, WRITE + " && cat /sys/block/vda/serial", more);
        assertThat(wrote.out()).contains("A-1 b");
        assertThat(wrote.status()).as(wrote.out()).isZero();
        byte[] numbers = numbers();
        assertHolds(file, format, numbers);
        String read =
                "seq 1 %d >/tmp/n; cmp -n %d /tmp/n /dev/vda 0 %d && ls -1 /sys/block/vda/mq && blockdev --getsize64 /dev/vda"
                        .formatted(NUMBERS, numbers.length, START);
        Queztl.Result again = run(disk, read, more);
        assertThat(again.out()).isEqualTo((cpus == 1 ? "0\n" : "0\n1\n") + SIZE + "\n");
        assertThat(again.status()).isZero();
    }

    @Test
    void nbdExport_writtenByTheGuest_isWritten() throws Exception {
        Path file = image(ImageFormat.QCOW2);
        Path socket = folder.resolve("nbd");
        try (DiskImage image = Images.open(file, ImageFormat.QCOW2, ImageOptions.WRITABLE);
                NbdServer server = new NbdServer(image, "d", UnixDomainSocketAddress.of(socket))) {
            Thread.ofPlatform().daemon().start(() -> serve(server));
            Queztl.Result result =
                    run(
                            "nbd+unix:///d?socket=" + socket,
                            WRITE + "; blkdiscard -o 16M -l 1M /dev/vda");
            assertThat(result.status()).as(result.out() + result.err()).isZero();
        }
        assertHolds(file, ImageFormat.QCOW2, numbers());
    }

    private static void serve(NbdServer server) {
        try {
            server.run();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void readOnlyDisk_isNotWritten() throws Exception {
        Path file = image(ImageFormat.RAW);
        Queztl.Result result =
                run(
                        file + ",format=raw,ro",
                        "cat /sys/block/vda/ro; dd if=/dev/zero of=/dev/vda bs=4k count=1 2>/dev/null"
                                + " || echo refused");
        assertThat(result.out()).isEqualTo("1\nrefused\n");
    }

    @ParameterizedTest
    @CsvSource({"RAW", "QCOW2"})
    void resize_whileTheGuestRuns_isSeenAndUsable(ImageFormat format) throws Exception {
        Path file = image(format);
        String wait =
                "echo up; while [ $(blockdev --getsize64 /dev/vda) != %d ]; do sleep 0.1; done; "
                        .formatted(2L * SIZE);
        String write =
                "seq 1 %d | dd of=/dev/vda bs=64k seek=%d iflag=fullblock conv=fsync"
                        .formatted(NUMBERS, (2 * SIZE >> 16) - 40);
        List<String> line = List.of("run", "--name", "grow", "--exec", wait + write, "--disk");
        List<String> all = new ArrayList<>(line);
        all.add(file + ",format=" + format);
        Process vm = process(all.toArray(String[]::new));
        try (BufferedReader out = vm.inputReader()) {
            assertThat(out.readLine()).isEqualTo("up");
            Process resize = process("disk", "resize", "grow", "0", (SIZE >> 19) + "M");
            assertThat(resize.waitFor()).isZero();
            Process shrink = process("disk", "resize", "grow", "0", "1M");
            assertThat(new String(shrink.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("can only grow")
                    .hasLineCount(1);
            assertThat(shrink.waitFor()).isEqualTo(12);
            assertThat(vm.waitFor()).isZero();
        } finally {
            vm.destroyForcibly();
        }
        assertHolds(file, format, 2 * SIZE - (40 << 16), numbers());
    }

    private Process process(String... arguments) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(Queztl.command(arguments));
        String ignored = builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
        builder.redirectInput(Path.of("/dev/null").toFile());
        return builder.redirectErrorStream(true).start();
    }

    @ParameterizedTest
    @CsvSource({"RAW", "QCOW2"})
    void discard_givesSpaceBack(ImageFormat format) throws Exception {
        Path file = image(format);
        String fill =
                "tr '\\0' x </dev/zero | dd of=/dev/vda bs=1M count=8 iflag=fullblock conv=fsync";
        Queztl.Result full = run(file + ",format=" + format, fill);
        assertThat(full.status()).isZero();
        long before = blocks(file);
        assertThat(before).isGreaterThan(8 << 11);
        Queztl.Result result =
                run(
                        file + ",format=" + format,
                        "blkdiscard -l 6M /dev/vda && sync && dd if=/dev/vda bs=1M count=6 2>/dev/null | tr -d '\\0' | wc -c");
        assertThat(result.out()).isEqualTo("0\n");
        assertThat(blocks(file)).isLessThan(before - (5 << 11));
    }

    /** Space that a file takes, in units of 512 bytes. */
    private static long blocks(Path file) throws Exception {
        Process p = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
        String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        assertThat(p.waitFor()).isZero();
        return Long.parseLong(text.strip());
    }

    @Test
    void disk_thatIsExported_isInUse() throws Exception {
        Path file = image(ImageFormat.QCOW2);
        Path socket = folder.resolve("export");
        Process serve =
                process("image", "serve", "--format", "qcow2", "--socket", "" + socket, "" + file);
        try {
            while (serve.isAlive() && !Files.exists(socket)) {
                Thread.sleep(50);
            }
            Queztl.Result second = Queztl.run("run", "--disk", file + ",format=qcow2");
            assertThat(second.status()).isEqualTo(4);
            assertThat(second.err()).contains("is in use").hasLineCount(1);
        } finally {
            serve.destroyForcibly();
        }
    }

    @Test
    void disk_ofADirectoryOrMissing_isRefused() {
        assertThat(Queztl.run("run", "--disk", folder + ",format=raw").err()).contains("folder");
        Queztl.Result missing = Queztl.run("run", "--disk", folder + "/none,format=raw");
        assertThat(missing.status()).isEqualTo(4);
        Queztl.Result nobody =
                Queztl.run("run", "--disk", "nbd+unix:///?socket=" + folder + "/none");
        assertThat(nobody.err()).contains("nbd+unix").hasLineCount(1);
        assertThat(nobody.status()).isEqualTo(4);
        assertThat(Queztl.run("run", "--disk", "x,format=nbd").status()).isEqualTo(2);
        assertThat(Files.exists(folder.resolve("none"))).isFalse();
    }
}
