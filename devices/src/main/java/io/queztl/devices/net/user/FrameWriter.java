package io.queztl.devices.net.user;

import io.queztl.devices.net.InternetChecksum;
import io.queztl.devices.net.NetworkBackend;
import io.queztl.devices.net.NetworkBackend.Offloads;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Puts headers in front of what goes to the guest and delivers it. A packet is made in {@link
 * #buffer}: its maker puts the payload at {@link #payload} and calls one of the {@code send}
 * methods. What the guest has no room for is refused, or, for small answers, kept for later.
 * Guarded by the stack's lock.
 */
final class FrameWriter {
    /** Bytes of an UDP header. */
    static final int UDP_HEADER = 8;

    /** Bytes of a TCP header without options. */
    static final int TCP_HEADER = 20;

    /** The longest payload of IP that fits a packet without jumbograms. */
    static final int MAX_PAYLOAD = 65_535 - 20;

    /** The longest payload of UDP over IPv4. */
    static final int MAX_UDP = MAX_PAYLOAD - UDP_HEADER;

    static final long BROADCAST_MAC = 0xffff_ffff_ffffL;

    private static final int ETHERNET = NetworkBackend.HEADER_BYTES;
    private static final int NETWORK = ETHERNET + GuestPacket.ETHER_HEADER;
    private static final int IPV4_HEADER = 20;
    private static final int IPV6_HEADER = 40;
    private static final int FRAGMENT_HEADER = 8;
    private static final int IPV6_MIN_MTU = 1280;
    private static final int HOPS = 64;
    private static final int LOCAL_HOPS = 255;
    private static final int MAX_WAITING = 1024;
    private static final int MAX_WAITING_BYTES = 4 << 20;
    private static final byte NEEDS_CHECKSUM = 1;
    private static final byte GSO_TCPV4 = 1;
    private static final byte GSO_TCPV6 = 4;

    /** The packet that is being made; big endian. */
    final ByteBuffer buffer = ByteBuffer.allocateDirect(NetworkBackend.MAX_PACKET_BYTES);

    private final ByteBuffer fragment = ByteBuffer.allocateDirect(NetworkBackend.MAX_PACKET_BYTES);
    private final ArrayDeque<ByteBuffer> waiting = new ArrayDeque<>();
    private final long mac;
    private final int mtu;
    private NetworkBackend.@Nullable Receiver receiver;
    private volatile Offloads offloads = Offloads.NONE;
    private int waitingBytes;

    /** What the guest took undone when the first frame that waits was made. */
    private Offloads waitingFor = Offloads.NONE;

    private boolean blocked;
    private boolean corked;
    private int nextId;
    private long sent;
    private long dropped;

    /**
     * @param mac the gateway's
     * @param mtu of the guest's interface
     */
    FrameWriter(long mac, int mtu) {
        this.mac = mac;
        this.mtu = mtu;
    }

    void receiver(NetworkBackend.@Nullable Receiver to) {
        receiver = to;
        waiting.clear();
        waitingBytes = 0;
        blocked = false;
    }

    void offloads(Offloads guest) {
        offloads = guest;
    }

    /** True since the guest had no room, until {@link #retry} finds some. */
    boolean blocked() {
        return blocked;
    }

    long sent() {
        return sent;
    }

    long dropped() {
        return dropped;
    }

    /** While this is set nothing is delivered, but kept for {@link #retry}, or refused. */
    void cork(boolean on) {
        corked = on;
    }

    /** Delivers what was kept; afterwards {@link #blocked} says whether the guest has room. */
    void retry() {
        blocked = false;
        if (!waiting.isEmpty() && !waitingFor.equals(offloads)) {
            // The guest may not take any more what these leave undone.
            dropped += waiting.size();
            waiting.clear();
            waitingBytes = 0;
        }
        while (true) {
            ByteBuffer packet = waiting.peek();
            if (packet == null || !give(packet)) {
                return;
            }
            waiting.remove();
            waitingBytes -= packet.capacity();
        }
    }

    /** Where the payload of IP goes. */
    static int payload(boolean v4) {
        return NETWORK + (v4 ? IPV4_HEADER : IPV6_HEADER);
    }

    /** Sends an Ethernet frame whose payload is in place behind the Ethernet header. */
    void sendEthernet(long destination, int etherType, int bytes) {
        ethernet(buffer, destination, etherType);
        deliverOrKeep(NETWORK + bytes);
    }

    /** Where the payload of {@link #sendEthernet} goes. */
    static int etherPayload() {
        return NETWORK;
    }

    /**
     * Sends UDP whose data is in place behind {@link #payload} and the 8 bytes of the header.
     *
     * @return false if the guest has no room, and it was not kept either
     */
    boolean sendUdp(long destination, Flow flow, int bytes, boolean keep) {
        int at = payload(flow.guest().isV4());
        int n = bytes + UDP_HEADER;
        buffer.putShort(at, (short) flow.remotePort());
        buffer.putShort(at + 2, (short) flow.guestPort());
        buffer.putShort(at + 4, (short) n);
        buffer.putShort(at + 6, (short) 0);
        long sum = PseudoHeader.sum(flow.remote(), flow.guest(), GuestPacket.UDP, n);
        int checksum = InternetChecksum.finish(InternetChecksum.add(sum, buffer, at, n));
        buffer.putShort(at + 6, (short) (checksum == 0 ? 0xffff : checksum));
        return sendIp(destination, flow.remote(), flow.guest(), GuestPacket.UDP, n, keep);
    }

    /** Sends ICMP or ICMPv6 whose message is in place, except for the checksum. */
    void sendIcmp(long destination, IpAddress from, IpAddress to, int bytes) {
        int at = payload(to.isV4());
        int protocol = to.isV4() ? GuestPacket.ICMP : GuestPacket.ICMP_V6;
        buffer.putShort(at + 2, (short) 0);
        long sum = to.isV4() ? 0 : PseudoHeader.sum(from, to, protocol, bytes);
        buffer.putShort(
                at + 2,
                (short) InternetChecksum.finish(InternetChecksum.add(sum, buffer, at, bytes)));
        boolean ignored = sendIp(destination, from, to, protocol, bytes, true);
    }

    private boolean sendIp(
            long destination, IpAddress from, IpAddress to, int protocol, int bytes, boolean keep) {
        boolean v4 = to.isV4();
        int header = v4 ? IPV4_HEADER : IPV6_HEADER;
        if (bytes + header <= (v4 ? mtu : Math.max(mtu, IPV6_MIN_MTU))) {
            ip(buffer, destination, from, to, protocol, bytes);
            return keep ? deliverOrKeep(NETWORK + header + bytes) : give(NETWORK + header + bytes);
        }
        return v4
                ? fragments4(destination, from, to, protocol, bytes, keep)
                : fragments6(destination, from, to, protocol, bytes, keep);
    }

    private boolean fragments4(
            long destination, IpAddress from, IpAddress to, int protocol, int bytes, boolean keep) {
        int step = mtu - IPV4_HEADER & ~7;
        int id = ++nextId;
        for (int offset = 0; offset < bytes; offset += step) {
            int n = Math.min(step, bytes - offset);
            ip(fragment, destination, from, to, protocol, n);
            int more = offset + n < bytes ? 0x2000 : 0;
            fragment.putShort(NETWORK + 4, (short) id);
            fragment.putShort(NETWORK + 6, (short) (more | offset / 8));
            header4Checksum(fragment);
            int at = NETWORK + IPV4_HEADER;
            fragment.put(at, buffer, at + offset, n);
            if (!give(fragment, at + n) && !((keep || offset > 0) && keep(fragment, at + n))) {
                return false;
            }
        }
        return true;
    }

    private boolean fragments6(
            long destination, IpAddress from, IpAddress to, int protocol, int bytes, boolean keep) {
        int header = IPV6_HEADER + FRAGMENT_HEADER;
        int step = Math.max(mtu, IPV6_MIN_MTU) - header & ~7;
        int id = ++nextId;
        for (int offset = 0; offset < bytes; offset += step) {
            int n = Math.min(step, bytes - offset);
            ip(fragment, destination, from, to, 44, n + FRAGMENT_HEADER);
            int more = offset + n < bytes ? 1 : 0;
            int at = NETWORK + IPV6_HEADER;
            fragment.putShort(at, (short) (protocol << 8));
            fragment.putShort(at + 2, (short) (offset | more));
            fragment.putInt(at + 4, id);
            fragment.put(at + FRAGMENT_HEADER, buffer, at + offset, n);
            int length = NETWORK + header + n;
            if (!give(fragment, length) && !((keep || offset > 0) && keep(fragment, length))) {
                return false;
            }
        }
        return true;
    }

    /**
     * Sends a TCP segment.
     *
     * @param options bytes of options that are in place behind the header
     * @param data where the payload comes from, {@code distance} behind its head
     * @param mss the most payload of one segment on the wire; more is left to the guest to cut
     * @return false if the guest has no room
     */
    boolean sendTcp(
            long destination,
            Flow flow,
            TcpHeader header,
            int options,
            @Nullable StreamBuffer data,
            int distance,
            int bytes,
            int mss) {
        boolean v4 = flow.guest().isV4();
        int at = payload(v4);
        int headerBytes = TCP_HEADER + options;
        int n = headerBytes + bytes;
        ip(buffer, destination, flow.remote(), flow.guest(), GuestPacket.TCP, n);
        buffer.putShort(at, (short) flow.remotePort());
        buffer.putShort(at + 2, (short) flow.guestPort());
        buffer.putInt(at + 4, header.sequence);
        buffer.putInt(at + 8, header.acknowledgement);
        buffer.putShort(at + 12, (short) (headerBytes / 4 << 12 | header.flags));
        buffer.putShort(at + 14, (short) header.window);
        buffer.putInt(at + 16, 0);
        if (data != null) {
            data.copy(distance, buffer, at + headerBytes, bytes);
        }
        long sum = PseudoHeader.sum(flow.remote(), flow.guest(), GuestPacket.TCP, n);
        if (offloads.checksum()) {
            buffer.putShort(at + 16, (short) InternetChecksum.fold(sum));
            buffer.put(0, NEEDS_CHECKSUM);
            putLittle(6, at - ETHERNET);
            putLittle(8, 16);
            if (bytes > mss) {
                buffer.put(1, v4 ? GSO_TCPV4 : GSO_TCPV6);
                putLittle(2, at + headerBytes - ETHERNET);
                putLittle(4, mss);
            }
        } else {
            sum = InternetChecksum.add(sum, buffer, at, n);
            buffer.putShort(at + 16, (short) InternetChecksum.finish(sum));
        }
        return bytes == 0 && (header.flags & TcpHeader.RST) != 0
                ? deliverOrKeep(at + n)
                : give(at + n);
    }

    private void putLittle(int at, int value) {
        buffer.putShort(at, Short.reverseBytes((short) value));
    }

    /**
     * The most TCP payload of one packet, a multiple of the segment size if it is more than one.
     */
    int segmentLimit(boolean v4, int mss) {
        Offloads o = offloads;
        boolean segments = o.checksum() && (v4 ? o.tcp4() : o.tcp6());
        int most = MAX_PAYLOAD - IPV6_HEADER - TCP_HEADER;
        return segments ? Math.max(mss, most / mss * mss) : mss;
    }

    private void ip(
            ByteBuffer b, long destination, IpAddress from, IpAddress to, int protocol, int bytes) {
        boolean v4 = to.isV4();
        ethernet(b, destination, v4 ? GuestPacket.IPV4 : GuestPacket.IPV6);
        if (v4) {
            b.putInt(NETWORK, 0x45 << 24 | IPV4_HEADER + bytes);
            b.putInt(NETWORK + 4, (++nextId & 0xffff) << 16 | 0x4000);
            b.putInt(NETWORK + 8, HOPS << 24 | protocol << 16);
            b.putInt(NETWORK + 12, from.v4());
            b.putInt(NETWORK + 16, to.v4());
            header4Checksum(b);
        } else {
            // Neighbour discovery demands 255, which says that no router was in between.
            int hops = protocol == GuestPacket.ICMP_V6 ? LOCAL_HOPS : HOPS;
            b.putInt(NETWORK, 0x6000_0000);
            b.putInt(NETWORK + 4, bytes << 16 | protocol << 8 | hops);
            from.put(b, NETWORK + 8);
            to.put(b, NETWORK + 24);
        }
    }

    private static void header4Checksum(ByteBuffer b) {
        b.putShort(NETWORK + 10, (short) 0);
        long sum = InternetChecksum.add(0, b, NETWORK, IPV4_HEADER);
        b.putShort(NETWORK + 10, (short) InternetChecksum.finish(sum));
    }

    private void ethernet(ByteBuffer b, long destination, int etherType) {
        b.putLong(0, 0);
        b.putInt(8, 0);
        b.putLong(ETHERNET, destination << 16 | mac >>> 32);
        b.putInt(ETHERNET + 8, (int) mac);
        b.putShort(ETHERNET + 12, (short) etherType);
    }

    private boolean give(int bytes) {
        return give(buffer, bytes);
    }

    private boolean give(ByteBuffer packet, int bytes) {
        packet.limit(bytes).position(0);
        boolean done = give(packet);
        packet.clear();
        return done;
    }

    private boolean give(ByteBuffer packet) {
        NetworkBackend.Receiver to = receiver;
        if (to == null || blocked || corked) {
            return false;
        }
        int at = packet.position();
        if (!to.deliver(packet)) {
            packet.position(at);
            blocked = true;
            return false;
        }
        sent++;
        return true;
    }

    private boolean deliverOrKeep(int bytes) {
        return give(buffer, bytes) || keep(buffer, bytes);
    }

    private boolean keep(ByteBuffer packet, int bytes) {
        if (waiting.size() >= MAX_WAITING || waitingBytes + bytes > MAX_WAITING_BYTES) {
            dropped++;
            return false;
        }
        if (waiting.isEmpty()) {
            waitingFor = offloads;
        }
        waitingBytes += bytes;
        waiting.add(ByteBuffer.allocateDirect(bytes).put(0, packet, 0, bytes));
        return true;
    }
}
