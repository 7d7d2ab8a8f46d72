package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.queztl.linux.HostFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** qcow2 against a byte array, and against qemu-img as the oracle of the format. */
class Qcow2ImageTest {
    @TempDir private Path folder = Path.of("");

    private static void qemu(String... command) throws Exception {
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.PIPE)
                        .start();
        String out = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as("%s: %s", List.of(command), out).isZero();
    }

    private static boolean hasQemu() {
        boolean there = Files.isExecutable(Path.of("/usr/bin/qemu-img"));
        if (!there) {
            System.out.println("skipped: qemu-img (package qemu-utils) is not installed");
        }
        return there;
    }

    private static DiskImage open(Path path) throws IOException {
        return Images.open(path, ImageFormat.QCOW2, ImageOptions.WRITABLE);
    }

    private static byte[] content(DiskImage image) throws IOException {
        byte[] all = new byte[(int) image.size()];
        image.read(0, MemorySegment.ofArray(all));
        return all;
    }

    private static boolean readNow(DiskImage image, long at, byte[] data) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(data.length);
            boolean done = image.readNow(at, ScatterList.of(memory));
            if (done) {
                MemorySegment.ofArray(data).copyFrom(memory);
            }
            return done;
        }
    }

    @Test
    void readNow_ofDataAndHoles_needsTheTableInMemory() throws Exception {
        Path file = folder.resolve("now.qcow2");
        Images.createQcow2(file, 1 << 20, 65536, 3);
        byte[] data = new byte[4096];
        try (DiskImage image = open(file)) {
            assertThat(readNow(image, 0, data)).as("no table at all").isTrue();
            Arrays.fill(data, (byte) 7);
            image.write(65536, MemorySegment.ofArray(data));
            image.flush();
        }
        try (DiskImage image = open(file)) {
            assertThat(readNow(image, 65536, data)).as("table not read yet").isFalse();
            image.read(0, MemorySegment.ofArray(data));
            assertThat(data).containsOnly(0);
            boolean linux = HostFile.available();
            assertThat(readNow(image, 65536, data)).isEqualTo(linux);
            assertThat(data).containsOnly(linux ? 7 : 0);
            assertThat(readNow(image, 65536 - 4, data)).as("a hole and data").isFalse();
            assertThat(readNow(image, (1 << 20) - 4, data)).as("past the end").isFalse();
        }
    }

    /** Random work on the image and on a byte array; what the array then is. */
    private static byte[] work(Path path, byte[] start, long seed, int steps, boolean resize)
            throws IOException {
        Random random = new Random(seed);
        byte[] model = start;
        DiskImage image = open(path);
        try {
            for (int i = 0; i < steps; i++) {
                int at = random.nextInt(model.length);
                int most = random.nextInt(4) == 0 ? 300_000 : 9000;
                int n = Math.min(1 + random.nextInt(most), model.length - at);
                switch (random.nextInt(12)) {
                    case 0, 1, 2, 3, 4 -> {
                        byte[] data = new byte[n];
                        random.nextBytes(data);
                        image.write(at, MemorySegment.ofArray(data));
                        System.arraycopy(data, 0, model, at, n);
                    }
                    case 5, 6 -> {
                        byte[] data = new byte[n];
                        if (!readNow(image, at, data)) {
                            image.read(at, MemorySegment.ofArray(data));
                        }
                        assertThat(Arrays.mismatch(data, Arrays.copyOfRange(model, at, at + n)))
                                .as("seed %d step %d", seed, i)
                                .isEqualTo(-1);
                    }
                    case 7, 8 -> {
                        image.writeZeroes(at, n, random.nextBoolean());
                        Arrays.fill(model, at, at + n, (byte) 0);
                    }
                    case 9 -> {
                        int unit = image.allocationUnit();
                        int from = (at + unit - 1) / unit * unit;
                        int to = (at + n) / unit * unit;
                        image.discard(at, n);
                        if (at + n == model.length) {
                            to = at + n;
                        }
                        if (from < to) {
                            Arrays.fill(model, from, to, (byte) 0);
                        }
                    }
                    case 10 -> image.flush();
                    default -> {
                        if (resize && random.nextInt(4) == 0) {
                            int size = 512 * (1000 + random.nextInt(20_000));
                            image.resize(size);
                            model = Arrays.copyOf(model, size);
                        } else if (random.nextInt(4) == 0) {
                            image.close();
                            image = open(path);
                        }
                    }
                }
            }
        } finally {
            image.close();
        }
        try (DiskImage again = open(path)) {
            assertThat(Arrays.mismatch(content(again), model)).as("seed %d", seed).isEqualTo(-1);
            assertThat(Images.check(again)).as("seed %d", seed).containsExactly(0, 0);
        }
        return model;
    }

    private void compare(Path image, byte[] model) throws Exception {
        Path raw = Files.write(folder.resolve("model.raw"), model);
        qemu("qemu-img", "check", "-f", "qcow2", image.toString());
        qemu("qemu-img", "compare", "-f", "qcow2", "-F", "raw", image.toString(), raw.toString());
    }

    @ParameterizedTest
    @CsvSource({"4096,3", "65536,3", "65536,2", "2097152,3"})
    void randomWork_equalsModelAndPassesQemuCheck(int cluster, int version) throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Path path = folder.resolve("ours.qcow2");
        int size = 6_000_128;
        Images.createQcow2(path, size, cluster, version);
        byte[] model = work(path, new byte[size], seed, 600, true);
        if (hasQemu()) {
            compare(path, model);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "cluster_size=512",
                "refcount_bits=1",
                "refcount_bits=4",
                "refcount_bits=64,cluster_size=1024",
                "compat=0.10",
                "lazy_refcounts=on",
                "compression_type=zstd"
            })
    void imageOfQemu_isReadAndWritten(String options) throws Exception {
        assumeTrue(hasQemu(), "qemu-img is not installed");
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        byte[] model = new byte[5 << 20];
        Random random = new Random(seed);
        for (int at = 0; at < 3 << 20; at++) {
            model[at] = (byte) ((at >> 16 & 1) == 0 ? random.nextInt(3) : random.nextInt());
        }
        Path raw = Files.write(folder.resolve("in.raw"), model);
        Path path = folder.resolve("theirs.qcow2");
        List<String> command = new ArrayList<>(List.of("qemu-img", "convert", "-f", "raw", "-O"));
        command.addAll(List.of("qcow2", "-o", options));
        if (!options.contains("refcount_bits=1")) {
            command.add("-c");
        }
        command.addAll(List.of(raw.toString(), path.toString()));
        qemu(command.toArray(String[]::new));
        boolean snapshot = !options.contains("refcount_bits=1");
        if (snapshot) {
            qemu("qemu-img", "snapshot", "-c", "before", path.toString());
        }
        byte[] original = model.clone();
        byte[] now = work(path, model, seed, 400, false);
        compare(path, now);
        if (snapshot) {
            qemu("qemu-img", "snapshot", "-a", "before", path.toString());
            compare(path, original);
        }
    }

    @Test
    void backingFile_isFollowedOnlyWhenAskedFor() throws Exception {
        assumeTrue(hasQemu(), "qemu-img is not installed");
        byte[] base = new byte[1 << 20];
        new Random(1).nextBytes(base);
        Files.write(folder.resolve("base.raw"), base);
        Path path = folder.resolve("top.qcow2");
        qemu(
                "qemu-img",
                "create",
                "-q",
                "-f",
                "qcow2",
                "-F",
                "raw",
                "-b",
                "base.raw",
                path.toString());
        assertThatThrownBy(() -> open(path)).hasMessageContaining("only when asked for");
        try (DiskImage image =
                Images.open(path, ImageFormat.QCOW2, new ImageOptions(false, true))) {
            image.write(70_000, MemorySegment.ofArray(new byte[] {7}));
            image.writeZeroes(1 << 17, 1 << 16, true);
            base[70_000] = 7;
            Arrays.fill(base, 1 << 17, (1 << 17) + (1 << 16), (byte) 0);
            assertThat(Arrays.mismatch(content(image), base)).isEqualTo(-1);
        }
        compare(path, base);
    }

    @Test
    void malformedImages_areRefusedOrGoOnWithoutOtherErrors() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Path path = folder.resolve("seed.qcow2");
        Images.createQcow2(path, 1 << 20, 4096, 3);
        byte[] data = new byte[100_000];
        try (DiskImage image = open(path)) {
            random.nextBytes(data);
            image.write(5000, MemorySegment.ofArray(data));
        }
        byte[] good = Files.readAllBytes(path);
        Path bad = folder.resolve("bad.qcow2");
        for (int i = 0; i < 400; i++) {
            byte[] b = good.clone();
            int changes = 1 + random.nextInt(4);
            for (int k = 0; k < changes; k++) {
                int place = random.nextInt(3);
                int at = place == 0 ? random.nextInt(112) : random.nextInt(8 * 4096);
                b[at] = (byte) random.nextInt();
            }
            if (random.nextInt(8) == 0) {
                b = Arrays.copyOf(b, random.nextInt(b.length));
            }
            Files.write(bad, b);
            long start = System.nanoTime();
            try (DiskImage image = open(bad)) {
                if (image.size() > 110_000) {
                    image.read(0, MemorySegment.ofArray(new byte[110_000]));
                    image.write(50_000, MemorySegment.ofArray(data).asSlice(0, 50_000));
                    image.flush();
                }
                Images.check(image);
            } catch (IOException e) {
                assertThat(e.getMessage()).as("seed %d case %d", seed, i).isNotEmpty();
            }
            assertThat(System.nanoTime() - start)
                    .as("seed %d case %d", seed, i)
                    .isLessThan(2_000_000_000L);
        }
    }
}
