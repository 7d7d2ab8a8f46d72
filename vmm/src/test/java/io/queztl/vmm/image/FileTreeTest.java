package io.queztl.vmm.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Layers of tar archives, honest and hostile, in a tree. */
class FileTreeTest {
    @TempDir Path folder = Path.of("");
    private Spool spool;
    private FileTree tree;

    @BeforeEach
    void open() throws IOException {
        spool = Spool.in(folder, 1 << 20);
        tree = new FileTree(spool);
    }

    @AfterEach
    void close() throws IOException {
        spool.close();
    }

    /** An archive in the making. */
    private static final class Layer {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes, "UTF-8");

        Layer() {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        }

        Layer add(String name, byte type, String content) throws IOException {
            return add(name, type, content, Map.of());
        }

        Layer add(String name, byte type, String content, Map<String, String> records)
                throws IOException {
            TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
            byte[] data = content.getBytes(StandardCharsets.UTF_8);
            records.forEach(entry::addPaxHeader);
            if (type == TarConstants.LF_LINK || type == TarConstants.LF_SYMLINK) {
                entry.setLinkName(content);
                data = new byte[0];
            }
            entry.setSize(data.length);
            entry.setMode(type == TarConstants.LF_DIR ? 0755 : 0640);
            entry.setIds(1000, 1 << 22);
            tar.putArchiveEntry(entry);
            tar.write(data);
            tar.closeArchiveEntry();
            return this;
        }

        Layer file(String name, String content) throws IOException {
            return add(name, TarConstants.LF_NORMAL, content);
        }

        Layer folder(String name) throws IOException {
            return add(name, TarConstants.LF_DIR, "");
        }

        Layer link(String name, String target) throws IOException {
            return add(name, TarConstants.LF_SYMLINK, target);
        }

        byte[] bytes() throws IOException {
            tar.finish();
            return bytes.toByteArray();
        }
    }

    private void apply(Layer layer) throws IOException {
        apply(layer.bytes());
    }

    private void apply(byte[] layer) throws IOException {
        tree.nextLayer();
        TarReader.read(new ByteArrayInputStream(layer), tree);
    }

    private String text(String path) throws IOException {
        byte[] bytes = tree.contents(path, 1000);
        return bytes == null ? "none" : new String(bytes, StandardCharsets.UTF_8);
    }

    @Test
    void archive_isRead() throws Exception {
        String deep = "a/" + "long/".repeat(40) + "ü";
        apply(
                new Layer()
                        .file("./etc/x", "hello")
                        .add("etc/y", TarConstants.LF_LINK, "etc/x")
                        .link("l", "etc")
                        .file(deep, "deep")
                        .add(
                                "late",
                                TarConstants.LF_NORMAL,
                                "",
                                Map.of("SCHILY.xattr.user.a", "b", "mtime", "-1.25")));
        assertThat(text("etc/y")).isEqualTo("hello");
        assertThat(tree.find("etc/x", false)).isSameAs(tree.find("l/y", true));
        byte[] name = deep.getBytes(StandardCharsets.UTF_8);
        assertThat(text(new String(name, StandardCharsets.ISO_8859_1))).isEqualTo("deep");
        FileNode late = java.util.Objects.requireNonNull(tree.find("late", true));
        assertThat(late.attributes()).containsEntry("user.a", new byte[] {'b'});
        assertThat(late.seconds()).isEqualTo(-2);
        assertThat(late.nanoseconds()).isEqualTo(750_000_000);
        assertThat(late.user()).isEqualTo(1000);
        assertThat(late.group()).isEqualTo(1 << 22);
        assertThat(late.permissions()).isEqualTo(0640);
    }

    @Test
    void whiteouts_hideLowerLayersOnly() throws Exception {
        apply(new Layer().file("d/a", "1").file("d/b", "1").file("e/a", "1").file("e/s/a", "1"));
        apply(
                new Layer()
                        .file("d/.wh.a", "")
                        .file("e/s/b", "2")
                        .file("e/.wh..wh..opq", "")
                        .file("e/c", "2")
                        .file(".wh..wh.plnk", "")
                        .file(".wh.nothing", ""));
        assertThat(text("d/a")).isEqualTo("none");
        assertThat(text("d/b")).isEqualTo("1");
        assertThat(text("e/a")).isEqualTo("none");
        assertThat(text("e/s/a")).isEqualTo("none");
        assertThat(text("e/s/b")).isEqualTo("2");
        assertThat(text("e/c")).isEqualTo("2");
        assertThat(tree.root().children().keySet()).containsExactly("d", "e");
    }

    @Test
    void laterLayers_replace() throws Exception {
        apply(new Layer().file("f", "1").file("d/x", "1").link("l", "d").file("h", "1"));
        apply(new Layer().folder("d").file("f", "2").file("l/y", "2").folder("h").file("h/z", "2"));
        assertThat(text("d/x")).isEqualTo("1");
        assertThat(text("d/y")).isEqualTo("2");
        assertThat(text("f")).isEqualTo("2");
        assertThat(text("h/z")).isEqualTo("2");
    }

    @Test
    void linksOutOfTheTree_stayInside() throws Exception {
        apply(new Layer().link("out", "../../../../tmp").link("abs", "/etc").file("out/x", "1"));
        apply(new Layer().file("abs/y", "2"));
        assertThat(text("tmp/x")).isEqualTo("1");
        assertThat(text("etc/y")).isEqualTo("2");
        assertThat(text("out/../etc/y".replace("out/../", ""))).isEqualTo("2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "a/../../x", "/../etc/passwd", "..", "a/.."})
    void pathsThatLeadOut_areRefused(String path) {
        assertThatThrownBy(() -> apply(new Layer().file(path, "x")))
                .hasMessageContaining("leads out");
    }

    @Test
    void hostileEntries_areRefused() throws Exception {
        assertThatThrownBy(() -> apply(new Layer().link("a", "b").link("b", "a").file("a/x", "")))
                .hasMessageContaining("circles");
        assertThatThrownBy(() -> apply(new Layer().add("x", TarConstants.LF_LINK, "missing")))
                .hasMessageContaining("hard link to missing");
        assertThatThrownBy(() -> apply(new Layer().folder("d").add("x", TarConstants.LF_LINK, "d")))
                .hasMessageContaining("hard link");
        assertThatThrownBy(() -> apply(new Layer().file("f", "").file("f/x", "")))
                .hasMessageContaining("no folder");
        assertThatThrownBy(() -> apply(new Layer().file("f", "x".repeat(2 << 20))))
                .hasMessageContaining("allowed");
        assertThatThrownBy(() -> apply(new Layer().file("x".repeat(256), "")))
                .hasMessageContaining("255");
        assertThatThrownBy(() ->
                        apply(
                                new Layer()
                                        .add(
                                                "x",
                                                TarConstants.LF_NORMAL,
                                                "",
                                                Map.of("user", "y".repeat(2 << 20)))))
                .hasMessageContaining("headers");
        assertThatThrownBy(() -> apply(new Layer().add("x", (byte) 'S', "")))
                .isInstanceOf(IOException.class);
    }

    /** Whatever is wrong with an archive is an IOException, and quick. */
    @Test
    void damagedArchives_areRefusedOrRead() throws Exception {
        byte[] good =
                new Layer()
                        .file("a/b", "text")
                        .link("l", "a")
                        .file("x".repeat(120), "t")
                        .folder("d")
                        .bytes();
        Random random = new Random(42);
        for (int i = 0; i < 20_000; i++) {
            byte[] bad = good.clone();
            for (int n = random.nextInt(4); n >= 0; n--) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            int length = random.nextInt(4) == 0 ? random.nextInt(bad.length) : bad.length;
            // The checksum made right, so that what is behind it is reached.
            for (int at = 0; at + 512 <= bad.length && random.nextBoolean(); at += 512) {
                fixChecksum(bad, at);
            }
            try {
                apply(java.util.Arrays.copyOf(bad, length));
            } catch (IOException e) {
                assertThat(e.getMessage()).isNotEmpty();
            }
        }
    }

    private static void fixChecksum(byte[] tar, int at) {
        int sum = 0;
        for (int i = 0; i < 512; i++) {
            sum += i >= 148 && i < 156 ? ' ' : tar[at + i] & 0xff;
        }
        byte[] text = "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, tar, at + 148, 8);
    }
}
