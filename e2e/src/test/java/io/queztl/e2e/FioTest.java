package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.devices.storage.NbdServer;
import io.queztl.vmm.image.CpioWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Debian's fio in the guest: it writes blocks of every size with their checksums, many at a time
 * and with fsync in between, and reads them all back; once more after another boot. The program
 * comes with its libraries as an archive on a second disk.
 */
@Timeout(1800)
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "minutes of disk traffic; ./dev e2e FioTest")
class FioTest {
    private static final Path FIO = Path.of("/usr/bin/fio");
    private static final int SIZE = 192 << 20;
    private static final int CLUSTER = 65536;

    /** Jobs behind each other on the disk: block sizes, requests at a time, MiB. */
    private static final List<String> JOBS =
            List.of(
                    "512-512 1 1",
                    "512-512 32 1",
                    "4k-4k 1 4",
                    "4k-4k 32 8",
                    "64k-64k 1 16",
                    "64k-64k 32 16",
                    "1m-1m 1 32",
                    "1m-1m 32 32",
                    "512-1m 16 64");

    @TempDir Path folder = Path.of("");

    private static String jobs() {
        StringBuilder text = new StringBuilder();
        text.append("[global]\nioengine=libaio\ndirect=1\nfilename=/dev/vda\nrw=randwrite\n");
        text.append("verify=crc32c\nverify_fatal=1\ndo_verify=1\nfsync=16\nrandrepeat=1\n");
        text.append("allrandrepeat=1\nthread=1\nstonewall\n");
        int offset = 0;
        for (String job : JOBS) {
            String[] words = job.split(" ");
            text.append("[blocks-%s-depth-%s]\n".formatted(words[0], words[1]));
            text.append("bsrange=%s\niodepth=%s\n".formatted(words[0], words[1]));
            text.append("offset=%dm\nsize=%sm\n".formatted(offset, words[2]));
            offset += Integer.parseInt(words[2]);
        }
        return text.toString();
    }

    /** The archive, of whole sectors. */
    private Path archive() throws Exception {
        Path file = folder.resolve("fio.cpio");
        try (CpioWriter cpio =
                new CpioWriter(new BufferedOutputStream(Files.newOutputStream(file)))) {
            Process ldd = new ProcessBuilder("ldd", FIO.toString()).start();
            String list =
                    new String(ldd.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            Matcher library = Pattern.compile("(?m)(/\\S+) \\(0x").matcher(list);
            while (library.find()) {
                add(cpio, Path.of(library.group(1)));
            }
            add(cpio, FIO);
            cpio.file("verify.fio", 0644, jobs().getBytes(StandardCharsets.US_ASCII));
        }
        Files.write(
                file,
                new byte[(int) (-Files.size(file) & 511)],
                java.nio.file.StandardOpenOption.APPEND);
        return file;
    }

    private static void add(CpioWriter cpio, Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            cpio.file(file.toString(), 0755, in, Files.size(file));
        }
    }

    private String run(String disk, Path archive, int cpus, String command) {
        Queztl.Result result =
                Queztl.run(
                        "run",
                        "-m",
                        "768M",
                        "-c",
                        "" + cpus,
                        "--disk",
                        disk,
                        "--disk",
                        archive + ",format=raw,ro",
                        "--exec",
                        "cd / && cpio -id </dev/vdb && " + command);
        assertThat(result.status()).as(result.out() + result.err()).isZero();
        return result.out();
    }

    private void verify(String disk, int cpus) throws Exception {
        Path archive = archive();
        long start = System.nanoTime();
        String wrote = run(disk, archive, cpus, "/usr/bin/fio verify.fio");
        assertThat(wrote.split("err= 0", -1)).as(wrote).hasSize(JOBS.size() + 1);
        String again =
                "sed 's/^stonewall/&\\nverify_only=1/' verify.fio >again && /usr/bin/fio again";
        assertThat(run(disk, archive, cpus, again).split("err= 0", -1)).hasSize(JOBS.size() + 1);
        System.out.printf("%s: %d s%n", disk, (System.nanoTime() - start) / 1_000_000_000);
    }

    @ParameterizedTest
    @CsvSource({"RAW, 1", "QCOW2, 1", "QCOW2, 2", "NBD, 1"})
    void verify_blocksOfEverySize_isClean(ImageFormat format, int cpus) throws Exception {
        assumeTrue(Files.isExecutable(FIO), "fio (Debian package fio) is not installed");
        Path file = folder.resolve("disk");
        ImageFormat kept = format == ImageFormat.RAW ? ImageFormat.RAW : ImageFormat.QCOW2;
        if (kept == ImageFormat.RAW) {
            Images.createRaw(file, SIZE);
        } else {
            Images.createQcow2(file, SIZE, CLUSTER, 3);
        }
        if (format != ImageFormat.NBD) {
            verify(file + ",format=" + format, cpus);
        } else {
            Path socket = folder.resolve("nbd");
            try (DiskImage image = Images.open(file, kept, ImageOptions.WRITABLE);
                    NbdServer server =
                            new NbdServer(image, "d", UnixDomainSocketAddress.of(socket))) {
                Thread ignored = Thread.ofPlatform().daemon().start(() -> serve(server));
                verify("nbd+unix:///d?socket=" + socket, cpus);
            }
        }
        try (DiskImage image = Images.open(file, kept, ImageOptions.READ_ONLY)) {
            assertThat(Images.check(image)).containsExactly(0, 0);
        }
        if (kept == ImageFormat.QCOW2 && Files.isExecutable(Path.of("/usr/bin/qemu-img"))) {
            Tool.run("qemu-img", "check", "-f", "qcow2", file.toString());
        }
    }

    private static void serve(NbdServer server) {
        try {
            server.run();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
