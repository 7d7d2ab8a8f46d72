package io.queztl.server.control;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Serves the control socket of one VM ({@code docs/control.md}): each connection by a thread of its
 * own, so that whoever stalls keeps nobody waiting. When there are too many, the one that has said
 * nothing for the longest is closed.
 */
public final class ControlServer implements AutoCloseable {
    private static final int MAX_CONNECTIONS = 64;

    /** Does the commands. */
    @FunctionalInterface
    public interface Handler {
        /**
         * Does a command and answers on the connection.
         *
         * @throws ControlException if it cannot be done, which becomes the answer
         * @throws IOException to close the connection
         */
        void serve(String command, Arguments arguments, ControlConnection connection)
                throws ControlException, IOException, InterruptedException;
    }

    private final RuntimeFolder folder;
    private final RuntimeFolder.Endpoint endpoint;
    private final Handler handler;
    private final List<Peer> peers = new ArrayList<>(); // guarded by itself

    private static final class Peer {
        final ControlConnection connection;
        volatile long since = System.nanoTime();
        volatile boolean busy;

        Peer(ControlConnection connection) {
            this.connection = connection;
        }
    }

    /** Takes over an endpoint of the folder and serves it until {@link #close}. */
    public ControlServer(RuntimeFolder folder, RuntimeFolder.Endpoint endpoint, Handler handler) {
        this.folder = folder;
        this.endpoint = endpoint;
        this.handler = handler;
    }

    /** Starts to accept connections. */
    public ControlServer start() {
        Thread ignored = Thread.ofPlatform().daemon().name("queztl-control").start(this::accept);
        return this;
    }

    /** What the VM is called. */
    public String name() {
        return endpoint.name();
    }

    private void accept() {
        while (endpoint.channel().isOpen()) {
            try {
                SocketChannel channel = endpoint.channel().accept();
                Peer peer = new Peer(new ControlConnection(channel));
                synchronized (peers) {
                    if (peers.size() >= MAX_CONNECTIONS) {
                        dropOne();
                    }
                    peers.add(peer);
                }
                Thread ignored =
                        Thread.ofPlatform()
                                .daemon()
                                .name("queztl-control-peer")
                                .start(() -> serve(peer));
            } catch (IOException e) {
                // Closed; or the host has no descriptors left, and may have some later.
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void dropOne() {
        Optional<Peer> idle =
                peers.stream()
                        .min(
                                Comparator.comparing((Peer p) -> p.busy)
                                        .thenComparing((a, b) -> Long.signum(a.since - b.since)));
        idle.ifPresent(this::drop);
    }

    private void drop(Peer peer) {
        synchronized (peers) {
            boolean ignored = peers.remove(peer);
        }
        try {
            peer.connection.close();
        } catch (IOException e) {
            // It is gone in any case.
        }
    }

    private void serve(Peer peer) {
        ControlConnection connection = peer.connection;
        try {
            String line;
            while ((line = connection.readLine()) != null) {
                peer.busy = true;
                try {
                    Arguments request = Arguments.parse(line);
                    handler.serve(
                            request.string("command"), request.object("arguments"), connection);
                } catch (ControlException e) {
                    connection.refuse(String.valueOf(e.getMessage()));
                } catch (RuntimeException e) {
                    connection.refuse("an error in Queztl, please report it: " + e + ".");
                }
                peer.since = System.nanoTime();
                peer.busy = false;
            }
        } catch (IOException e) {
            // The other side went away, or broke the rules.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            drop(peer);
        }
    }

    /** Removes the socket and ends all connections. Any thread, more than once. */
    @Override
    public void close() {
        folder.close(endpoint);
        List<Peer> all;
        synchronized (peers) {
            all = List.copyOf(peers);
        }
        all.forEach(this::drop);
    }
}
