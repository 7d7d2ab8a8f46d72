package io.queztl.devices.host;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * A Unix socket that only this user can connect to (mode 0600 from the moment it has its name). A
 * socket that was left behind by a process that is gone is replaced; anything else that has the
 * name stays, and is an error.
 */
public final class PrivateListener implements Closeable {
    /** The longest path of a Unix socket, in bytes ({@code unix(7)}). */
    public static final int MAX_PATH = 107;

    private static final int BACKLOG = 16;

    private final Path path;
    private final ServerSocketChannel channel;
    private final @Nullable Object key;

    private PrivateListener(Path path, ServerSocketChannel channel, @Nullable Object key) {
        this.path = path;
        this.channel = channel;
        this.key = key;
    }

    /**
     * Listens at a path.
     *
     * @throws IOException with a message for the user, if that cannot be
     */
    public static PrivateListener open(Path path) throws IOException {
        if (path.toString().getBytes(StandardCharsets.UTF_8).length > MAX_PATH) {
            throw new IOException("a socket's path has at most %d bytes".formatted(MAX_PATH));
        }
        Path folder = path.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new IOException("there is no folder " + folder);
        }
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            removeDead(path);
        }
        // Made where nobody else comes in, so that it is never open to others, then given its name.
        Path made =
                Files.createTempDirectory(
                        folder,
                        ".q",
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rwx------")));
        ServerSocketChannel channel = null;
        try {
            Path socket = made.resolve("s");
            channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            ServerSocketChannel ignored = channel.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
            Path permitted =
                    Files.setPosixFilePermissions(
                            socket, PosixFilePermissions.fromString("rw-------"));
            // Fails if somebody else has taken the name meanwhile.
            Path linked = Files.createLink(path, permitted);
            Object key = key(linked);
            Files.delete(socket);
            ServerSocketChannel open = channel;
            channel = null;
            return new PrivateListener(path, open, key);
        } finally {
            if (channel != null) {
                channel.close();
            }
            boolean ignored = Files.deleteIfExists(made.resolve("s"));
            Files.delete(made);
        }
    }

    private static @Nullable Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
    }

    private static void removeDead(Path path) throws IOException {
        BasicFileAttributes attributes =
                Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        // A socket is neither of the others.
        if (!attributes.isOther()) {
            throw new IOException("there is a file already that is not a socket");
        }
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.configureBlocking(false);
            boolean ignored = probe.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            if (String.valueOf(e.getMessage()).contains("refused")) {
                Files.delete(path);
                return;
            }
            throw e;
        }
        throw new IOException("another process listens there");
    }

    /** For {@code accept}, or for a selector. */
    public ServerSocketChannel channel() {
        return channel;
    }

    /** Its path. */
    public Path path() {
        return path;
    }

    /** Stops listening and removes the socket, unless its name is another's by now. */
    @Override
    public void close() throws IOException {
        channel.close();
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && key != null && key.equals(key(path))) {
            boolean ignored = Files.deleteIfExists(path);
        }
    }
}
