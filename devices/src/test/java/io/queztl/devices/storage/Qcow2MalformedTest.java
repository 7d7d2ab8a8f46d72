package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Malformed qcow2 images, in a JVM with a heap of 256 MiB: each is refused in one sentence, or is
 * used without any other error, and takes less than two seconds of processor time.
 */
@Timeout(1800)
class Qcow2MalformedTest {
    private static final int CLUSTER = 4096;
    private static final int L1 = 36;
    private static final int VERSION_3_HEADER = 112;
    private static final int LIMIT_MILLIS = 2_000;

    @TempDir private Path folder = Path.of("");

    @Test
    void malformedImages_areRefusedInOneSentenceOrUsed() throws Exception {
        run(
                "fuzz",
                String.valueOf(Seeds.seed("Qcow2MalformedTest")),
                Seeds.all() ? "100000" : "2000");
    }

    @Test
    void namedCases_areRefused() throws Exception {
        run("named");
    }

    private void run(String... arguments) throws Exception {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        line.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
        line.add(
                String.join(
                        ":",
                        CrashTest.location(Qcow2MalformedTest.class),
                        CrashTest.location(Images.class),
                        CrashTest.location(io.queztl.linux.HostFile.class),
                        CrashTest.location(io.airlift.compress.v3.zstd.ZstdInputStream.class)));
        line.addAll(List.of(Opener.class.getName(), folder.toString()));
        line.addAll(List.of(arguments));
        Process child = new ProcessBuilder(line).redirectErrorStream(true).start();
        String output = new String(child.getInputStream().readAllBytes());
        System.out.print(output);
        assertThat(child.waitFor()).as(output).isZero();
    }

    /** The child: makes images, uses them, and ends with status 1 at the first that goes wrong. */
    static final class Opener {
        private final Path folder;
        private long slowest;
        private int refused;

        private Opener(Path folder) {
            this.folder = folder;
        }

        public static void main(String[] args) throws Exception {
            Opener opener = new Opener(Path.of(args[0]));
            if (args[1].equals("named")) {
                opener.named();
            } else {
                opener.fuzz(new Random(Long.parseLong(args[2])), Integer.parseInt(args[3]));
            }
            System.out.printf(
                    "%d refused, slowest %d ms of processor time%n",
                    opener.refused, opener.slowest);
        }

        /** Processor time of this thread (proc_pid_stat(5), utime and stime), in steps of 10 ms. */
        private static long cpuMillis() {
            try {
                String stat = Files.readString(Path.of("/proc/thread-self/stat"));
                String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
                return 10 * (Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        /** Everything one can do with an image; the sentence that refused something, or null. */
        private @Nullable String use(Path file, boolean write, String what) {
            long start = cpuMillis();
            @Nullable String sentence = null;
            ImageOptions options = write ? ImageOptions.WRITABLE : ImageOptions.READ_ONLY;
            try (DiskImage image = Images.open(file, ImageFormat.QCOW2, options)) {
                Object ignored = image.info();
                long[] found = Images.check(image);
                if (found[0] > 0) {
                    sentence = "check finds " + found[0] + " errors";
                }
                int n = (int) Math.min(image.size(), 300_000);
                byte[] data = new byte[n];
                image.read(0, MemorySegment.ofArray(data));
                image.read(image.size() - n, MemorySegment.ofArray(data));
                if (write && n > 100_000) {
                    image.write(50_000, MemorySegment.ofArray(data).asSlice(0, 50_000));
                    image.discard(0, n);
                    image.writeZeroes(image.size() - n, n, true);
                    image.flush();
                }
            } catch (IOException e) {
                sentence = String.valueOf(e.getMessage());
                refused++;
                if (sentence.isBlank() || sentence.contains("\n") || sentence.length() > 600) {
                    throw new AssertionError(what + ": no sentence: " + sentence);
                }
            } catch (RuntimeException | Error e) {
                throw new AssertionError(what + " write " + write, e);
            }
            long took = cpuMillis() - start;
            slowest = Math.max(slowest, took);
            if (took > LIMIT_MILLIS) {
                throw new AssertionError(what + " took " + took + " ms: " + sentence);
            }
            return sentence;
        }

        private byte[] image(int version, int cluster, long size) throws IOException {
            Path file = folder.resolve("good");
            Files.deleteIfExists(file);
            Images.createQcow2(file, size, cluster, version);
            byte[] data = new byte[100_000];
            new Random(1).nextBytes(data);
            try (DiskImage image = Images.open(file, ImageFormat.QCOW2, ImageOptions.WRITABLE)) {
                image.write(5000, MemorySegment.ofArray(data));
                image.write(size - 20_000, MemorySegment.ofArray(data).asSlice(0, 20_000));
            }
            return Files.readAllBytes(file);
        }

        /** Adds compressed clusters and a snapshot, which only qemu-img makes; else the same. */
        private byte[] withSnapshot(byte[] plain, String compression) throws Exception {
            if (!Files.isExecutable(Path.of("/usr/bin/qemu-img"))) {
                System.out.println("no snapshots: qemu-img (package qemu-utils) is not installed");
                return plain;
            }
            Path file = Files.write(folder.resolve("plain"), plain);
            String packed = folder.resolve("packed").toString();
            qemu("convert", "-c", "-O", "qcow2", "-o", compression, file.toString(), packed);
            qemu("snapshot", "-c", "one", packed);
            qemu("snapshot", "-c", "two", packed);
            return Files.readAllBytes(Path.of(packed));
        }

        private static void qemu(String... arguments) throws Exception {
            List<String> line = new ArrayList<>(List.of("qemu-img"));
            line.addAll(List.of(arguments));
            Process p = new ProcessBuilder(line).inheritIO().start();
            if (p.waitFor() != 0) {
                throw new IOException(line + " failed");
            }
        }

        private void fuzz(Random random, int cases) throws Exception {
            List<byte[]> seeds = new ArrayList<>();
            seeds.add(image(3, CLUSTER, 1 << 20));
            seeds.add(image(2, CLUSTER, 1 << 20));
            seeds.add(image(3, 65536, 1 << 20));
            seeds.add(withSnapshot(seeds.get(0), "cluster_size=4096"));
            seeds.add(withSnapshot(seeds.get(0), "cluster_size=4096,compression_type=zstd"));
            Path file = folder.resolve("bad");
            for (int n = 0; n < cases; n++) {
                int seed = random.nextInt(seeds.size());
                byte[] bad = seeds.get(seed).clone();
                StringBuilder what = new StringBuilder("case " + n + " of image " + seed);
                int changes = 1 + random.nextInt(3);
                for (int i = 0; i < changes; i++) {
                    what.append(change(bad, random));
                }
                if (random.nextInt(10) == 0) {
                    bad = Arrays.copyOf(bad, random.nextInt(bad.length));
                    what.append(", cut to ").append(bad.length);
                }
                Files.write(file, bad);
                @Nullable String ignored = use(file, random.nextBoolean(), what.toString());
            }
        }

        /** Changes a field of the header, an entry of a table, or bytes anywhere. */
        private static String change(byte[] image, Random random) {
            ByteBuffer b = ByteBuffer.wrap(image);
            int cluster = 1 << Math.clamp(b.getInt(20), 9, 16);
            int[] fields = {4, 8, 16, 20, 24, 32, 36, 40, 48, 56, 60, 64, 72, 80, 88, 96, 100, 104};
            int field = fields[random.nextInt(fields.length)];
            boolean wide = field % 8 == 0 && field != 16 && field != 32 && field != 56;
            long value = interesting(random, image.length, cluster);
            int table =
                    switch (random.nextInt(5)) {
                        case 0 -> (int) b.getLong(40);
                        case 1 -> (int) b.getLong(48);
                        case 2 -> (int) b.getLong(64);
                        case 3 -> random.nextInt(image.length / cluster) * cluster;
                        default -> -1;
                    };
            if (table > 0 && table < image.length - 512) {
                int at = table + 8 * random.nextInt(64);
                b.putLong(at, value);
                return ", %d: 0x%x".formatted(at, value);
            }
            if (random.nextInt(8) == 0) {
                int at = random.nextInt(image.length);
                image[at] = (byte) random.nextInt();
                return ", byte %d".formatted(at);
            }
            if (wide) {
                b.putLong(field, value);
            } else {
                b.putInt(field, (int) value);
            }
            return ", header %d: 0x%x".formatted(field, value);
        }

        private static long interesting(Random random, int length, int cluster) {
            long place = (long) random.nextInt(length / cluster + 2) * cluster;
            long flags =
                    switch (random.nextInt(4)) {
                        case 0 -> Qcow2Entries.COPIED;
                        case 1 -> Qcow2Entries.COMPRESSED;
                        case 2 -> Qcow2Entries.COPIED | 1;
                        default -> 0;
                    };
            return switch (random.nextInt(8)) {
                case 0 -> random.nextLong();
                case 1 -> random.nextInt(70) - 3;
                case 2 -> 1L << random.nextInt(64);
                case 3 -> (1L << random.nextInt(64)) - 1;
                case 4 -> length + random.nextInt(3) - 1;
                default -> place | flags;
            };
        }

        // ---- the named cases

        private interface Change {
            void apply(ByteBuffer image);
        }

        private void named() throws Exception {
            Map<String, Change> cases = new LinkedHashMap<>();
            cases.put("it is no qcow2 image", b -> b.putInt(0, 1));
            cases.put("its version is 4", b -> b.putInt(4, 4));
            cases.put("its version is 4294967295", b -> b.putInt(4, -1));
            cases.put("clusters are of 2^8", b -> b.putInt(20, 8));
            cases.put("clusters are of 2^22", b -> b.putInt(20, 22));
            cases.put("clusters are of 2^2147483648", b -> b.putInt(20, 1 << 31));
            cases.put("it is encrypted", b -> b.putInt(32, 1));
            cases.put("L1 table is too big", b -> b.putInt(L1, Integer.MAX_VALUE));
            cases.put("L1 table is too small for its size", b -> b.putLong(24, 1L << 50));
            cases.put("L1 table is not inside", b -> b.putLong(40, 1L << 40));
            cases.put("L1 table is not inside the file", b -> b.putLong(40, 512));
            cases.put("refcount table is not inside", b -> b.putLong(48, -CLUSTER));
            cases.put("refcount table has a wrong size", b -> b.putInt(56, 0));
            cases.put("refcount table has a wrong", b -> b.putInt(56, 1 << 20));
            cases.put("refcount table is damaged", b -> b.putLong((int) b.getLong(48), 4097));
            cases.put("too many snapshots", b -> b.putInt(60, -1));
            cases.put("snapshot table is not inside", b -> b.putInt(60, 5).putLong(64, 1L << 50));
            cases.put("unknown incompatible features", b -> b.putLong(72, 1L << 40));
            cases.put("its data is in another file", b -> b.putLong(72, 4));
            cases.put("its compression is unknown", b -> b.putLong(72, 8).put(104, (byte) 9));
            cases.put("extended L2 entries", b -> b.putLong(72, 16));
            cases.put("refcounts may be wrong", b -> b.putLong(72, 1));
            cases.put("it is marked corrupt", b -> b.putLong(72, 2));
            cases.put("refcounts are too wide", b -> b.putInt(96, 7));
            cases.put("header's length is wrong", b -> b.putInt(100, 1 << 30));
            cases.put("name of its backing file is damaged", b -> b.putLong(8, 1 << 20));
            cases.put("name of its backing", b -> b.putLong(8, 200).putInt(16, 5000));
            cases.put(
                    "an L1 entry is damaged",
                    b -> b.putLong((int) b.getLong(40), 1L << 54 | Qcow2Entries.COPIED));
            cases.put("an L2 entry is damaged", b -> b.putLong(l2(b) + 8, 1L << 63 | 3 << 9));
            cases.put(
                    "a compressed cluster is not inside",
                    b -> b.putLong(l2(b) + 8, Qcow2Entries.COMPRESSED | 1L << 40));
            cases.put(
                    "a compressed cluster is damaged",
                    b -> b.putLong(l2(b) + 8, Qcow2Entries.COMPRESSED | 3 * CLUSTER));
            cases.put("its refcounts are damaged", b -> zeroRefcounts(b));
            Path file = folder.resolve("bad");
            byte[] good = image(3, CLUSTER, 1 << 20);
            cases.forEach((expected, change) -> {
                byte[] bad = good.clone();
                change.apply(ByteBuffer.wrap(bad));
                expect(file, bad, expected);
            });
            expect(file, new byte[0], "it is no qcow2 image");
            expect(file, Arrays.copyOf(good, 80), "its header is cut off");
            expect(file, Arrays.copyOf(good, VERSION_3_HEADER), "not inside the file");
            cycles(file, good);
            bombs(file, good);
        }

        private static int l2(ByteBuffer b) {
            return (int) (b.getLong((int) b.getLong(40)) & Qcow2Entries.OFFSET);
        }

        private static void zeroRefcounts(ByteBuffer b) {
            int block = (int) b.getLong((int) b.getLong(48));
            for (int i = 0; i < CLUSTER; i += 8) {
                b.putLong(block + i, 0);
            }
        }

        private void expect(Path file, byte[] bad, String expected) {
            try {
                Files.write(file, bad);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            String sentence = use(file, true, expected);
            if (sentence == null || !sentence.contains(expected)) {
                throw new AssertionError("expected '" + expected + "', not: " + sentence);
            }
            System.out.println(sentence.replace(file.toString(), "IMAGE"));
        }

        /** Tables that name themselves or each other. */
        private void cycles(Path file, byte[] good) throws IOException {
            ByteBuffer g = ByteBuffer.wrap(good);
            long l1 = g.getLong(40);
            long[][] cycles = {
                {l1, l1 | Qcow2Entries.COPIED}, // L1 names itself as L2
                {l1, g.getLong(48) | Qcow2Entries.COPIED}, // the refcount table as L2
                {l1, Qcow2Entries.COPIED}, // the header as L2: offset 0 is none
                {l2(g) + 8, l2(g) | Qcow2Entries.COPIED}, // L2 names itself as data
                {l2(g) + 8, l1 | Qcow2Entries.COPIED}, // L1 as data
                {g.getLong(48), g.getLong(48)}, // the refcount table as its own block
                {g.getLong(48), l1}, // L1 as a refcount block
                {g.getLong(48) + 8, g.getLong(g.getInt(52))}, // a block twice
            };
            for (long[] cycle : cycles) {
                byte[] bad = good.clone();
                ByteBuffer.wrap(bad).putLong((int) cycle[0], cycle[1]);
                Files.write(file, bad);
                for (boolean write : new boolean[] {false, true}) {
                    Files.write(file, bad);
                    String what = "cycle at %d: 0x%x".formatted(cycle[0], cycle[1]);
                    System.out.println(
                            what
                                    + ": "
                                    + String.valueOf(use(file, write, what))
                                            .replace(file.toString(), "IMAGE"));
                }
            }
        }

        /** Small in bytes, big in what they claim: files of holes. */
        private void bombs(Path file, byte[] good) throws IOException {
            // An L1 table of 32 MiB whose entries all name one L2 table of 2 MiB.
            bomb(
                    file,
                    good,
                    21,
                    f -> {
                        f.setLength(1L << 30);
                        f.seek(L1);
                        f.writeInt(4 << 20);
                        f.writeLong(64 << 20);
                        byte[] entries = new byte[32 << 20];
                        ByteBuffer b = ByteBuffer.wrap(entries);
                        while (b.hasRemaining()) {
                            b.putLong(Qcow2Entries.COPIED | 128 << 20);
                        }
                        f.seek(64 << 20);
                        f.write(entries);
                    });
            // 65,536 snapshots that share an L1 table of 32 MiB.
            bomb(
                    file,
                    good,
                    16,
                    f -> {
                        f.setLength(1L << 30);
                        f.seek(60);
                        f.writeInt(65536);
                        f.writeLong(256 << 20);
                        ByteBuffer table = ByteBuffer.allocate(65536 * 40);
                        for (int i = 0; i < 65536; i++) {
                            table.putLong(i * 40, 64 << 20).putInt(i * 40 + 8, 4 << 20);
                        }
                        f.seek(256 << 20);
                        f.write(table.array());
                    });
            // A refcount table of 8 MiB whose blocks are all over a file of a tebibyte.
            bomb(
                    file,
                    good,
                    16,
                    f -> {
                        f.setLength(1L << 40);
                        f.seek(48);
                        f.writeLong(64 << 20);
                        f.writeInt(128);
                        ByteBuffer table = ByteBuffer.allocate(8 << 20);
                        for (int i = 0; i < 1 << 20; i++) {
                            table.putLong((i * 15L + 4096) * 65536 % (1L << 40));
                        }
                        f.seek(64 << 20);
                        f.write(table.array());
                    });
        }

        private interface Filler {
            void fill(RandomAccessFile file) throws IOException;
        }

        private void bomb(Path file, byte[] good, int clusterBits, Filler filler)
                throws IOException {
            for (boolean write : new boolean[] {false, true}) {
                Files.deleteIfExists(file);
                Images.createQcow2(file, 1 << 20, 1 << clusterBits, 3);
                try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
                    filler.fill(f);
                }
                System.out.println(
                        String.valueOf(use(file, write, "bomb")).replace(file.toString(), "IMAGE"));
            }
            Files.deleteIfExists(file);
            Files.write(file, good);
        }
    }
}
