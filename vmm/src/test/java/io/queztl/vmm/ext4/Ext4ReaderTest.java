package io.queztl.vmm.ext4;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.testkit.random.Seeds;
import io.queztl.vmm.disk.DiskFormatException;
import io.queztl.vmm.disk.DiskSlice;
import io.queztl.vmm.disk.MemoryImage;
import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.Spool;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** File systems of mke2fs and of our own writer, sound and damaged. */
class Ext4ReaderTest {
    private static final int MIB = 1 << 20;
    private static final int MOST = 8 * MIB;
    private static final int MANY = 1200;

    /** What one reading of a damaged image may read: the image some times over. */
    private static final long READ_LIMIT = 512L << 20;

    private static final List<String> PATHS =
            List.of(
                    "boot/kernel",
                    "/boot/sparse",
                    "link",
                    "absolute",
                    "up",
                    "long",
                    "many/name700");

    @TempDir Path folder = Path.of("");
    private final byte[] kernel = random(300_000);

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private Path tree() throws IOException {
        Path root = Files.createDirectory(folder.resolve("root"));
        Files.createDirectories(root.resolve("boot"));
        Files.write(root.resolve("boot/kernel"), kernel);
        try (RandomAccessFile sparse =
                new RandomAccessFile(root.resolve("boot/sparse").toFile(), "rw")) {
            sparse.seek(700_000);
            sparse.write(random(100_000));
            sparse.setLength(1_000_001);
        }
        Files.createDirectories(root.resolve("many"));
        for (int i = 0; i < MANY; i++) {
            Files.writeString(root.resolve("many/name" + i), "content " + i);
        }
        link(root, "link", "boot/kernel");
        link(root, "absolute", "/boot/./kernel");
        link(root, "up", "../../boot/../../boot/kernel");
        link(root, "long", "boot/" + "./".repeat(60) + "kernel");
        link(root, "loop", "loop");
        return root;
    }

    private static void link(Path root, String name, String target) throws IOException {
        Path ignored = Files.createSymbolicLink(root.resolve(name), Path.of(target));
    }

    private Path make(String options) throws Exception {
        Ext4Tools.assume();
        Path image = folder.resolve("image");
        List<String> line = new ArrayList<>(List.of("mke2fs", "-q", "-L", "label"));
        line.addAll(Arrays.asList(options.split(" ")));
        line.addAll(List.of("-d", tree().toString(), image.toString(), "24M"));
        String ignored = Ext4Tools.run(0, line.toArray(String[]::new));
        return image;
    }

    private static Ext4Reader open(Path image) throws IOException {
        return Ext4Reader.open(DiskSlice.of(new MemoryImage(Files.readAllBytes(image))));
    }

    private void check(Ext4Reader reader) throws IOException {
        for (String path : List.of("boot/kernel", "link", "absolute", "up", "long")) {
            assertThat(reader.read(path, MOST)).as(path).isEqualTo(kernel);
        }
        byte[] sparse = new byte[1_000_001];
        System.arraycopy(random(100_000), 0, sparse, 700_000, 100_000);
        assertThat(reader.read("boot/sparse", MOST)).isEqualTo(sparse);
        assertThat(reader.list("/many")).hasSize(MANY).contains("name0", "name" + (MANY - 1));
        assertThat(reader.read("many/name700", MOST)).asString().isEqualTo("content 700");
        assertThat(reader.isFile("many")).isFalse();
        assertThat(reader.isDirectory("boot/../many/.")).isTrue();
        assertThat(reader.read("boot/none", MOST)).isNull();
        assertThat(reader.list("boot/kernel/x")).isEmpty();
        assertThatThrownBy(() -> reader.read("loop", MOST))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("too many symbolic links");
        assertThatThrownBy(() -> reader.read("boot/kernel", 1000))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("300000 bytes");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-t ext4",
                "-t ext4 -b 1024 -O ^64bit",
                "-t ext4 -b 1024 -O meta_bg,^resize_inode -g 1024",
                "-t ext4 -O bigalloc -C 16384",
                "-t ext3 -b 1024",
                "-t ext2 -b 1024 -I 128 -O ^dir_index,^sparse_super,^resize_inode",
                "-t ext2 -b 4096 -r 0",
            })
    void fileSystemOfMke2fs_isRead(String options) throws Exception {
        Ext4Reader reader = open(make(options));
        check(reader);
        assertThat(reader.label()).isEqualTo("label");
    }

    @Test
    void fileSystemOfOurs_isRead() throws Exception {
        UUID id = UUID.fromString("6f4ab1f0-0c55-4b21-9d5e-3f1b8a2c7d10");
        Path image = folder.resolve("image");
        try (Spool spool = Spool.in(folder, 1L << 30)) {
            FileTree tree = new FileTree(spool);
            tree.file("boot/kernel", 0644, kernel);
            tree.add(
                    "long",
                    new FileNode(FileNode.Kind.SYMBOLIC_LINK, 0777)
                            .pointingTo("boot/" + "./".repeat(60) + "kernel"));
            Ext4Writer.write(tree, image, 32 * MIB, id, "ours", 1_700_000_000);
        }
        Ext4Reader reader = open(image);
        assertThat(reader.uuid()).isEqualTo(id);
        assertThat(reader.label()).isEqualTo("ours");
        assertThat(reader.read("long", MOST)).isEqualTo(kernel);
        assertThat(reader.list("")).contains("boot", "long");
    }

    /** What a journal has of blocks counts, unless it was revoked since. */
    @ParameterizedTest
    @ValueSource(strings = {"-t ext4", "-t ext4 -b 1024 -O ^64bit", "-t ext3"})
    void journalThatWasNotReplayed_counts(String options) throws Exception {
        Path image = make(options);
        long changed = block(image, "/many/name1");
        long revoked = block(image, "/many/name2");
        long magic = block(image, "/many/name3");
        int size = options.contains("1024") ? 1024 : 4096;
        Path text =
                Files.write(
                        folder.resolve("text"),
                        Arrays.copyOf("CONTENT".getBytes(StandardCharsets.US_ASCII), size));
        byte[] escaped =
                Arrays.copyOf(new byte[] {(byte) 0xc0, 0x3b, 0x39, (byte) 0x98, 'x'}, size);
        Path other = Files.write(folder.resolve("other"), escaped);
        Path commands = folder.resolve("commands");
        Files.writeString(
                commands,
                "jo\njw -b %d %s\njw -b %d %s\njw -r %d\njw -b %d %s\njc\n"
                        .formatted(changed, text, revoked, text, revoked, magic, other));
        String ignored =
                Ext4Tools.run(0, "debugfs", "-w", "-f", commands.toString(), image.toString());
        Ext4Reader reader = open(image);
        assertThat(reader.read("many/name1", MOST)).asString().isEqualTo("CONTENT\0\0");
        assertThat(reader.read("many/name2", MOST)).asString().isEqualTo("content 2");
        assertThat(reader.read("many/name3", MOST)).isEqualTo(Arrays.copyOf(escaped, 9));
        check(reader);
    }

    private static long block(Path image, String path) throws Exception {
        String[] words = Ext4Tools.debugfs(image, "blocks " + path).strip().split("\\s");
        return Long.parseLong(words[words.length - 1]);
    }

    @Test
    void whatIsNotRead_isRefusedInASentence() throws Exception {
        Path image = make("-t ext4 -O inline_data");
        assertThatThrownBy(() -> open(image).read("many/name1", MOST))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("in their inodes");
        byte[] bytes = Files.readAllBytes(image);
        bytes[Ext4Layout.SUPERBLOCK_AT + Ext4Layout.S_INCOMPATIBLE + 1] |= 0x10;
        assertThatThrownBy(() -> Ext4Reader.open(DiskSlice.of(new MemoryImage(bytes))))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("0x1000");
        assertThatThrownBy(() -> Ext4Reader.open(DiskSlice.of(new MemoryImage(new byte[MIB]))))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("no ext4");
        byte[] half = Arrays.copyOf(Files.readAllBytes(image), 12 * MIB);
        assertThatThrownBy(() -> Ext4Reader.open(DiskSlice.of(new MemoryImage(half))))
                .isInstanceOf(DiskFormatException.class)
                .hasMessageContaining("room for");
    }

    /** Bytes are flipped where tables are; whatever comes of it ends, soon, and as documented. */
    @ParameterizedTest
    @ValueSource(strings = {"-t ext4 -b 1024", "-t ext3 -b 1024 -J size=1"})
    void damagedFileSystem_isReadOrRefused(String options) throws Exception {
        Path file = make(options);
        long used = block(file, "/many/name2");
        Path text = Files.write(folder.resolve("text"), new byte[1024]);
        Path commands = folder.resolve("commands");
        Files.writeString(commands, "jo\njw -b %d %s\njw -r %d\njc\n".formatted(used, text, used));
        String ignored =
                Ext4Tools.run(0, "debugfs", "-w", "-f", commands.toString(), file.toString());
        Random random = new Random(Seeds.seed("Ext4ReaderTest"));
        byte[] bytes = Files.readAllBytes(file);
        int[] places = places(bytes);
        MemoryImage image = new MemoryImage(bytes);
        int refused = 0;
        for (int i = 0; i < (Seeds.all() ? 200_000 : 5_000); i++) {
            int n = 1 + random.nextInt(3);
            int[] at = new int[n];
            byte[] kept = new byte[n];
            for (int k = 0; k < n; k++) {
                at[k] = places[random.nextInt(places.length)];
                kept[k] = bytes[at[k]];
                bytes[at[k]] = random.nextInt(3) == 0 ? (byte) -1 : (byte) random.nextInt();
            }
            image.read = 0;
            refused += reads(image) ? 0 : 1;
            assertThat(image.read).isLessThan(READ_LIMIT);
            for (int k = n - 1; k >= 0; k--) {
                bytes[at[k]] = kept[k];
            }
        }
        assertThat(refused).isPositive();
    }

    private static boolean reads(MemoryImage image) throws IOException {
        try {
            Ext4Reader reader = Ext4Reader.open(DiskSlice.of(image));
            List<String> names = reader.list("/boot");
            assertThat(names).hasSizeLessThan(1 << 20);
            for (String path : PATHS) {
                if (reader.isFile(path)) {
                    reader.copy(path, OutputStream.nullOutputStream(), MOST);
                }
            }
            return true;
        } catch (DiskFormatException e) {
            assertThat(e.getMessage()).matches("(it|the) .*|its .*").doesNotContain("\n");
            return false;
        }
    }

    /**
     * Where flips have an effect: the superblock and the tables behind it, inodes that are used,
     * directories, the journal's blocks; not the content of files.
     */
    private static int[] places(byte[] bytes) {
        int tables = 0;
        int[] places = new int[bytes.length];
        for (int block = 0; block + 1024 <= bytes.length; block += 1024) {
            int zeroes = 0;
            for (int i = 0; i < 1024; i++) {
                zeroes += bytes[block + i] == 0 ? 1 : 0;
            }
            // Neither holes nor noise.
            if (zeroes > 200 && zeroes < 1024) {
                for (int i = 0; i < 1024; i++) {
                    if (bytes[block + i] != 0 || i < 64) {
                        places[tables++] = block + i;
                    }
                }
            }
        }
        return Arrays.copyOf(places, tables);
    }
}
