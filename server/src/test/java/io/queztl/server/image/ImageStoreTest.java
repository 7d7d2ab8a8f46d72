package io.queztl.server.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.server.CommandException;
import io.queztl.server.guest.CacheFolder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pulling from a registry that is right, wrong or hostile. */
@Timeout(120)
class ImageStoreTest {
    private static final String GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";

    @TempDir Path folder = Path.of("");
    private FakeRegistry registry;
    private ImageStore store;

    @BeforeEach
    void open() throws IOException {
        use(new FakeRegistry(false));
    }

    private void use(FakeRegistry fake) throws IOException {
        if (registry != null) {
            registry.close();
        }
        registry = fake;
        store =
                new ImageStore(
                        new CacheFolder(folder),
                        Map.of("HOME", folder.toString(), "http_proxy", "http://203.0.113.1:1"),
                        line -> {});
    }

    @AfterEach
    void close() throws IOException {
        registry.close();
    }

    private ImageReference name() {
        return ImageReference.parse(registry.host() + "/app:1");
    }

    private static byte[] tar(String name, String content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
            byte[] data = content.getBytes(StandardCharsets.UTF_8);
            TarArchiveEntry entry = new TarArchiveEntry(name, true);
            entry.setSize(data.length);
            tar.putArchiveEntry(entry);
            tar.write(data);
            tar.closeArchiveEntry();
        }
        return bytes.toByteArray();
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private String blob(byte[] bytes) {
        String digest = Digest.of(bytes);
        registry.bodies.put("app/blobs/" + digest, bytes);
        return digest;
    }

    /** Puts an image of these layers there; the digest of its manifest. */
    private String publish(String user, String type, byte[]... layers) throws IOException {
        List<String> sums = new ArrayList<>();
        List<String> descriptors = new ArrayList<>();
        for (byte[] layer : layers) {
            sums.add("\"" + Digest.of(layer) + "\"");
            byte[] packed = type.endsWith("gzip") ? gzip(layer) : layer;
            descriptors.add(
                    "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d}"
                            .formatted(type, blob(packed), packed.length));
        }
        String config =
                """
                {"os":"linux","architecture":"amd64","config":{"Cmd":["/bin/x","y"],"User":"%s"},
                "rootfs":{"diff_ids":[%s]}}\
                """
                        .formatted(user, String.join(",", sums));
        return manifest(
                """
                {"config":{"digest":"%s"},"layers":[%s]}\
                """
                        .formatted(
                                blob(config.getBytes(StandardCharsets.UTF_8)),
                                String.join(",", descriptors)));
    }

    private String manifest(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        registry.bodies.put("app/manifests/1", bytes);
        registry.bodies.put("app/manifests/" + Digest.of(bytes), bytes);
        return Digest.of(bytes);
    }

    private void assertRefused(String part) throws IOException {
        assertThatThrownBy(() -> store.pull(name()))
                .isInstanceOf(CommandException.class)
                .hasMessageStartingWith("the image " + name() + " cannot be used: ")
                .hasMessageContaining(part)
                .hasMessageEndingWith(".");
        try (var files = Files.walk(folder)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .noneMatch(name -> name.matches("(sha256|\\.new|\\.spool|\\.part).*"));
        }
    }

    @Test
    void image_isPulledOnce() throws Exception {
        String digest =
                publish(
                        "app:staff",
                        GZIP,
                        tar("etc/passwd", "app:x:1000:1000::/home/app:/bin/sh\n"),
                        tar("etc/group", "staff:x:50:\n"));
        ImageStore.Image image = store.obtain(name());
        assertThat(image.digest()).isEqualTo(digest);
        assertThat(image.account()).isEqualTo(new Account(1000, 50, List.of(), "/home/app"));
        assertThat(image.config().words(List.of())).containsExactly("/bin/x", "y");
        assertThat(image.config().words(List.of("z"))).containsExactly("z");
        assertThat(image.disk()).isRegularFile();
        int requests = registry.requests.size();
        assertThat(store.obtain(name())).isEqualTo(image);
        assertThat(registry.requests).hasSize(requests);
        assertThat(store.list()).containsExactly(image);
        assertThat(store.remove(name())).isTrue();
        assertThat(store.remove(name())).isFalse();
        assertThat(image.disk()).doesNotExist();
    }

    @Test
    void index_givesTheImageForThisMachine() throws Exception {
        String digest = publish("", "application/vnd.oci.image.layer.v1.tar", tar("x", "y"));
        manifest(
                """
                {"manifests":[{"digest":"sha256:00","platform":{"os":"linux","architecture":"arm64"}},
                {"digest":"%s","platform":{"os":"linux","architecture":"amd64"}}]}\
                """
                        .formatted(digest));
        assertThat(store.pull(name()).digest()).isEqualTo(digest);
        manifest(
                "{\"manifests\":[{\"digest\":\"x\",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}}]}");
        assertThatThrownBy(() -> store.pull(name()))
                .hasMessageContaining("nothing for linux/amd64, only for linux/arm64");
    }

    @Test
    void tokens_areFetchedAndNotGivenToOthers() throws Exception {
        use(new FakeRegistry(true));
        publish("", GZIP, tar("x", "y"));
        try (FakeRegistry other = new FakeRegistry(false)) {
            for (String path : List.copyOf(registry.bodies.keySet())) {
                if (path.startsWith("app/blobs/")) {
                    other.bodies.put(path, registry.bodies.get(path));
                    registry.redirects.put(path, "http://" + other.host() + "/v2/" + path);
                }
            }
            assertThat(store.pull(name()).disk()).isRegularFile();
            assertThat(registry.requests)
                    .contains("/token?service=s&scope=x%3Ay ")
                    .anyMatch(r -> r.endsWith(" Bearer good-token"));
            assertThat(other.requests).hasSize(2).allMatch(r -> r.endsWith(" "));
        }
    }

    @Test
    void wrongDigests_areRefused() throws Exception {
        String digest = publish("", GZIP, tar("x", "y"));
        String layer = Digest.of(gzip(tar("x", "y")));
        byte[] bad = gzip(tar("x", "y"));
        bad[bad.length - 9] ^= 1;
        registry.bodies.put("app/blobs/" + layer, bad);
        assertRefused("another digest");
        registry.bodies.put("app/blobs/" + layer, java.util.Arrays.copyOf(bad, bad.length - 1));
        assertRefused("the registry sends %d".formatted(bad.length - 1));
        registry.bodies.put("app/blobs/" + layer, java.util.Arrays.copyOf(bad, bad.length + 1));
        assertRefused("the registry sends more");
        registry.bodies.put("app/manifests/" + digest, new byte[] {'{', '}'});
        assertThatThrownBy(
                        () -> store.pull(ImageReference.parse(registry.host() + "/app@" + digest)))
                .hasMessageContaining("another digest");
    }

    @Test
    void hostileLayers_areRefused() throws Exception {
        publish("", GZIP, tar("../../x", "y"));
        assertRefused("its layer 1 is bad: the path ../../x leads out of it");
        publish("", "application/x-secret", tar("x", "y"));
        assertRefused("is of the kind 'application/x-secret', which is not supported");
        publish("nobody", GZIP, tar("x", "y"));
        assertRefused("is to run as 'nobody'");
        byte[] half = java.util.Arrays.copyOf(gzip(tar("x", "y".repeat(5000))), 40);
        manifest(
                """
                {"config":{"digest":"%s"},"layers":[{"mediaType":"%s","digest":"%s","size":40}]}\
                """
                        .formatted(
                                blob(
                                        """
                                        {"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["%s"]}}\
                                        """
                                                .formatted(Digest.of(half))
                                                .getBytes(StandardCharsets.UTF_8)),
                                GZIP,
                                blob(half)));
        assertRefused("its layer 1 is bad: its compressed data is damaged");
    }

    @Test
    void documentsThatAreNone_areRefused() throws Exception {
        manifest("<html>");
        assertRefused("no JSON");
        manifest("{}");
        assertRefused("its manifest is none of an image");
        manifest("x".repeat(5 << 20));
        assertRefused("more than 4 MiB");
        registry.bodies.clear();
        assertRefused("the registry has no such image");
        registry.redirects.put("app/manifests/1", "/v2/app/manifests/1");
        assertRefused("redirects");
        registry.redirects.put("app/manifests/1", "file:///etc/passwd");
        assertRefused("redirects");
    }

    @Test
    void registryThatIsNotThere_isASentence() throws Exception {
        registry.close();
        assertRefused("cannot be reached");
    }

    @Test
    void names_areFilledIn() {
        assertThat(ImageReference.parse("alpine:3.20"))
                .hasToString("docker.io/library/alpine:3.20");
        assertThat(ImageReference.parse("me/app")).hasToString("docker.io/me/app:latest");
        assertThat(ImageReference.parse("localhost/app")).hasToString("localhost/app:latest");
        assertThat(ImageReference.parse("r.example:5000/a/b:c"))
                .hasToString("r.example:5000/a/b:c");
        String digest = "sha256:" + "0".repeat(64);
        assertThat(ImageReference.parse("a:b@" + digest))
                .hasToString("docker.io/library/a@" + digest);
        for (String bad : List.of("", "A", "../x", "a//b", "a:b:c", "a@sha256:1", "-", "x y/z")) {
            assertThatThrownBy(() -> ImageReference.parse(bad))
                    .isInstanceOf(CommandException.class);
        }
    }
}
