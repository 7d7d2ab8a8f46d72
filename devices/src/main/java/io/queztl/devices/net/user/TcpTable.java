package io.queztl.devices.net.user;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * All TCP connections of the guest: finds the one of a segment, makes new ones as far as policy and
 * limits allow, and lets those send that have something to send. Guarded by the stack's lock.
 */
final class TcpTable {
    private static final int EPHEMERAL = 49_152;
    private static final int PORT_ATTEMPTS = 32;

    final HostLoop loop;
    final FrameWriter writer;
    final ChunkPool pool;
    final UserNetworkLimits limits;
    final int mtu;

    private final Targets targets;
    private final Icmp icmp;
    private final GuestLookup lookup;
    private final Map<Flow, TcpConnection> connections = new HashMap<>();
    private final ArrayDeque<TcpConnection> output = new ArrayDeque<>();
    private final ArrayDeque<TcpConnection> starved = new ArrayDeque<>();
    private final SplittableRandom random = new SplittableRandom(new SecureRandom().nextLong());
    private final TcpHeader resetHeader = new TcpHeader();
    private int halfOpen;

    /** Where connections lead to. */
    @FunctionalInterface
    interface Targets {
        /** Where the host connects to, or null if the guest may not go there. */
        @Nullable InetSocketAddress of(Flow flow);
    }

    /** Where the guest is on its link. */
    @FunctionalInterface
    interface GuestLookup {
        /** Its MAC address, or 0 if that is not known yet; then it is asked for. */
        long mac(IpAddress guest);
    }

    TcpTable(
            HostLoop loop,
            FrameWriter writer,
            Targets targets,
            Icmp icmp,
            GuestLookup lookup,
            UserNetworkLimits limits,
            int mtu) {
        this.loop = loop;
        this.writer = writer;
        this.targets = targets;
        this.icmp = icmp;
        this.lookup = lookup;
        this.limits = limits;
        this.mtu = mtu;
        pool = new ChunkPool(limits.bufferBytes());
    }

    int size() {
        return connections.size();
    }

    int initialSequence() {
        return random.nextInt();
    }

    long guestMac(IpAddress guest) {
        return lookup.mac(guest);
    }

    /** A packet of TCP from the guest. */
    void receive(GuestPacket p, long now) {
        if (p.bytes < FrameWriter.TCP_HEADER) {
            return;
        }
        int headerBytes = (p.u16(12) >>> 12) * 4;
        if (headerBytes < FrameWriter.TCP_HEADER || headerBytes > p.bytes || !p.checksumValid()) {
            return;
        }
        Flow flow = new Flow(p.source, p.u16(0), p.destination, p.u16(2));
        int flags = p.u16(12) & 0x3f;
        int kind = flags & (TcpHeader.SYN | TcpHeader.ACK | TcpHeader.RST | TcpHeader.FIN);
        TcpConnection c = connections.get(flow);
        if (c != null && c.state() == TcpConnection.State.TIME_WAIT && kind == TcpHeader.SYN) {
            c.close(); // a new one in place of the one that is over
            c = null;
        }
        if (c != null) {
            c.segment(p, headerBytes, now);
        } else if (kind == TcpHeader.SYN) {
            connect(p, flow, headerBytes);
        } else {
            reset(p, headerBytes);
        }
    }

    private void connect(GuestPacket p, Flow flow, int headerBytes) {
        if (connections.size() >= limits.connections() || halfOpen >= limits.halfOpen()) {
            reset(p, headerBytes);
            return;
        }
        InetSocketAddress target = targets.of(flow);
        if (target == null) {
            icmp.unreachable(p, Icmp.Reason.PROHIBITED);
            return;
        }
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open();
            SocketChannel ignored = channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            TcpConnection c =
                    new TcpConnection(
                            this, flow, channel, p.sourceMac, TcpConnection.State.CONNECTING);
            c.synReceived(p, headerBytes);
            c.registered(loop.register(channel, SelectionKey.OP_CONNECT, c));
            boolean connected = channel.connect(target);
            connections.put(flow, c);
            halfOpen++;
            loop.wakeAt(c.deadline());
            if (connected) {
                c.hostConnected();
            }
        } catch (IOException | RuntimeException e) {
            // Unresolved, unsupported and unreachable addresses are refused at once.
            if (channel != null) {
                loop.close(channel);
            }
            if (e instanceof java.net.ConnectException) {
                reset(p, headerBytes);
            } else {
                icmp.unreachable(p, Icmp.Reason.HOST);
            }
        }
    }

    /** The host's side of a connection cannot be had. */
    void refused(TcpConnection c, long mac) {
        resetHeader.sequence = 0;
        resetHeader.acknowledgement = c.acknowledgement();
        resetHeader.flags = TcpHeader.RST | TcpHeader.ACK;
        resetHeader.window = 0;
        boolean ignored = writer.sendTcp(mac, c.flow, resetHeader, 0, null, 0, 0, 1);
        c.close();
    }

    /**
     * A client of a forwarded port.
     *
     * @param from the address that the guest is to see
     */
    void forward(SocketChannel client, IpAddress guest, int guestPort, IpAddress from, int fromPort)
            throws IOException {
        if (connections.size() >= limits.connections() || halfOpen >= limits.halfOpen()) {
            loop.close(client);
            return;
        }
        Flow flow = new Flow(guest, guestPort, from, fromPort);
        for (int i = 0; connections.containsKey(flow); i++) {
            if (i == PORT_ATTEMPTS) {
                loop.close(client);
                return;
            }
            flow = new Flow(guest, guestPort, from, random.nextInt(EPHEMERAL, 65_536));
        }
        SocketChannel ignored = client.setOption(StandardSocketOptions.TCP_NODELAY, true);
        TcpConnection c = new TcpConnection(this, flow, client, 0, TcpConnection.State.SYN_SENT);
        c.registered(loop.register(client, 0, c));
        connections.put(flow, c);
        halfOpen++;
        c.connectGuest();
    }

    /** Answers a segment that belongs to nothing (RFC 9293 section 3.10.7.1). */
    void reset(GuestPacket p, int headerBytes) {
        int flags = p.u16(12) & 0x3f;
        if ((flags & TcpHeader.RST) != 0) {
            return;
        }
        if ((flags & TcpHeader.ACK) != 0) {
            resetHeader.sequence = p.data.getInt(p.at + 8);
            resetHeader.acknowledgement = 0;
            resetHeader.flags = TcpHeader.RST;
        } else {
            int length = p.bytes - headerBytes;
            length += flags & TcpHeader.FIN;
            length += (flags & TcpHeader.SYN) / TcpHeader.SYN;
            resetHeader.sequence = 0;
            resetHeader.acknowledgement = p.data.getInt(p.at + 4) + length;
            resetHeader.flags = TcpHeader.RST | TcpHeader.ACK;
        }
        resetHeader.window = 0;
        Flow flow = new Flow(p.source, p.u16(0), p.destination, p.u16(2));
        boolean ignored = writer.sendTcp(p.sourceMac, flow, resetHeader, 0, null, 0, 0, 1);
    }

    /** A half-open connection is no longer one. */
    void opened() {
        halfOpen--;
    }

    /** Has a connection send when there is an occasion. */
    void output(TcpConnection c) {
        if (!c.queued) {
            c.queued = true;
            output.add(c);
        }
    }

    /** A connection could not read for want of memory. */
    void starved(TcpConnection c) {
        if (starved.size() <= connections.size()) {
            starved.add(c);
        }
    }

    /** Has connections send, as long as the guest has room. */
    void flush(long now) {
        if (!starved.isEmpty() && pool.available() > 0) {
            starved.forEach(this::output);
            starved.clear();
        }
        while (!writer.blocked()) {
            TcpConnection c = output.poll();
            if (c == null) {
                return;
            }
            c.queued = false;
            if (!c.output(now)) {
                output(c);
            }
        }
    }

    /** Does what is due; returns when the next thing is. */
    long expire(long now) {
        long next = HostLoop.NEVER;
        for (TcpConnection c : new ArrayList<>(connections.values())) {
            if (c.deadline() <= now) {
                c.expire(now);
            }
            next = Math.min(next, c.deadline());
        }
        return next;
    }

    void closed(TcpConnection c) {
        TcpConnection ignored = connections.remove(c.flow);
    }

    /** Resets everything. */
    void close() {
        for (TcpConnection c : new ArrayList<>(connections.values())) {
            c.abort();
        }
        output.clear();
        starved.clear();
    }
}
