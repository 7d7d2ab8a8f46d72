package io.queztl.devices.net.user;

import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/** The host's ports that lead into the guest. Guarded by the stack's lock. */
final class Forwards {
    private static final int BACKLOG = 128;

    private final HostLoop loop;
    private final NetworkAddresses addresses;
    private final TcpTable tcp;
    private final List<InetSocketAddress> bound = new ArrayList<>();

    Forwards(HostLoop loop, NetworkAddresses addresses, TcpTable tcp) {
        this.loop = loop;
        this.addresses = addresses;
        this.tcp = tcp;
    }

    /**
     * The address by which the guest sees a client: its own, or the gateway's where the guest could
     * not answer to it.
     */
    static IpAddress seenAs(NetworkAddresses addresses, IpAddress client) {
        boolean own = client.isV4() && !client.isLoopback() && !addresses.onLink(client);
        return own ? client : addresses.gateway();
    }

    /**
     * Listens for all of them.
     *
     * @throws IOException with a sentence, if one of the ports cannot be had
     */
    void open(List<PortForward> forwards, UdpTable udp, TcpTable.GuestLookup lookup)
            throws IOException {
        for (PortForward forward : forwards) {
            try {
                bound.add(forward.udp() ? openUdp(forward, udp, lookup) : openTcp(forward));
            } catch (IOException e) {
                throw new IOException(
                        "port %d of %s cannot be forwarded: %s"
                                .formatted(
                                        forward.host().getPort(),
                                        forward.host().getAddress().getHostAddress(),
                                        reason(e)),
                        e);
            }
        }
    }

    private static String reason(IOException e) {
        return e instanceof BindException
                ? "it is taken, or this user may not listen there (%s)".formatted(e.getMessage())
                : String.valueOf(e.getMessage());
    }

    /** Where the host listens, in the order of the forwards. */
    List<InetSocketAddress> bound() {
        return List.copyOf(bound);
    }

    private InetSocketAddress openTcp(PortForward forward) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        boolean done = false;
        try {
            ServerSocketChannel ignored = server.bind(forward.host(), BACKLOG);
            SelectionKey key =
                    loop.register(
                            server,
                            SelectionKey.OP_ACCEPT,
                            ready -> accept(server, forward.guestPort()));
            done = key.isValid();
            return (InetSocketAddress) server.getLocalAddress();
        } finally {
            if (!done) {
                server.close();
            }
        }
    }

    private void accept(ServerSocketChannel server, int guestPort) {
        while (true) {
            SocketChannel client = null;
            try {
                client = server.accept();
                if (client == null) {
                    return;
                }
                InetSocketAddress peer = (InetSocketAddress) client.getRemoteAddress();
                IpAddress from = seenAs(addresses, IpAddress.of(peer.getAddress()));
                tcp.forward(client, addresses.guest(), guestPort, from, peer.getPort());
            } catch (IOException e) {
                // The client is gone again, or there are no file descriptors for it.
                if (client != null) {
                    loop.close(client);
                }
                return;
            }
        }
    }

    private InetSocketAddress openUdp(
            PortForward forward, UdpTable udp, TcpTable.GuestLookup lookup) throws IOException {
        DatagramChannel channel = DatagramChannel.open();
        boolean done = false;
        try {
            DatagramChannel ignored = channel.bind(forward.host());
            udp.listen(channel, addresses.guest(), forward.guestPort(), lookup);
            done = true;
            return (InetSocketAddress) channel.getLocalAddress();
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }
}
