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
 * Programs of Debian that the guest runs, with their libraries: package files fetched by the host's
 * apt, without root, and unpacked into the cache folder once.
 *
 * @param name of the folder: another number when the packages or the unpacking change
 * @param packages what to fetch, with all that they depend on
 */
record DebianTree(String name, List<String> packages) {
    /** For the items that compute. */
    static final DebianTree TOOLS =
            new DebianTree(
                    "debian-1",
                    List.of(
                            "gzip",
                            "openssl",
                            "perl-base",
                            "python3-minimal",
                            "sqlite3",
                            "xz-utils",
                            "zstd"));

    /** For the items of {@code --io}. */
    static final DebianTree IO = new DebianTree("debian-io-1", List.of("fio", "iperf3"));

    /**
     * Finds the tree in the cache, or makes it.
     *
     * @param progress told what takes long, a line each
     * @throws IOException if there is no apt, no network or no such package
     */
    Path obtain(CacheFolder cache, Consumer<String> progress)
            throws IOException, InterruptedException {
        Path folder = cache.folder("bench");
        Path tree = folder.resolve(name);
        if (Files.isDirectory(tree)) {
            return tree;
        }
        Path work = Files.createTempDirectory(folder, "apt");
        try {
            Apt apt = new Apt(work);
            progress.accept("fetching the package lists of this host's apt sources");
            String trouble = apt.update();
            progress.accept("downloading " + String.join(", ", packages));
            List<Path> files;
            try {
                files = apt.downloadAll(packages);
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
