package io.queztl.devices.net.user;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * UDP between the guest and the outside: for each pair of endpoints a connected socket of the host,
 * so that the host's kernel lets only answers in and tells when nobody listens. A flow ends when it
 * is idle, or when it is the one idle for longest and another one is wanted. Datagrams without data
 * are not passed on: Java's connected sockets send none. Guarded by the stack's lock.
 */
final class UdpTable {
    private static final long IDLE_NANOS = 120_000_000_000L; // RFC 4787 REQ-5
    private static final int BATCH = 64;
    private static final int EPHEMERAL = 49_152;

    /** How to answer the guest's datagrams: by a socket of their own, or by a listening one. */
    private static final class Session implements HostLoop.Handler {
        final UdpTable table;
        final Flow flow;
        final DatagramChannel channel;
        final @Nullable InetSocketAddress client;
        @Nullable SelectionKey key;
        long mac;
        long lastUse;

        Session(
                UdpTable table,
                Flow flow,
                DatagramChannel channel,
                @Nullable InetSocketAddress client) {
            this.table = table;
            this.flow = flow;
            this.channel = channel;
            this.client = client;
        }

        @Override
        public void ready(SelectionKey ready) {
            table.receive(this);
        }
    }

    private final HostLoop loop;
    private final FrameWriter writer;
    private final AccessPolicy policy;
    private final Icmp icmp;
    private final UnaryOperator<IpAddress> seenAs;
    private final int most;
    private final Map<Flow, Session> sessions = new LinkedHashMap<>(64, 0.75f, true);
    private final ArrayList<SelectionKey> held = new ArrayList<>();

    /**
     * @param seenAs by which address the guest sees a client of a forwarded port
     */
    UdpTable(
            HostLoop loop,
            FrameWriter writer,
            AccessPolicy policy,
            Icmp icmp,
            UnaryOperator<IpAddress> seenAs,
            int most) {
        this.loop = loop;
        this.writer = writer;
        this.policy = policy;
        this.icmp = icmp;
        this.seenAs = seenAs;
        this.most = most;
    }

    int size() {
        return sessions.size();
    }

    /**
     * A datagram from the guest, its header checked.
     *
     * @param bytes of its data
     */
    void send(GuestPacket p, Flow flow, int bytes, long now) {
        Session session = sessions.get(flow);
        if (session == null) {
            session = open(p, flow, now);
        }
        if (session == null) {
            return;
        }
        session.mac = p.sourceMac;
        session.lastUse = now;
        int at = p.at + FrameWriter.UDP_HEADER;
        int limit = p.data.limit();
        p.data.limit(at + bytes).position(at);
        try {
            // A full socket buffer drops the datagram, as any router does.
            int ignored =
                    session.client == null
                            ? session.channel.write(p.data)
                            : session.channel.send(p.data, session.client);
        } catch (PortUnreachableException e) {
            icmp.unreachable(session.mac, flow, Icmp.Reason.PORT);
        } catch (IOException e) {
            icmp.unreachable(session.mac, flow, Icmp.Reason.HOST);
        } finally {
            p.data.limit(limit).position(0);
        }
    }

    private @Nullable Session open(GuestPacket p, Flow flow, long now) {
        InetSocketAddress target = policy.target(flow.remote(), flow.remotePort());
        if (target == null) {
            icmp.unreachable(p, Icmp.Reason.PROHIBITED);
            return null;
        }
        DatagramChannel channel = null;
        try {
            channel = DatagramChannel.open();
            DatagramChannel ignored = channel.connect(target);
            Session session = new Session(this, flow, channel, null);
            session.key = loop.register(channel, SelectionKey.OP_READ, session);
            add(session, now);
            return session;
        } catch (IOException | RuntimeException e) {
            if (channel != null) {
                loop.close(channel);
            }
            icmp.unreachable(p, Icmp.Reason.HOST);
            return null;
        }
    }

    private void add(Session session, long now) {
        if (sessions.size() >= most) {
            Session eldest = sessions.values().iterator().next();
            close(eldest);
        }
        session.lastUse = now;
        Session ignored = sessions.put(session.flow, session);
        loop.wakeAt(now + IDLE_NANOS);
    }

    private void close(Session session) {
        Session ignored = sessions.remove(session.flow);
        if (session.client == null) {
            loop.close(session.channel);
        }
    }

    private void receive(Session session) {
        int at = FrameWriter.payload(session.flow.guest().isV4()) + FrameWriter.UDP_HEADER;
        ByteBuffer b = writer.buffer;
        for (int i = 0; i < BATCH; i++) {
            if (writer.blocked()) {
                hold(session.key);
                return;
            }
            boolean some;
            int n = 0;
            try {
                b.clear().position(at).limit(at + FrameWriter.MAX_UDP);
                some = session.channel.receive(b) != null;
                n = b.position() - at;
            } catch (PortUnreachableException e) {
                b.clear();
                icmp.unreachable(session.mac, session.flow, Icmp.Reason.PORT);
                continue;
            } catch (IOException e) {
                b.clear();
                close(session);
                return;
            }
            b.clear();
            if (!some) {
                return;
            }
            session.lastUse = loop.now();
            boolean ignored = writer.sendUdp(session.mac, session.flow, n, false);
        }
    }

    /** Delivers what comes to a bound socket of the host to a port of the guest. */
    void listen(
            DatagramChannel channel, IpAddress guest, int guestPort, TcpTable.GuestLookup lookup)
            throws IOException {
        Listener listener = new Listener(channel, guest, guestPort, lookup);
        listener.key = loop.register(channel, SelectionKey.OP_READ, listener);
    }

    /** A host's port that leads to one of the guest's. */
    private final class Listener implements HostLoop.Handler {
        private final DatagramChannel channel;
        private final IpAddress guest;
        private final int guestPort;
        private final TcpTable.GuestLookup lookup;
        private final Map<SocketAddress, Session> clients = new HashMap<>();
        private @Nullable SelectionKey key;

        Listener(
                DatagramChannel channel,
                IpAddress guest,
                int guestPort,
                TcpTable.GuestLookup lookup) {
            this.channel = channel;
            this.guest = guest;
            this.guestPort = guestPort;
            this.lookup = lookup;
        }

        @Override
        public void ready(SelectionKey ready) {
            int at = FrameWriter.payload(guest.isV4()) + FrameWriter.UDP_HEADER;
            ByteBuffer b = writer.buffer;
            for (int i = 0; i < BATCH; i++) {
                if (writer.blocked()) {
                    hold(key);
                    return;
                }
                SocketAddress client;
                int n;
                try {
                    b.clear().position(at).limit(at + FrameWriter.MAX_UDP);
                    client = channel.receive(b);
                    n = b.position() - at;
                } catch (IOException e) {
                    b.clear();
                    return; // an error of an earlier answer; the port goes on listening
                }
                b.clear();
                if (client == null) {
                    return;
                }
                deliver(client, n);
            }
        }

        private void deliver(SocketAddress client, int bytes) {
            long mac = lookup.mac(guest);
            if (mac == 0) {
                return; // asked for now; the next datagram may arrive
            }
            long now = loop.now();
            Session session = clients.get(client);
            if (session == null || sessions.get(session.flow) != session) {
                session = newSession((InetSocketAddress) client, now);
                clients.values().removeIf(s -> sessions.get(s.flow) != s);
                Session ignored = clients.put(client, session);
            }
            session.mac = mac;
            session.lastUse = now;
            boolean ignored = writer.sendUdp(mac, session.flow, bytes, false);
        }

        private Session newSession(InetSocketAddress client, long now) {
            IpAddress from = seenAs.apply(IpAddress.of(client.getAddress()));
            Flow flow = new Flow(guest, guestPort, from, client.getPort());
            for (int port = EPHEMERAL; sessions.containsKey(flow) && port < 65_536; port++) {
                flow = new Flow(guest, guestPort, from, port);
            }
            Session session = new Session(UdpTable.this, flow, channel, client);
            add(session, now);
            return session;
        }
    }

    /** The guest has no room: what comes waits in the host's sockets. */
    private void hold(@Nullable SelectionKey key) {
        if (key != null && key.isValid()) {
            loop.interest(key, 0);
            held.add(key);
        }
    }

    /** The guest may have room again. */
    void resume() {
        if (!held.isEmpty() && !writer.blocked()) {
            for (SelectionKey key : held) {
                loop.interest(key, SelectionKey.OP_READ);
            }
            held.clear();
        }
    }

    /** Ends what is idle; returns when there is something to end again. */
    long expire(long now) {
        long next = HostLoop.NEVER;
        for (Session session : new ArrayList<>(sessions.values())) {
            if (session.lastUse + IDLE_NANOS <= now) {
                close(session);
            } else {
                next = Math.min(next, session.lastUse + IDLE_NANOS);
            }
        }
        return next;
    }

    void close() {
        for (Session session : new ArrayList<>(sessions.values())) {
            close(session);
        }
        held.clear();
    }
}
