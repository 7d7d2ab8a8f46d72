package io.queztl.vmm.ext4;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.Spool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** File systems as e2fsprogs sees them. */
class Ext4WriterTest {
    private static final UUID ID = UUID.fromString("6f4ab1f0-0c55-4b21-9d5e-3f1b8a2c7d10");

    @TempDir Path folder = Path.of("");
    private Spool spool;
    private FileTree tree;

    @BeforeEach
    void open() throws IOException {
        Ext4Tools.assume();
        spool = Spool.in(folder, 8L << 30);
        tree = new FileTree(spool);
    }

    @AfterEach
    void close() throws IOException {
        if (spool != null) {
            spool.close();
        }
    }

    private Path write(long bytes) throws Exception {
        Path image = folder.resolve("image");
        Ext4Writer.write(tree, image, bytes, ID, "queztl", 1_700_000_000);
        Ext4Tools.check(image);
        return image;
    }

    @Test
    void emptyTree_isAFileSystem() throws Exception {
        Path image = write(64 << 20);
        assertThat(Ext4Tools.debugfs(image, "show_super_stats -h"))
                .contains("queztl", ID.toString(), "has_journal", "clean");
        assertThat(Files.size(image)).isEqualTo(64 << 20);
    }

    @Test
    void ownersModesLinksAndDevices_areKept() throws Exception {
        byte[] text = "hello\n".getBytes(StandardCharsets.US_ASCII);
        tree.file("bin/su", 0, text);
        node("bin/su").owned(04755, 0, 70000).changed(1_600_000_000, 250_000_000);
        tree.link("bin/also", "bin/su");
        tree.add("short", link("bin/su"));
        tree.add("long", link("x".repeat(60)));
        tree.add("longer", link("y".repeat(2000)));
        tree.add("dev/null", new FileNode(FileNode.Kind.CHARACTER_DEVICE, 0666).device(1, 3));
        tree.add("dev/big", new FileNode(FileNode.Kind.BLOCK_DEVICE, 0660).device(259, 70000));
        tree.add("pipe", new FileNode(FileNode.Kind.FIFO, 0600).owned(0600, 100_000, 5));
        tree.add("tmp", new FileNode(FileNode.Kind.DIRECTORY, 01777));
        tree.file("empty", 0644, new byte[0]);
        Path image = write(64 << 20);
        assertThat(Ext4Tools.debugfs(image, "stat /bin/also"))
                .contains("Mode:  04755", "Group: 70000", "Links: 2", "Size: 6", ":3b9aca00")
                .contains("2020");
        assertThat(Ext4Tools.debugfs(image, "cat /bin/also")).contains("hello\n");
        assertThat(Ext4Tools.debugfs(image, "stat /short")).contains("Fast link dest: \"bin/su\"");
        assertThat(Ext4Tools.debugfs(image, "stat /longer")).contains("Size: 2000");
        assertThat(Ext4Tools.debugfs(image, "stat /dev/null")).contains("01:03", "Mode:  0666");
        assertThat(Ext4Tools.debugfs(image, "stat /dev/big")).contains("259:70000");
        assertThat(Ext4Tools.debugfs(image, "stat /pipe")).contains("FIFO", "User: 100000");
        assertThat(Ext4Tools.debugfs(image, "stat /tmp")).contains("Mode:  01777");
    }

    private FileNode node(String path) throws IOException {
        return java.util.Objects.requireNonNull(tree.find(path, false));
    }

    private static FileNode link(String target) {
        return new FileNode(FileNode.Kind.SYMBOLIC_LINK, 0777).pointingTo(target);
    }

    @Test
    void attributes_inInodeAndBlock_areKept() throws Exception {
        tree.file("cap", 0755, new byte[1]);
        byte[] capability = {1, 0, 0, 2, 0, (byte) 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        node("cap").attributes().put("security.capability", capability);
        tree.file("many", 0644, new byte[1]);
        for (int i = 0; i < 20; i++) {
            node("many")
                    .attributes()
                    .put(
                            "user.n" + i,
                            ("value" + i).repeat(20).getBytes(StandardCharsets.US_ASCII));
        }
        node("many").attributes().put("other.system", capability);
        node("many").attributes().put("user.empty", new byte[0]);
        byte[] acl = {
            2, 0, 0, 0, 1, 0, 6, 0, -1, -1, -1, -1, 2, 0, 6, 0, 0x64, 0, 0, 0, 4, 0, 4, 0, -1, -1,
            -1, -1, 0x10, 0, 6, 0, -1, -1, -1, -1, 0x20, 0, 4, 0, -1, -1, -1, -1
        };
        node("cap").attributes().put("system.posix_acl_access", acl);
        Path image = write(64 << 20);
        Path out = folder.resolve("value");
        Ext4Tools.debugfs(image, "ea_get -f " + out + " /cap security.capability");
        assertThat(out).hasBinaryContent(capability);
        assertThat(Ext4Tools.debugfs(image, "ea_list /many"))
                .contains("user.n19 (140)", "user.empty (0)")
                .doesNotContain("other");
        assertThat(Ext4Tools.debugfs(image, "ea_list /cap")).contains("system.posix_acl_access");
    }

    @Test
    void tooManyAttributes_areRefused() throws Exception {
        tree.file("full", 0644, new byte[1]);
        node("full").attributes().put("user.big", new byte[5000]);
        assertThatThrownBy(() -> write(64 << 20))
                .hasMessage("/full has more extended attributes than ext4 can hold");
    }

    @Test
    void bigFolder_hasAllNames() throws Exception {
        for (int i = 0; i < 5000; i++) {
            tree.file("folder/name-of-a-file-" + i, 0644, new byte[] {(byte) i});
        }
        Path image = write(2L << 30);
        assertThat(Ext4Tools.debugfs(image, "ls /folder")).contains("name-of-a-file-4999");
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void bigFile_fillsGroups() throws Exception {
        InputStream numbers =
                new InputStream() {
                    private final Random random = new Random(1);
                    private final byte[] chunk = new byte[1 << 16];

                    @Override
                    public int read() {
                        return 1;
                    }

                    @Override
                    public int read(byte[] b, int at, int length) {
                        if (length == chunk.length) {
                            random.nextBytes(chunk);
                        }
                        System.arraycopy(chunk, 0, b, at, Math.min(length, chunk.length));
                        return Math.min(length, chunk.length);
                    }
                };
        long bytes = 700L << 20;
        long start = spool.add(numbers, bytes);
        tree.add("big", new FileNode(FileNode.Kind.FILE, 0600).holding(start, bytes));
        Path image = write(2L << 30);
        assertThat(Ext4Tools.debugfs(image, "ex /big")).contains("1/ 1");
        Path copy = folder.resolve("copy");
        Ext4Tools.debugfs(image, "dump /big " + copy);
        assertThat(Files.size(copy)).isEqualTo(bytes);
        java.nio.ByteBuffer expected = java.nio.ByteBuffer.allocate(1 << 20);
        try (InputStream in = Files.newInputStream(copy)) {
            for (long at = 0; at < bytes; at += expected.capacity()) {
                spool.read(start + at, expected.clear());
                assertThat(in.readNBytes(expected.capacity())).isEqualTo(expected.array());
            }
        }
    }

    @Test
    void manyInodes_onASmallDisk_haveRoom() throws Exception {
        for (int i = 0; i < 30_000; i++) {
            tree.file("d" + i % 100 + "/f" + i, 0644, new byte[0]);
        }
        write(200 << 20);
    }

    @Test
    void filesThatDoNotFit_areRefused() throws Exception {
        tree.file("big", 0600, new byte[60 << 20]);
        assertThatThrownBy(() -> write(64 << 20))
                .hasMessage("its files do not fit on a disk of 64 MiB");
    }

    /** Sizes that leave a last group of every length. */
    @Test
    void anySize_isAFileSystem() throws Exception {
        for (long size : new long[] {17, 100, 128, 129, 131, 140, 300, 1000, 8192}) {
            tree.file("size", 0600, new byte[(int) size]);
            Files.delete(write(size << 20));
        }
    }
}
