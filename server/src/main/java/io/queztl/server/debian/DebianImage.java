package io.queztl.server.debian;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockInitramfs;
import io.queztl.vmm.ext4.Ext4Writer;
import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.Spool;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.Properties;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Debian 12 as a disk, in the folder {@code debian-12} of the user's cache. {@code
 * image.properties} is written last: where it is, everything is.
 *
 * @param disk its root file system, a raw image
 * @param release what {@code uname -r} says in the guest
 * @param bytes what its files have
 */
public record DebianImage(Path disk, String release, long bytes) {
    /** What {@code queztl run} calls it; every other name is one of an OCI image. */
    public static final String NAME = "debian";

    private static final String FOLDER = "debian-12";
    private static final String PROPERTIES = "image.properties";

    /** Of the recipe: an image of another one is made again. */
    private static final String VERSION = "1";

    private static final long DISK_BYTES = 8L << 30;
    private static final long MAX_CONTENT_BYTES = 4L << 30;

    /** The image in the cache, or null if there is none. */
    public static @Nullable DebianImage cached(CacheFolder cache) {
        return read(cache.folder(FOLDER));
    }

    /**
     * The image from the cache, or built.
     *
     * @param progress told what takes long, a line each
     * @throws CommandException if it cannot be built
     */
    public static DebianImage obtain(CacheFolder cache, Consumer<String> progress) {
        DebianImage image = cached(cache);
        return image != null ? image : locked(cache, progress, false);
    }

    /** The image, built of the packages that there are now. */
    public static DebianImage build(CacheFolder cache, Consumer<String> progress) {
        return locked(cache, progress, true);
    }

    /** Removes it from the cache; false if it is not there. */
    public static boolean remove(CacheFolder cache) {
        boolean there = cached(cache) != null;
        CacheFolder.delete(cache.folder(FOLDER));
        return there;
    }

    private static DebianImage locked(
            CacheFolder cache, Consumer<String> progress, boolean always) {
        try {
            return cache.locked(
                    FOLDER,
                    () -> {
                        DebianImage meanwhile = always ? null : cached(cache);
                        return meanwhile != null ? meanwhile : make(cache, progress);
                    });
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "Debian cannot be built: %s.".formatted(CacheFolder.reason(e)),
                    e);
        }
    }

    private static @Nullable DebianImage read(Path folder) {
        Properties facts = new Properties();
        try (InputStream in = Files.newInputStream(folder.resolve(PROPERTIES))) {
            facts.load(in);
            boolean whole =
                    VERSION.equals(facts.getProperty("version"))
                            && Files.exists(folder.resolve("disk.raw"));
            return whole
                    ? new DebianImage(
                            folder.resolve("disk.raw"),
                            facts.getProperty("release", ""),
                            Long.parseLong(facts.getProperty("bytes", "")))
                    : null;
        } catch (IOException | IllegalArgumentException e) {
            return null;
        }
    }

    private static DebianImage make(CacheFolder cache, Consumer<String> progress)
            throws IOException {
        Path folder = cache.folder(FOLDER);
        Path work = Files.createTempDirectory(cache.folder(""), ".debian-");
        progress.accept("building Debian 12, once; this takes a few minutes");
        try (Spool spool = Spool.in(work, MAX_CONTENT_BYTES)) {
            FileTree tree = new FileTree(spool);
            DebianSources sources = DebianSources.ofHost();
            new Bootstrap(work, sources, progress).into(tree);
            long now = System.currentTimeMillis() / 1000;
            UUID uuid = UUID.randomUUID();
            DebianTree.adapt(tree, sources, uuid, now, StockInitramfs.agent());
            FileNode kernel = tree.find("vmlinuz", false);
            String target = kernel == null ? "" : kernel.target();
            long bytes = spool.length();
            progress.accept(
                    "writing its file system, %s"
                            .formatted(
                                    String.format(
                                            Locale.ROOT, "%.0f MiB", bytes / (double) (1 << 20))));
            Ext4Writer.write(tree, work.resolve("disk.raw"), DISK_BYTES, uuid, "root", now);
            Properties facts = new Properties();
            facts.setProperty("version", VERSION);
            facts.setProperty("release", target.replaceFirst("^.*vmlinuz-", ""));
            facts.setProperty("bytes", "" + bytes);
            try (OutputStream out = Files.newOutputStream(work.resolve(PROPERTIES))) {
                facts.store(out, null);
            }
            CacheFolder.delete(folder);
            Files.move(work, folder, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            CacheFolder.delete(work);
        }
        DebianImage image = read(folder);
        if (image == null) {
            throw new IOException("it is gone from the cache already");
        }
        return image;
    }
}
