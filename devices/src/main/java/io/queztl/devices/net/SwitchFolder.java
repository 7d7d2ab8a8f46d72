package io.queztl.devices.net;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The folder of one switch: a socket for each port of it. Who joins makes his socket and connects
 * to all others with the folder's lock held, so that between any two ports there is one connection.
 * Sockets that a killed process has left refuse connections and are removed by the next who joins.
 */
final class SwitchFolder {
    private static final String SUFFIX = ".port";
    private static final int BACKLOG = 128;

    /** File locks belong to processes: between threads this one counts. */
    private static final Object THREADS = new Object();

    private final Path folder;

    private SwitchFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * A new port.
     *
     * @param socket its own, on which later ones connect
     * @param server listens there
     * @param peers connections to the ports that there are, blocking
     */
    record Port(Path socket, ServerSocketChannel server, List<SocketChannel> peers) {}

    /**
     * The folder, made if need be.
     *
     * @throws IOException if it cannot be made or others may use it
     */
    static SwitchFolder open(Path folder) throws IOException {
        Path parent = folder.getParent();
        if (parent != null) {
            make(parent);
        }
        make(folder);
        return new SwitchFolder(folder);
    }

    private static void make(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            try {
                Path ignored =
                        Files.createDirectory(
                                path,
                                PosixFilePermissions.asFileAttribute(
                                        PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException e) {
                // Somebody was quicker; who it was is checked now.
            }
        }
        Object user = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        Map<String, Object> found =
                Files.readAttributes(path, "unix:uid,mode,isDirectory", LinkOption.NOFOLLOW_LINKS);
        boolean own =
                Boolean.TRUE.equals(found.get("isDirectory"))
                        && user.equals(found.get("uid"))
                        && found.get("mode") instanceof Integer mode
                        && (mode & 077) == 0;
        if (!own) {
            throw new IOException(path + " is not a folder that only this user may use");
        }
    }

    /**
     * Adds a port.
     *
     * @throws IOException if that fails, or there are {@code most} ports already
     */
    Port join(int most) throws IOException {
        return locked(() -> {
            List<SocketChannel> peers = new ArrayList<>();
            try {
                connectToAll(peers, most);
                return listen(peers);
            } catch (IOException e) {
                for (SocketChannel peer : peers) {
                    peer.close();
                }
                throw e;
            }
        });
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    private <T> T locked(Work<T> work) throws IOException {
        synchronized (THREADS) {
            try (FileChannel file = lockFile()) {
                FileLock lock = file.lock();
                try {
                    return work.run();
                } finally {
                    lock.release();
                }
            }
        }
    }

    private FileChannel lockFile() throws IOException {
        return FileChannel.open(
                folder.resolve("lock"),
                java.util.Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }

    private void connectToAll(List<SocketChannel> peers, int most) throws IOException {
        List<Path> others;
        try (Stream<Path> files = Files.list(folder)) {
            others = files.filter(f -> f.toString().endsWith(SUFFIX)).sorted().toList();
        }
        for (Path other : others) {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                channel.configureBlocking(false);
                if (channel.connect(UnixDomainSocketAddress.of(other))) {
                    peers.add(channel);
                    if (peers.size() >= most) {
                        throw new TooManyPorts(most);
                    }
                    continue;
                }
            } catch (TooManyPorts e) {
                throw e;
            } catch (IOException e) {
                if (refused(e)) {
                    boolean ignored = Files.deleteIfExists(other);
                }
            }
            channel.close(); // one that does not accept is left alone
        }
    }

    private static final class TooManyPorts extends IOException {
        private static final long serialVersionUID = 1L;

        TooManyPorts(int most) {
            super("the switch has %d ports already".formatted(most));
        }
    }

    private static boolean refused(IOException e) {
        return e instanceof java.net.ConnectException
                || String.valueOf(e.getMessage()).contains("refused");
    }

    private Port listen(List<SocketChannel> peers) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            for (int n = 0; ; n++) {
                Path socket = folder.resolve(ProcessHandle.current().pid() + "-" + n + SUFFIX);
                if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
                    continue; // another port of this process
                }
                ServerSocketChannel bound =
                        server.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
                Path same =
                        Files.setPosixFilePermissions(
                                socket, PosixFilePermissions.fromString("rw-------"));
                return new Port(socket, bound, peers);
            }
        } catch (IOException e) {
            server.close();
            throw e;
        }
    }

    /** Removes a port's socket. */
    void leave(Port port) {
        try {
            port.server().close();
            boolean ignored = locked(() -> Files.deleteIfExists(port.socket()));
        } catch (IOException e) {
            // The next who joins removes it.
        }
    }
}
