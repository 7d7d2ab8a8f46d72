package io.queztl.server.guest;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The user's cache folder: {@code $XDG_CACHE_HOME/queztl}, or {@code ~/.cache/queztl}. */
public final class CacheFolder {
    private final Path root;

    /** The folder at {@code root}; it need not exist yet. */
    public CacheFolder(Path root) {
        this.root = root;
    }

    /**
     * The folder that the environment names.
     *
     * @param environment such as {@code System.getenv()}
     */
    public static CacheFolder of(Map<String, String> environment) {
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The specification says that a relative path is to be ignored.
        if (xdg.startsWith("/")) {
            return new CacheFolder(Path.of(xdg, "queztl"));
        }
        String home = environment.getOrDefault("HOME", System.getProperty("user.home", "/"));
        return new CacheFolder(Path.of(home, ".cache", "queztl"));
    }

    /**
     * A folder in the cache, made if need be.
     *
     * @throws CommandException if it cannot be made
     */
    public Path folder(String name) {
        Path folder = root.resolve(name);
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "the cache folder %s cannot be made (%s); set XDG_CACHE_HOME to one that can."
                            .formatted(folder, reason(e)),
                    e);
        }
    }

    /** Work with files. */
    @FunctionalInterface
    public interface Work<T> {
        /** Does it. */
        T run() throws IOException;
    }

    /** Does {@code work} while other processes of the same user are kept out by the same name. */
    public <T> T locked(String name, Work<T> work) throws IOException {
        Path file = folder("").resolve(name + ".lock");
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            // Given back when the channel closes.
            FileLock lock = channel.lock();
            try {
                return work.run();
            } finally {
                lock.release();
            }
        }
    }

    /** Deletes a folder and all that is in it; what cannot be deleted stays. */
    public static void delete(Path folder) {
        try {
            Files.walkFileTree(
                    folder,
                    new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult visitFile(Path file, BasicFileAttributes a)
                                throws IOException {
                            Files.delete(file);
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult postVisitDirectory(
                                Path directory, @Nullable IOException e) throws IOException {
                            Files.delete(directory);
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            // Left in the cache; the next run tries again.
        }
    }

    /** The system's own words, without the file name that Java puts before them. */
    public static String reason(IOException e) {
        if (e instanceof java.nio.file.FileSystemException f && f.getReason() != null) {
            return f.getReason();
        }
        return e instanceof java.nio.file.AccessDeniedException
                ? "permission denied"
                : String.valueOf(e.getMessage());
    }
}
