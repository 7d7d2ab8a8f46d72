package io.queztl.server.agent;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.function.Consumer;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Packs files of the host for a guest; symbolic links as they are. */
public final class TarSender {
    private TarSender() {}

    /**
     * Packs a file, or a folder with all that is beneath it.
     *
     * @param name what it is called in the archive
     * @param skipped told of what is neither file nor folder nor link
     */
    public static void pack(Path source, String name, OutputStream out, Consumer<Path> skipped)
            throws IOException {
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out, "UTF-8");
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_GNU);
        tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_STAR);
        Path ignored =
                Files.walkFileTree(
                        source,
                        new SimpleFileVisitor<>() {
                            @Override
                            public FileVisitResult preVisitDirectory(
                                    Path path, BasicFileAttributes a) throws IOException {
                                return add(path, a);
                            }

                            @Override
                            public FileVisitResult visitFile(Path path, BasicFileAttributes a)
                                    throws IOException {
                                return add(path, a);
                            }

                            private FileVisitResult add(Path path, BasicFileAttributes a)
                                    throws IOException {
                                String rest = source.relativize(path).toString();
                                String full = rest.isEmpty() ? name : name + "/" + rest;
                                if (a.isOther()) {
                                    skipped.accept(path);
                                } else {
                                    TarSender.add(tar, path, a, full);
                                }
                                return FileVisitResult.CONTINUE;
                            }
                        });
        tar.finish();
        tar.flush();
    }

    private static void add(
            TarArchiveOutputStream tar, Path path, BasicFileAttributes a, String name)
            throws IOException {
        TarArchiveEntry entry;
        if (a.isSymbolicLink()) {
            entry = new TarArchiveEntry(name, TarConstants.LF_SYMLINK);
            entry.setLinkName(Files.readSymbolicLink(path).toString());
        } else {
            entry = new TarArchiveEntry(a.isDirectory() ? name + "/" : name);
            Object mode = Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
            entry.setMode((Integer) mode & 0777);
        }
        entry.setModTime(a.lastModifiedTime());
        entry.setSize(a.isRegularFile() ? a.size() : 0);
        tar.putArchiveEntry(entry);
        if (a.isRegularFile()) {
            long copied = Files.copy(path, tar);
            if (copied != a.size()) {
                throw new IOException("%s has changed meanwhile".formatted(path));
            }
        }
        tar.closeArchiveEntry();
    }
}
