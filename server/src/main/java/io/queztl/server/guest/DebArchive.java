package io.queztl.server.guest;

import io.airlift.compress.v3.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;
import org.tukaani.xz.XZInputStream;

/**
 * A Debian package file: an ar archive whose member {@code data.tar}, compressed with xz, zstd,
 * gzip or not at all, holds the package's files (deb(5)).
 */
final class DebArchive {
    private final Path file;

    DebArchive(Path file) {
        this.file = file;
    }

    /**
     * Writes the first regular file whose name in the package (without {@code ./}) is wanted to
     * {@code target}: whole or not at all.
     *
     * @throws IOException if the package is damaged or has no such file
     */
    void extract(Predicate<String> wanted, String what, Path target) throws IOException {
        if (extractSome(name -> wanted.test(name) ? target : null, true) == 0) {
            throw new IOException(file.getFileName() + " holds no " + what);
        }
    }

    /**
     * Writes the regular files that {@code target} gives a path for, each whole or not at all.
     *
     * @throws IOException if the package is damaged
     */
    void extractAll(Function<String, @Nullable Path> target) throws IOException {
        int ignored = extractSome(target, false);
    }

    private int extractSome(Function<String, @Nullable Path> target, boolean one)
            throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
                ArArchiveInputStream ar = new ArArchiveInputStream(in)) {
            ArArchiveEntry member;
            while ((member = ar.getNextEntry()) != null) {
                if (member.getName().startsWith("data.tar")) {
                    return extractFromTar(uncompressed(member.getName(), ar), target, one);
                }
            }
        }
        throw new IOException(file.getFileName() + " has no data.tar");
    }

    private static InputStream uncompressed(String name, InputStream in) throws IOException {
        return switch (name) {
            case "data.tar.xz" -> new XZInputStream(in);
            case "data.tar.zst" -> new ZstdInputStream(in);
            case "data.tar.gz" -> new GZIPInputStream(in);
            case "data.tar" -> in;
            default -> throw new IOException("compressed in an unknown way: " + name);
        };
    }

    private static int extractFromTar(
            InputStream data, Function<String, @Nullable Path> targets, boolean one)
            throws IOException {
        // Not closed: the ar stream under it belongs to the caller.
        TarArchiveInputStream tar = new TarArchiveInputStream(data);
        TarArchiveEntry entry;
        int files = 0;
        while ((entry = tar.getNextEntry()) != null) {
            String name = entry.getName().startsWith("./") ? entry.getName().substring(2) : "";
            Path target = entry.isFile() ? targets.apply(name) : null;
            if (target != null) {
                Path part = Files.createTempFile(target.getParent(), ".part", "");
                try {
                    Files.copy(tar, part, StandardCopyOption.REPLACE_EXISTING);
                    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
                } finally {
                    Files.deleteIfExists(part);
                }
                files++;
                if (one) {
                    break;
                }
            }
        }
        return files;
    }
}
