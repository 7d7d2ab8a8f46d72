package io.queztl.devices.net.user;

import io.queztl.devices.net.NetworkBackend;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * A network of one guest in user mode: the guest's connections end here and are continued by
 * sockets of this process, so it takes no privileges and no configuration of the host. We are the
 * guest's gateway, DHCP and DNS server; the addresses are those of {@link NetworkAddresses}.
 *
 * <p>Threads: {@link #send} works through a packet at once if nobody else is at work, else it
 * leaves a copy for {@link #flush}; it never delivers to the guest and never waits, because its
 * caller holds the lock of a queue. {@link #flush} and the thread of {@link HostLoop} deliver.
 * Everything else is guarded by the loop's lock.
 */
public final class UserNetwork implements NetworkBackend {
    private static final Cidr PREFIX = Cidr.parse("fd51:7a74:6c00:2::/64");
    private static final int MAX_INBOUND = 1024;
    private static final int MAX_INBOUND_BYTES = 8 << 20;

    private final UserNetworkOptions options;
    private final NetworkAddresses addresses;
    private final AccessPolicy policy;
    private final HostLoop loop;
    private final ExecutorService executor;
    private final FrameWriter writer;
    private final Neighbours neighbours;
    private final DhcpServer dhcp;
    private final DnsForwarder dns;
    private final Icmp icmp;
    private final TcpTable tcp;
    private final UdpTable udp;
    private final Forwards forwards;
    private final Reassembler reassembler;
    private final GuestPacket packet = new GuestPacket();
    private volatile boolean ready;
    private volatile boolean closed;
    private long received;
    private long malformed;

    // what could not be worked through at once; guarded by itself
    private final ArrayDeque<ByteBuffer> inbound = new ArrayDeque<>();
    private int inboundBytes;
    private long overrun;

    /**
     * Makes the network and listens at its forwarded ports.
     *
     * @throws IOException with a sentence, if a port cannot be had
     */
    public UserNetwork(UserNetworkOptions options) throws IOException {
        this(
                options,
                UserNetworkLimits.DEFAULT,
                Path.of("/etc/resolv.conf"),
                Path.of("/etc/hosts"));
    }

    /** The same with other limits and files of the host. */
    UserNetwork(UserNetworkOptions options, UserNetworkLimits limits, Path resolvConf, Path hosts)
            throws IOException {
        this.options = options;
        addresses = new NetworkAddresses(Cidr.parse(options.subnet()), PREFIX);
        loop = new HostLoop(this::work);
        executor =
                Executors.newThreadPerTaskExecutor(
                        Thread.ofVirtual().name("queztl-net-", 0).factory());
        policy = new AccessPolicy(options, addresses);
        writer = new FrameWriter(NetworkAddresses.GATEWAY_MAC, options.mtu());
        neighbours = new Neighbours(loop, writer, addresses, policy, options.ipv6(), options.mtu());
        dhcp = new DhcpServer(writer, addresses, options.hostname(), options.mtu());
        HostNames names = new HostNames(resolvConf, hosts, options.resolvers());
        dns =
                new DnsForwarder(
                        loop,
                        writer,
                        addresses,
                        names,
                        options.hostAccess(),
                        executor,
                        limits.queries());
        icmp = new Icmp(loop, writer, addresses, policy, executor, limits.pings());
        tcp = new TcpTable(loop, writer, this::tcpTarget, icmp, neighbours, limits, options.mtu());
        udp =
                new UdpTable(
                        loop,
                        writer,
                        policy,
                        icmp,
                        client -> Forwards.seenAs(addresses, client),
                        limits.udpFlows());
        forwards = new Forwards(loop, addresses, tcp);
        reassembler = new Reassembler(loop);
        boolean done = false;
        try {
            forwards.open(options.forwards(), udp, neighbours);
            done = true;
        } finally {
            if (!done) {
                loop.abandon();
                executor.shutdownNow();
            }
        }
    }

    private @Nullable InetSocketAddress tcpTarget(Flow flow) {
        boolean toDns = addresses.isDns(flow.remote()) && flow.remotePort() == DnsForwarder.PORT;
        return toDns ? dns.resolver() : policy.target(flow.remote(), flow.remotePort());
    }

    @Override
    public Offloads offloads() {
        return Offloads.ALL;
    }

    @Override
    public void start(Receiver receiver) {
        loop.lock.lock();
        try {
            writer.receiver(receiver);
        } finally {
            loop.lock.unlock();
        }
        loop.start();
    }

    @Override
    public void guestOffloads(Offloads offloads) {
        writer.offloads(offloads);
    }

    @Override
    public void send(ByteBuffer data) {
        if (closed) {
            return;
        }
        if (!loop.lock.tryLock()) {
            enqueue(data);
            return;
        }
        try {
            writer.cork(true);
            long now = loop.now();
            takeInbound(now);
            take(data, now);
        } finally {
            writer.cork(false);
            loop.lock.unlock();
        }
    }

    /** The guest has sent what it had to send; whatever is to be said to it is said now. */
    @Override
    public void flush(int queue) {
        loop.lock.lock();
        try {
            if (!closed) {
                deliver(loop.now());
            }
        } finally {
            loop.lock.unlock();
        }
    }

    @Override
    public void receiverReady() {
        ready = true;
        loop.wake();
    }

    private void enqueue(ByteBuffer data) {
        synchronized (inbound) {
            int bytes = data.remaining();
            if (inbound.size() >= MAX_INBOUND || inboundBytes + bytes > MAX_INBOUND_BYTES) {
                overrun++;
                return;
            }
            inboundBytes += bytes;
            inbound.add(ByteBuffer.allocateDirect(bytes).put(0, data, data.position(), bytes));
        }
    }

    private void takeInbound(long now) {
        while (true) {
            ByteBuffer next;
            synchronized (inbound) {
                next = inbound.poll();
                if (next == null) {
                    return;
                }
                inboundBytes -= next.capacity();
            }
            take(next, now);
        }
    }

    /** The loop's thread is awake. */
    private void work(long now) {
        if (closed) {
            return;
        }
        if (now >= loop.deadline()) {
            loop.clearDeadline();
            long next = tcp.expire(now);
            next = Math.min(next, udp.expire(now));
            next = Math.min(next, dns.expire(now));
            next = Math.min(next, reassembler.expire(now));
            next = Math.min(next, neighbours.expire(now));
            loop.wakeAt(next);
        }
        deliver(now);
    }

    private void deliver(long now) {
        takeInbound(now);
        if (!writer.blocked() || ready) {
            ready = false;
            writer.retry();
        }
        tcp.flush(now);
        udp.resume();
    }

    // ---- from the guest

    private void take(ByteBuffer data, long now) {
        received++;
        try {
            if (!take(packet, data, now)) {
                malformed++;
            }
        } catch (RuntimeException e) {
            loop.fault(e);
        }
    }

    private boolean take(GuestPacket p, ByteBuffer data, long now) {
        if (!p.frame(data, NetworkAddresses.GATEWAY_MAC)) {
            return false;
        }
        if (p.etherType == GuestPacket.ARP) {
            neighbours.receiveArp(p);
            return true;
        }
        boolean ip = p.etherType == GuestPacket.IPV4 || p.etherType == GuestPacket.IPV6;
        boolean wanted = ip && (options.ipv6() || p.etherType == GuestPacket.IPV4);
        if (!wanted || !p.ip()) {
            return ip && !wanted;
        }
        boolean guest = addresses.mayBeGuest(p.source);
        if (guest) {
            neighbours.seen(p.source, p.sourceMac);
        } else if (!p.source.equals(IpAddress.ANY_V4) && !p.source.equals(IpAddress.ANY_V6)) {
            return false;
        }
        if (p.fragment) {
            ByteBuffer whole = guest ? reassembler.add(p, now) : null;
            if (whole == null) {
                return true;
            }
            p.reassembled(whole);
        }
        return protocol(p, guest, now);
    }

    private boolean protocol(GuestPacket p, boolean guest, long now) {
        switch (p.protocol) {
            case GuestPacket.TCP -> {
                if (guest && !p.toGroup) {
                    tcp.receive(p, now);
                }
            }
            case GuestPacket.UDP -> {
                return udp(p, guest, now);
            }
            case GuestPacket.ICMP -> {
                if (guest && p.source.isV4()) {
                    icmp.receive(p);
                }
            }
            case GuestPacket.ICMP_V6 -> {
                if (p.source.isV4() || !p.checksumValid()) {
                    return false;
                }
                neighbours.receiveIcmpV6(p);
                if (guest) {
                    icmp.receiveV6(p);
                }
            }
            default -> {
                return true;
            }
        }
        return true;
    }

    private boolean udp(GuestPacket p, boolean guest, long now) {
        if (p.bytes < FrameWriter.UDP_HEADER) {
            return false;
        }
        int length = p.u16(4);
        boolean noChecksum = p.u16(6) == 0 && p.source.isV4();
        if (length < FrameWriter.UDP_HEADER || length > p.bytes) {
            return false;
        }
        p.bytes = length;
        if (!noChecksum && !p.checksumValid()) {
            return false;
        }
        int bytes = length - FrameWriter.UDP_HEADER;
        int port = p.u16(2);
        boolean broadcast =
                p.destination.equals(IpAddress.BROADCAST_V4)
                        || p.destination.equals(addresses.gateway());
        if (port == DhcpServer.SERVER_PORT && broadcast) {
            dhcp.receive(p, bytes);
            return true;
        }
        if (!guest || p.toGroup || p.destination.isMulticast()) {
            return true;
        }
        Flow flow = new Flow(p.source, p.u16(0), p.destination, port);
        if (addresses.isDns(p.destination) && port == DnsForwarder.PORT) {
            dns.receive(p, flow, bytes, now);
        } else {
            udp.send(p, flow, bytes, now);
        }
        return true;
    }

    // ---- for the owner

    /** Where the forwarded ports listen, in their order; port 0 has become a real one. */
    public List<InetSocketAddress> forwarded() {
        return forwards.bound();
    }

    /** What has happened and what there is. */
    public UserNetworkStatistics statistics() {
        long overruns;
        synchronized (inbound) {
            overruns = overrun;
        }
        loop.lock.lock();
        try {
            return new UserNetworkStatistics(
                    received,
                    malformed,
                    overruns,
                    writer.sent(),
                    writer.dropped(),
                    tcp.size(),
                    udp.size(),
                    dns.size(),
                    tcp.pool.used() * ChunkPool.CHUNK,
                    loop.faults());
        } finally {
            loop.lock.unlock();
        }
    }

    /** What a snapshot keeps. */
    public UserNetworkState state() {
        loop.lock.lock();
        try {
            return new UserNetworkState(neighbours.guestMac(), dhcp.leasedTo());
        } finally {
            loop.lock.unlock();
        }
    }

    /** Goes on from a snapshot: connections of before are reset. */
    public void restore(UserNetworkState state) {
        loop.lock.lock();
        try {
            tcp.close();
            udp.close();
            dns.close();
            reassembler.clear();
            neighbours.guestMac(state.guestMac());
            dhcp.leasedTo(state.leasedTo());
        } finally {
            loop.lock.unlock();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        loop.lock.lock();
        try {
            writer.receiver(null);
            tcp.close();
            udp.close();
            dns.close();
        } finally {
            loop.lock.unlock();
        }
        loop.close();
        executor.shutdownNow();
    }
}
