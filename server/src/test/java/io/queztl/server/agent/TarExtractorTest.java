package io.queztl.server.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.queztl.linux.HostFolder;
import io.queztl.testkit.random.Seeds;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
class TarExtractorTest {
    @TempDir Path temporary = Path.of("");
    private Path inside = Path.of("");
    private Path outside = Path.of("");

    @BeforeAll
    static void onLinux() {
        assumeThat(HostFolder.available()).as("unpacking needs Linux").isTrue();
    }

    @BeforeEach
    void make() throws IOException {
        inside = Files.createDirectories(temporary.resolve("inside"));
        outside = Files.createDirectories(temporary.resolve("outside"));
        Files.writeString(outside.resolve("kept"), "kept");
    }

    private static void put(byte[] block, int at, String text) {
        byte[] bytes = text.getBytes(ISO_8859_1);
        System.arraycopy(bytes, 0, block, at, Math.min(bytes.length, block.length - at));
    }

    /** An entry with its data. */
    private static byte[] entry(char type, String name, String link, String data) {
        byte[] block = new byte[512];
        put(block, 0, name.length() > 100 ? name.substring(0, 100) : name);
        put(block, 100, "0006755");
        put(block, 124, "%011o".formatted(data.length()));
        put(block, 136, "14000000000");
        put(block, 148, "        ");
        block[156] = (byte) type;
        put(block, 157, link.length() > 100 ? link.substring(0, 100) : link);
        put(block, 257, "ustar\00000");
        int sum = 0;
        for (byte b : block) {
            sum += b & 0xff;
        }
        put(block, 148, "%06o\0 ".formatted(sum));
        byte[] all = Arrays.copyOf(block, 512 + (data.length() + 511 & -512));
        put(all, 512, data);
        return all;
    }

    private static byte[] archive(byte[]... entries) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] entry : entries) {
            out.writeBytes(entry);
        }
        out.writeBytes(new byte[1024]);
        return out.toByteArray();
    }

    private long unpack(byte[]... entries) throws IOException {
        byte[] path = inside.toString().getBytes(StandardCharsets.UTF_8);
        try (HostFolder folder = HostFolder.open(path)) {
            return new TarExtractor(folder, "top", "local")
                    .unpack(new ByteArrayInputStream(archive(entries)));
        }
    }

    private void assertRefused(byte[]... entries) throws IOException {
        assertThatThrownBy(() -> unpack(entries)).isInstanceOf(TarException.class);
        assertWhole();
    }

    private void assertWhole() throws IOException {
        try (var files = Files.list(outside)) {
            assertThat(files).containsExactly(outside.resolve("kept"));
        }
        assertThat(outside.resolve("kept")).hasContent("kept");
        try (var files = Files.list(temporary)) {
            assertThat(files).hasSize(2);
        }
        try (var files = Files.list(inside)) {
            assertThat(files.map(f -> String.valueOf(f.getFileName()))).isSubsetOf("local");
        }
    }

    @Test
    void tree_isUnpackedUnderItsNewName() throws Exception {
        String longName = "top/" + "n".repeat(200);
        long count =
                unpack(
                        entry('5', "top/", "", ""),
                        entry('0', "top/a", "", "x".repeat(1000)),
                        entry('L', "././@LongLink", "", longName + "\0"),
                        entry('0', "top/cut", "", "long"),
                        entry('2', "top/s", "../outside", ""),
                        entry('1', "top/h", "top/a", ""));
        assertThat(count).isEqualTo(5);
        Path top = inside.resolve("local");
        assertThat(top.resolve("a")).hasContent("x".repeat(1000));
        assertThat(top.resolve("n".repeat(200))).hasContent("long");
        assertThat(Files.readSymbolicLink(top.resolve("s"))).hasToString("../outside");
        assertThat(Files.getAttribute(top.resolve("h"), "unix:nlink")).isEqualTo(2);
        // Neither setuid nor setgid.
        assertThat(Files.getAttribute(top.resolve("a"), "unix:mode")).isEqualTo(0100755);
        assertThat(Files.getLastModifiedTime(top.resolve("a")).toMillis() / 1000)
                .isEqualTo(014000000000L);
        assertWhole();
        // Once more over what is there.
        assertThat(unpack(entry('5', "top", "", ""), entry('0', "top/a", "", "new"))).isEqualTo(2);
        assertThat(top.resolve("a")).hasContent("new");
    }

    @Test
    void sentArchive_isUnpackedTheSame() throws Exception {
        Path source = Files.createDirectories(outside.resolve("src/\u00e4/" + "d".repeat(150)));
        Files.writeString(source.resolve("f"), "content");
        Path ignored = Files.createSymbolicLink(source.resolve("l"), Path.of("f"));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        List<Path> skipped = new ArrayList<>();
        TarSender.pack(outside.resolve("src"), "top", out, skipped::add);
        byte[] path = inside.toString().getBytes(StandardCharsets.UTF_8);
        try (HostFolder folder = HostFolder.open(path)) {
            long count =
                    new TarExtractor(folder, "top", "local")
                            .unpack(new ByteArrayInputStream(out.toByteArray()));
            assertThat(count).isEqualTo(5);
        }
        Path copy = inside.resolve("local/\u00e4/" + "d".repeat(150));
        assertThat(copy.resolve("f")).hasContent("content");
        assertThat(Files.readSymbolicLink(copy.resolve("l"))).hasToString("f");
        assertThat(skipped).isEmpty();
    }

    @Test
    void waysOut_areRefused() throws Exception {
        assertRefused(entry('0', "other", "", "x"));
        assertRefused(entry('0', "/etc/x", "", "x"));
        assertRefused(entry('0', "../outside/x", "", "x"));
        assertRefused(entry('5', "top", "", ""), entry('0', "top/../../outside/x", "", "x"));
        String away = outside.toString();
        assertRefused(entry('2', "top", away, ""), entry('0', "top/x", "", "x"));
        assertRefused(
                entry('5', "top", "", ""),
                entry('2', "top/l", away, ""),
                entry('0', "top/l/x", "", "x"));
        assertRefused(entry('5', "top", "", ""), entry('1', "top/h", "../outside/kept", ""));
        assertRefused(
                entry('5', "top", "", ""),
                entry('2', "top/l", away, ""),
                entry('1', "top/h", "top/l/kept", ""));
        // A file in the place of a link is one of its own; a folder is none.
        long count =
                unpack(
                        entry('5', "top", "", ""),
                        entry('2', "top/l", away + "/kept", ""),
                        entry('0', "top/l", "", "mine"));
        assertThat(count).isEqualTo(3);
        assertWhole();
        assertRefused(
                entry('5', "top", "", ""),
                entry('2', "top/l", away, ""),
                entry('5', "top/l", "", ""));
        for (char type : "346xg".toCharArray()) {
            assertRefused(entry('5', "top", "", ""), entry(type, "top/d", "", ""));
        }
    }

    @Test
    void hostileArchives_neverLeadOut() throws Exception {
        Random random = new Random(Seeds.seed("TarExtractorTest"));
        String[] names = {
            "top",
            "top/a",
            "top/a/b",
            "top/b",
            "top/../..",
            "top/a/../../../outside/kept",
            "/",
            "top/b/kept",
            "../x",
            "top/a/kept",
            ""
        };
        String[] links = {
            outside.toString(), "../outside", "../../outside/kept", "top/a", "a", ".."
        };
        int cases = Seeds.all() ? 100_000 : 1_000;
        for (int i = 0; i < cases; i++) {
            byte[][] entries = new byte[1 + random.nextInt(6)][];
            for (int n = 0; n < entries.length; n++) {
                char type = "0012255LK".charAt(random.nextInt(9));
                String data = type == '0' || type > '9' ? names[random.nextInt(11)] : "";
                entries[n] =
                        entry(
                                type,
                                names[random.nextInt(names.length)],
                                links[random.nextInt(links.length)],
                                data);
                if (random.nextInt(8) == 0) {
                    entries[n][random.nextInt(entries[n].length)] = (byte) random.nextInt();
                }
            }
            try {
                long ignored = unpack(entries);
            } catch (IOException e) {
                assertThat(e.getMessage()).isNotEmpty();
            }
            if (i % 100 == 0) {
                assertWhole();
                assertThat(Files.isRegularFile(outside.resolve("kept"), LinkOption.NOFOLLOW_LINKS))
                        .isTrue();
            }
        }
        assertWhole();
    }
}
