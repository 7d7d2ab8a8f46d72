package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.airlift.compress.v3.zstd.ZstdOutputStream;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockGuest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** From a registry of Debian's package {@code docker-registry} to a command in a guest. */
@Timeout(600)
class OciImageTest {
    @TempDir Path folder = Path.of("");
    private Process registry;
    private String host = "";
    private final HttpClient client = HttpClient.newHttpClient();

    @BeforeEach
    void start() throws Exception {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/docker-registry")),
                "docker-registry is not installed: ./dev deps");
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        host = "127.0.0.1:" + port;
        Path settings = folder.resolve("registry.yml");
        Files.writeString(
                settings,
                """
                version: 0.1
                storage:
                  filesystem:
                    rootdirectory: %s
                http:
                  addr: %s
                """
                        .formatted(folder.resolve("registry"), host));
        registry =
                new ProcessBuilder("docker-registry", "serve", settings.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("registry.log").toFile())
                        .start();
        for (int i = 0; i < 300; i++) {
            try {
                request("GET", "http://" + host + "/v2/", "", new byte[0]);
                return;
            } catch (IOException e) {
                Thread.sleep(100);
            }
        }
        throw new AssertionError(Files.readString(folder.resolve("registry.log")));
    }

    @AfterEach
    void stop() throws Exception {
        if (registry != null) {
            registry.destroyForcibly().waitFor();
        }
    }

    private HttpResponse<String> request(String method, String uri, String type, byte[] body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(uri))
                        .method(method, HttpRequest.BodyPublishers.ofByteArray(body));
        if (!type.isEmpty()) {
            request.header("Content-Type", type);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String digest(byte[] bytes) throws Exception {
        MessageDigest sum = MessageDigest.getInstance("SHA-256");
        return "sha256:" + HexFormat.of().formatHex(sum.digest(bytes));
    }

    private String push(byte[] blob) throws Exception {
        String uploads = "http://" + host + "/v2/team/app/blobs/uploads/";
        String place =
                request("POST", uploads, "", new byte[0])
                        .headers()
                        .firstValue("Location")
                        .orElseThrow();
        String to = place + (place.contains("?") ? "&" : "?") + "digest=" + digest(blob);
        assertThat(request("PUT", to, "application/octet-stream", blob).statusCode())
                .isEqualTo(201);
        return digest(blob);
    }

    private static void put(
            TarArchiveOutputStream tar, String name, byte type, int mode, int id, byte[] content)
            throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
        boolean link = type == TarConstants.LF_LINK || type == TarConstants.LF_SYMLINK;
        if (link) {
            entry.setLinkName(new String(content, StandardCharsets.UTF_8));
        }
        entry.setSize(link ? 0 : content.length);
        entry.setMode(mode);
        entry.setIds(id, id + 1);
        tar.putArchiveEntry(entry);
        if (!link) {
            tar.write(content);
        }
        tar.closeArchiveEntry();
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] base() throws IOException {
        Path busybox =
                StockGuest.obtain(CacheFolder.of(System.getenv()), System.err::println).busybox();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
            put(tar, "bin/busybox", (byte) '0', 0755, 0, Files.readAllBytes(busybox));
            for (String name : List.of("sh", "ls", "cat", "id", "stat", "touch", "env", "ps")) {
                put(tar, "bin/" + name, TarConstants.LF_LINK, 0755, 0, text("bin/busybox"));
            }
            String users = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
            put(tar, "etc/passwd", (byte) '0', 0644, 0, text(users));
            put(tar, "etc/group", (byte) '0', 0644, 0, text("app:x:1000:\nextra:x:77:app\n"));
            put(tar, "home/app/", TarConstants.LF_DIR, 0700, 1000, new byte[0]);
            String init = "#!/bin/sh\necho I am $$; cat /run/made\nexec /bin/busybox poweroff -f\n";
            put(tar, "sbin/init", (byte) '0', 0755, 0, text(init));
            put(tar, "run/made", (byte) '0', 0644, 0, text("of the image\n"));
            put(tar, "gone", (byte) '0', 0644, 0, text("x"));
            put(tar, "dir/old", (byte) '0', 0600, 5, text("a"));
        }
        return bytes.toByteArray();
    }

    private static byte[] upper() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
            put(tar, ".wh.gone", (byte) '0', 0644, 0, new byte[0]);
            put(tar, "dir/.wh..wh..opq", (byte) '0', 0644, 0, new byte[0]);
            put(tar, "dir/new", (byte) '0', 04755, 7, text("bb"));
            put(tar, "dir/also", TarConstants.LF_LINK, 0, 0, text("dir/new"));
            put(tar, "link", TarConstants.LF_SYMLINK, 0777, 0, text("dir/new"));
        }
        return bytes.toByteArray();
    }

    private void publish() throws Exception {
        StringBuilder layers = new StringBuilder();
        StringBuilder sums = new StringBuilder();
        for (byte[] layer : List.of(base(), upper())) {
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            boolean first = sums.isEmpty();
            try (OutputStream out =
                    first ? new GZIPOutputStream(packed) : new ZstdOutputStream(packed)) {
                out.write(layer);
            }
            String comma = first ? "" : ",";
            sums.append("%s\"%s\"".formatted(comma, digest(layer)));
            layers.append(
                    """
                    %s{"mediaType":"application/vnd.oci.image.layer.v1.tar+%s",
                    "size":%d,"digest":"%s"}\
                    """
                            .formatted(
                                    comma,
                                    first ? "gzip" : "zstd",
                                    packed.size(),
                                    push(packed.toByteArray())));
        }
        byte[] config =
                text(
                        """
                        {"os":"linux","architecture":"amd64","config":{"User":"app",
                        "Env":["PATH=/bin","QUOTE=it's \\"so\\""],"WorkingDir":"/home/app",
                        "Cmd":["sh","-c","id; echo $QUOTE; ls -a /; exit 3"]},
                        "rootfs":{"type":"layers","diff_ids":[%s]}}\
                        """
                                .formatted(sums));
        String type = "application/vnd.oci.image.manifest.v1+json";
        byte[] manifest =
                text(
                        """
                        {"schemaVersion":2,"mediaType":"%s","config":{"size":%d,"digest":"%s",
                        "mediaType":"application/vnd.oci.image.config.v1+json"},"layers":[%s]}\
                        """
                                .formatted(type, config.length, push(config), layers));
        String to = "http://" + host + "/v2/team/app/manifests/1";
        assertThat(request("PUT", to, type, manifest).statusCode()).isEqualTo(201);
    }

    @Test
    void image_runsAsDockerWouldRunIt() throws Exception {
        publish();
        String name = host + "/team/app:1";
        try {
            Queztl.Result result = Queztl.run("run", name);
            assertThat(result.out())
                    .startsWith("uid=1000(app) gid=1000(app) groups=77(extra)\nit's \"so\"\n")
                    .contains("dir", "link")
                    .doesNotContain("gone", ".queztl");
            assertThat(result.status()).as(result.err()).isEqualTo(3);

            String look =
                    "stat -c '%a %u:%g %h %n' /dir/* /home/app; cat /link; touch x && ls; exit 9";
            result = Queztl.run("run", name, "--", "sh", "-c", look);
            assertThat(result.out())
                    .isEqualTo(
                            """
                            4755 7:8 2 /dir/also
                            4755 7:8 2 /dir/new
                            700 1000:1001 2 /home/app
                            bb\
                            """
                                    + "x\n");
            assertThat(result.status()).isEqualTo(9);
            assertThat(result.err()).isEmpty();

            // What one run has written the next does not see; what was typed arrives, and its end.
            result =
                    Queztl.run(
                            new ByteArrayInputStream(text("typed\nno newline")),
                            "run",
                            "-i",
                            name,
                            "--",
                            "sh",
                            "-c",
                            "ls; cat");
            assertThat(result).isEqualTo(new Queztl.Result(0, "typed\nno newline", ""));
        } finally {
            assertThat(Queztl.run("image", "rm", name).status()).isZero();
        }
    }

    @Test
    void keptDisk_hasWhatTheRunBeforeWrote_initBootsAllOfTheImage() throws Exception {
        publish();
        String name = host + "/team/app:1";
        String kept = "oci-test-" + ProcessHandle.current().pid();
        String data = System.getenv("XDG_DATA_HOME");
        Path disk =
                (data == null
                                ? Path.of(System.getProperty("user.home"), ".local/share")
                                : Path.of(data))
                        .resolve("queztl/disks/" + kept + ".qcow2");
        try {
            Queztl.Result result =
                    Queztl.run("run", "--persist", kept, "--exec", "echo written >mine", name);
            assertThat(result.status()).as(result.err()).isZero();
            // The disk depends on nothing any more.
            assertThat(Queztl.run("image", "rm", name).status()).isZero();
            assertThat(Queztl.run("image", "check", disk.toString(), "--format", "qcow2").status())
                    .isZero();
            result = Queztl.run("run", "--persist", kept, "--exec", "cat mine", name);
            assertThat(result.out()).isEqualTo("written\n");

            result = Queztl.run("run", "--init", name);
            assertThat(result.out()).contains("I am 1", "of the image");
            assertThat(result.status()).as(result.err()).isZero();
        } finally {
            boolean ignored = Files.deleteIfExists(disk);
            Queztl.Result removed = Queztl.run("image", "rm", name);
            assertThat(removed.status()).isIn(0, 9);
        }
    }

    @Test
    void missingProgram_is127() throws Exception {
        publish();
        String name = host + "/team/app:1";
        Queztl.Result pulled = Queztl.run("image", "pull", name);
        assertThat(pulled.out()).startsWith(name + " sha256:");
        assertThat(Queztl.run("image", "ls").out()).contains(name);
        assertThat(Queztl.run("image", "ls", "--json").out()).contains("\"name\":\"" + name + "\"");
        Queztl.Result result = Queztl.run("run", name, "nothing");
        assertThat(result.status()).isEqualTo(127);
        assertThat(result.out()).contains("no program 'nothing'");
        assertThat(Queztl.run("image", "rm", name).status()).isZero();
        assertThat(Queztl.run("image", "rm", name).status()).isEqualTo(9);
    }
}
