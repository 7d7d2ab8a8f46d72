package io.queztl.bench;

import io.queztl.server.guest.Apt;
import io.queztl.server.guest.CacheFolder;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.function.Consumer;

/**
 * The programs of Debian that the guest runs, with their libraries: package files fetched by the
 * host's apt, without root, and unpacked into the cache folder once.
 */
final class DebianTree {
    private static final List<String> PACKAGES =
            List.of(
                    "gzip",
                    "openssl",
                    "perl-base",
                    "python3-minimal",
                    "sqlite3",
                    "xz-utils",
                    "zstd");

    /** Part of the folder's name: another number when the packages or the unpacking change. */
    private static final int VERSION = 1;

    private DebianTree() {}

    /**
     * Finds the tree in the cache, or makes it.
     *
     * @param progress told what takes long, a line each
     * @throws IOException if there is no apt, no network or no such package
     */
    static Path obtain(CacheFolder cache, Consumer<String> progress)
            throws IOException, InterruptedException {
        Path folder = cache.folder("bench");
        Path tree = folder.resolve("debian-" + VERSION);
        if (Files.isDirectory(tree)) {
            return tree;
        }
        Path work = Files.createTempDirectory(folder, "apt");
        try {
            Apt apt = new Apt(work);
            progress.accept("fetching the package lists of this host's apt sources");
            String trouble = apt.update();
            progress.accept("downloading " + String.join(", ", PACKAGES));
            List<Path> files;
            try {
                files = apt.downloadAll(PACKAGES);
            } catch (IOException e) {
                throw new IOException(trouble.isEmpty() ? e.getMessage() : trouble, e);
            }
            Path unpacked = Files.createDirectory(work.resolve("tree"));
            for (Path file : files) {
                Tool.run(List.of("dpkg-deb", "-x", file.toString(), unpacked.toString()));
            }
            try {
                Files.move(unpacked, tree, StandardCopyOption.ATOMIC_MOVE);
            } catch (FileAlreadyExistsException | DirectoryNotEmptyException e) {
                // Another process was quicker; its tree is as good.
            }
            return tree;
        } finally {
            CacheFolder.delete(work);
        }
    }
}
