package io.queztl.server.image;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.CacheFolder;
import io.queztl.vmm.ext4.Ext4Writer;
import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.Spool;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * OCI images as disks, in the folder {@code images} of the user's cache: for each manifest a folder
 * named by its digest, with the root file system {@code disk.raw} and the configuration; for each
 * name a file that says which manifest it was when it was pulled. A folder is moved into place when
 * it is whole.
 */
public final class ImageStore {
    private static final String LOCK = "images";
    private static final long DISK_BYTES = 8L << 30;
    private static final long MAX_CONTENT_BYTES = 16L << 30;
    private static final int MAX_LAYERS = 127;
    private static final long KEPT_FREE_BYTES = 512L << 20;
    private static final List<String> FOLDERS =
            List.of("dev", "proc", "sys", "etc", "run", "root", "var");

    /**
     * An image that has been pulled.
     *
     * @param reference its name
     * @param digest of its manifest
     * @param disk its root file system, a raw image
     * @param config what it runs
     * @param account as whom
     * @param bytes what its files have
     */
    public record Image(
            String reference,
            String digest,
            Path disk,
            ImageConfig config,
            Account account,
            long bytes) {}

    private final CacheFolder cache;
    private final Map<String, String> environment;
    private final Consumer<String> progress;

    /**
     * @param environment such as {@code System.getenv()}: proxies, credentials
     * @param progress told what takes long, a line each
     */
    public ImageStore(
            CacheFolder cache, Map<String, String> environment, Consumer<String> progress) {
        this.cache = cache;
        this.environment = environment;
        this.progress = progress;
    }

    /** The image of that name, from the cache if it is there. */
    public Image obtain(ImageReference reference) {
        return guarded(
                reference.toString(),
                () -> {
                    Image image = cached(reference);
                    return image != null ? image : cache.locked(LOCK, () -> pullLocked(reference));
                });
    }

    /** The image of that name as the registry has it now. */
    public Image pull(ImageReference reference) {
        return guarded(reference.toString(), () -> cache.locked(LOCK, () -> pullLocked(reference)));
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    private static <T> T guarded(String reference, Work<T> work) {
        try {
            return work.run();
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.IMAGE,
                    "the image %s cannot be used: %s.".formatted(reference, reason(e)),
                    e);
        }
    }

    private static String reason(IOException e) {
        if (e instanceof javax.net.ssl.SSLException) {
            return "TLS with its registry fails: " + e.getMessage();
        }
        if (e instanceof java.nio.file.FileSystemException f) {
            return f.getFile() + ": " + (f.getReason() == null ? "no access" : f.getReason());
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private Path folder() {
        return cache.folder("images");
    }

    private Path names() {
        return cache.folder("images/names");
    }

    private Path nameFile(String reference) {
        String sum = Digest.of(reference.getBytes(StandardCharsets.UTF_8));
        return names().resolve(sum.substring("sha256:".length()) + ".properties");
    }

    private @Nullable Image cached(ImageReference reference) throws IOException {
        return read(nameFile(reference.toString()));
    }

    private @Nullable Image read(Path nameFile) throws IOException {
        Properties name = new Properties();
        try (InputStream in = Files.newInputStream(nameFile)) {
            name.load(in);
        } catch (NoSuchFileException e) {
            return null;
        }
        String digest = name.getProperty("manifest", "");
        return Digest.isOne(digest) ? image(name.getProperty("reference", ""), digest) : null;
    }

    private @Nullable Image image(String reference, String digest) throws IOException {
        Path home = folder().resolve(digest.replace(':', '-'));
        Properties facts = new Properties();
        try (InputStream in = Files.newInputStream(home.resolve("image.properties"))) {
            facts.load(in);
            List<Integer> groups = new ArrayList<>();
            for (String group : facts.getProperty("groups", "").split(",")) {
                if (!group.isEmpty()) {
                    groups.add(Integer.valueOf(group));
                }
            }
            if (!"1".equals(facts.getProperty("version"))) {
                return null;
            }
            return new Image(
                    reference,
                    digest,
                    home.resolve("disk.raw"),
                    ImageConfig.parse(Files.readAllBytes(home.resolve("config.json"))),
                    new Account(
                            Integer.parseInt(facts.getProperty("user", "")),
                            Integer.parseInt(facts.getProperty("group", "")),
                            groups,
                            facts.getProperty("home", "/")),
                    Long.parseLong(facts.getProperty("bytes", "")));
        } catch (NoSuchFileException | NumberFormatException e) {
            return null;
        }
    }

    /** All images by name. */
    public List<Image> list() {
        return guarded(
                "list",
                () -> {
                    List<Image> images = new ArrayList<>();
                    try (var files = Files.list(names())) {
                        for (Path file : files.toList()) {
                            Image image = read(file);
                            if (image != null) {
                                images.add(image);
                            }
                        }
                    }
                    images.sort(Comparator.comparing(Image::reference));
                    return images;
                });
    }

    /** Removes a name, and the disk if no other name has it; false if there is none. */
    public boolean remove(ImageReference reference) {
        return guarded(
                reference.toString(),
                () ->
                        cache.locked(
                                LOCK,
                                () -> {
                                    boolean there =
                                            Files.deleteIfExists(nameFile(reference.toString()));
                                    sweep();
                                    return there;
                                }));
    }

    /** Deletes what no name leads to, and what pulls that were killed have left. */
    private void sweep() throws IOException {
        List<String> used = list().stream().map(image -> image.digest().replace(':', '-')).toList();
        try (var files = Files.list(folder())) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                boolean disk = name.startsWith("sha256-") && !used.contains(name);
                if (disk || name.startsWith(".new-")) {
                    CacheFolder.delete(file);
                }
            }
        }
    }

    private Image pullLocked(ImageReference reference) throws IOException {
        progress.accept("pulling " + reference);
        Path work = null;
        try (Registry registry = new Registry(reference, environment)) {
            byte[] manifest = registry.manifest(reference.version());
            String digest = Digest.of(manifest);
            JsonDocument json = JsonDocument.parse(manifest);
            if (!json.get("manifests").items().isEmpty()) {
                digest = forThisMachine(json);
                json = JsonDocument.parse(registry.manifest(digest));
            }
            Image there = image(reference.toString(), digest);
            if (there == null) {
                work = Files.createTempDirectory(folder(), ".new-");
                make(registry, json, work);
                Path home = folder().resolve(digest.replace(':', '-'));
                CacheFolder.delete(home);
                Files.move(work, home, StandardCopyOption.ATOMIC_MOVE);
            }
            Properties name = new Properties();
            name.setProperty("reference", reference.toString());
            name.setProperty("manifest", digest);
            store(name, nameFile(reference.toString()));
            sweep();
            Image image = image(reference.toString(), digest);
            if (image == null) {
                throw new IOException("it is gone from the cache already");
            }
            return image;
        } finally {
            if (work != null) {
                CacheFolder.delete(work);
            }
        }
    }

    private static String forThisMachine(JsonDocument index) throws IOException {
        List<String> machines = new ArrayList<>();
        for (JsonDocument each : index.get("manifests").items()) {
            JsonDocument platform = each.get("platform");
            String system = platform.get("os").text();
            String machine = platform.get("architecture").text();
            String digest = each.get("digest").text();
            if (system.equals("linux") && machine.equals("amd64") && Digest.isOne(digest)) {
                return digest;
            }
            machines.add(FileTree.shown(system + "/" + machine));
        }
        throw new IOException(
                "it has nothing for linux/amd64, only for "
                        + String.join(", ", machines.subList(0, Math.min(machines.size(), 20))));
    }

    private void make(Registry registry, JsonDocument manifest, Path work) throws IOException {
        String configDigest = manifest.get("config").get("digest").text();
        List<JsonDocument> layers = manifest.get("layers").items();
        if (!Digest.isOne(configDigest) || layers.isEmpty() || layers.size() > MAX_LAYERS) {
            throw new IOException("its manifest is none of an image");
        }
        byte[] document = registry.blob(configDigest);
        ImageConfig config = ImageConfig.parse(document);
        if (config.layers().size() != layers.size()) {
            throw new IOException("its manifest and its configuration differ in their layers");
        }
        long limit =
                Math.min(
                        MAX_CONTENT_BYTES,
                        Files.getFileStore(work).getUsableSpace() - KEPT_FREE_BYTES);
        try (Spool spool = Spool.in(work, limit)) {
            FileTree tree = new FileTree(spool);
            for (int i = 0; i < layers.size(); i++) {
                JsonDocument layer = layers.get(i);
                long size = layer.get("size").number();
                String digest = layer.get("digest").text();
                String type = layer.get("mediaType").text();
                if (!Digest.isOne(digest) || size < 0 || size > limit) {
                    throw new IOException(
                            "its layer %d has a size or digest that cannot be".formatted(i + 1));
                }
                if (!LayerFile.isKnown(type)) {
                    throw new IOException(
                            "its layer %d is of the kind '%s', which is not supported"
                                    .formatted(i + 1, FileTree.shown(type)));
                }
                progress.accept(
                        "fetching layer %d of %d, %s"
                                .formatted(i + 1, layers.size(), mebibytes(size)));
                Path file = work.resolve("layer");
                registry.download(digest, size, file);
                try {
                    LayerFile.apply(file, type, config.layers().get(i), tree);
                } catch (IOException e) {
                    throw new IOException("its layer %d is bad: %s".formatted(i + 1, reason(e)), e);
                } finally {
                    Files.delete(file);
                }
            }
            finish(tree, config, document, work);
        }
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
    }

    private void finish(FileTree tree, ImageConfig config, byte[] document, Path work)
            throws IOException {
        for (String name : FOLDERS) {
            tree.directory(name, name.equals("root") ? 0700 : 0755);
        }
        if (tree.find("tmp", false) == null) {
            tree.add("tmp", new FileNode(FileNode.Kind.DIRECTORY, 01777));
        }
        Account account = Account.find(config.user(), tree);
        long bytes = tree.spool().length();
        long disk = Math.max(DISK_BYTES, 2 * bytes + (1L << 30) & -(1L << 20));
        progress.accept("writing its file system, " + mebibytes(bytes));
        Ext4Writer.write(
                tree,
                work.resolve("disk.raw"),
                disk,
                UUID.randomUUID(),
                "root",
                System.currentTimeMillis() / 1000);
        Files.write(work.resolve("config.json"), document);
        Properties facts = new Properties();
        facts.setProperty("version", "1");
        facts.setProperty("user", "" + account.user());
        facts.setProperty("group", "" + account.group());
        facts.setProperty(
                "groups",
                String.join(",", account.groups().stream().map(String::valueOf).toList()));
        facts.setProperty("home", account.home());
        facts.setProperty("bytes", "" + bytes);
        store(facts, work.resolve("image.properties"));
    }

    private static void store(Properties properties, Path target) throws IOException {
        Path part = Files.createTempFile(target.getParent(), ".part", "");
        try (OutputStream out = Files.newOutputStream(part)) {
            properties.store(out, null);
        }
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }
}
