package io.queztl.server.control;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder with the control sockets of this user's running VMs, {@code NAME.sock} each: {@code
 * $XDG_RUNTIME_DIR/queztl}, or {@code /tmp/queztl-UID}. Nobody else can look into it.
 *
 * <p>A VM that was killed leaves its socket behind; nobody listens there any more, which is how it
 * is recognized. Sockets are made and removed with the lock of the folder held, so that none is
 * taken for such a one before somebody listens.
 */
public final class RuntimeFolder {
    /** What a VM may be called. */
    public static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");

    private static final String SUFFIX = ".sock";
    private static final String LOCK = ".lock";

    /** {@code sun_path} has room for 107 bytes and a NUL. */
    private static final int MAX_PATH = 107;

    private static final int MAX_DEFAULT_NAMES = 10_000;

    /** File locks belong to processes: between threads this one counts. */
    private static final Object THREADS = new Object();

    private final Path folder;

    private RuntimeFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * The folder that the environment names, made if need be.
     *
     * @param environment such as {@code System.getenv()}
     * @throws CommandException if it cannot be made or others may use it
     */
    public static RuntimeFolder of(Map<String, String> environment) {
        String xdg = environment.getOrDefault("XDG_RUNTIME_DIR", "");
        Path path = null;
        try {
            Object user = user();
            // The specification says that a relative path is to be ignored.
            path = xdg.startsWith("/") ? Path.of(xdg, "queztl") : Path.of("/tmp", "queztl-" + user);
            make(path, user);
            return new RuntimeFolder(path);
        } catch (IOException | UnsupportedOperationException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    ("the folder %s for control sockets cannot be used (%s); set XDG_RUNTIME_DIR"
                                    + " to one that can.")
                            .formatted(path == null ? "" : path, e.getMessage()),
                    e);
        }
    }

    private static Object user() throws IOException {
        return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    }

    private static void make(Path path, Object user) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            try {
                Path ignored =
                        Files.createDirectory(
                                path,
                                PosixFilePermissions.asFileAttribute(
                                        PosixFilePermissions.fromString("rwx------")));
            } catch (java.nio.file.FileAlreadyExistsException e) {
                // Somebody was quicker; who it was is checked now.
            }
        }
        Map<String, Object> found =
                Files.readAttributes(path, "unix:uid,mode,isDirectory", LinkOption.NOFOLLOW_LINKS);
        if (!Boolean.TRUE.equals(found.get("isDirectory")) || !user.equals(found.get("uid"))) {
            throw new IOException("it is not a folder of this user");
        }
        if (found.get("mode") instanceof Integer mode && (mode & 077) != 0) {
            throw new IOException("others may use it: its mode must be 0700");
        }
    }

    /** Where it is. */
    public Path path() {
        return folder;
    }

    /** The socket of a VM. */
    public Path socket(String name) {
        return folder.resolve(name + SUFFIX);
    }

    /**
     * A listening socket.
     *
     * @param name what the VM is called
     * @param channel listens
     */
    public record Endpoint(String name, ServerSocketChannel channel) {}

    /**
     * Listens under a name.
     *
     * @param name null for one that nobody has: {@code vm1}, {@code vm2} and so on
     * @throws CommandException if the name is taken or makes no name
     */
    public Endpoint listen(@Nullable String name) {
        if (name != null) {
            checkName(name);
        }
        try {
            return locked(() -> {
                if (name != null) {
                    Endpoint endpoint = tryListen(name);
                    if (endpoint == null) {
                        throw new CommandException(
                                ExitStatus.USAGE,
                                ("a VM called '%s' is running already; choose another name or"
                                                + " end it with 'queztl stop %s'.")
                                        .formatted(name, name));
                    }
                    return endpoint;
                }
                for (int i = 1; i < MAX_DEFAULT_NAMES; i++) {
                    Endpoint endpoint = tryListen("vm" + i);
                    if (endpoint != null) {
                        return endpoint;
                    }
                }
                throw new IOException("too many VMs");
            });
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "the control socket in %s cannot be made (%s); set XDG_RUNTIME_DIR to a folder that can have it."
                            .formatted(folder, e.getMessage()),
                    e);
        }
    }

    private void checkName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    ("'%s' is no name for a VM: letters, digits, '.', '_' and '-', at most 63,"
                                    + " a letter or digit first.")
                            .formatted(name));
        }
        if (socket(name).toString().length() > MAX_PATH) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "the socket %s has too long a path; give the VM a shorter name."
                            .formatted(socket(name)));
        }
    }

    private @Nullable Endpoint tryListen(String name) throws IOException {
        Path path = socket(name);
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            if (answers(path)) {
                return null;
            }
            Files.delete(path);
        }
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            ServerSocketChannel ignored = channel.bind(UnixDomainSocketAddress.of(path));
            Path same =
                    Files.setPosixFilePermissions(
                            path, PosixFilePermissions.fromString("rw-------"));
            return new Endpoint(name, channel);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** True unless nobody listens. */
    private static boolean answers(Path path) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            // Without waiting: who listens but is too busy to accept does exist.
            channel.configureBlocking(false);
            boolean ignored = channel.connect(UnixDomainSocketAddress.of(path));
            return true;
        } catch (java.net.ConnectException e) {
            return false;
        } catch (IOException e) {
            return !String.valueOf(e.getMessage()).contains("refused");
        }
    }

    /** Closes a socket and removes it. */
    public void close(Endpoint endpoint) {
        try {
            locked(() -> {
                if (endpoint.channel().isOpen()) {
                    // First the name: later it might be another's.
                    boolean ignored = Files.deleteIfExists(socket(endpoint.name()));
                    endpoint.channel().close();
                }
                return endpoint;
            });
        } catch (IOException e) {
            // It is recognized as left behind.
        }
    }

    /** The names of the VMs that run, sorted; what killed ones have left is removed. */
    public List<String> names() throws IOException {
        return locked(() -> {
            List<String> names = new ArrayList<>();
            List<Path> paths;
            try (Stream<Path> list = Files.list(folder)) {
                paths = list.sorted().toList();
            }
            for (Path path : paths) {
                String file = String.valueOf(path.getFileName());
                if (!file.endsWith(SUFFIX)) {
                    continue;
                }
                if (answers(path)) {
                    names.add(file.substring(0, file.length() - SUFFIX.length()));
                } else {
                    Files.delete(path);
                }
            }
            return names;
        });
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    private <T> T locked(Work<T> work) throws IOException {
        synchronized (THREADS) {
            try (FileChannel channel =
                    FileChannel.open(
                            folder.resolve(LOCK),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE)) {
                // Given back when the channel closes.
                FileLock lock = channel.lock();
                try {
                    return work.run();
                } finally {
                    lock.release();
                }
            }
        }
    }
}
