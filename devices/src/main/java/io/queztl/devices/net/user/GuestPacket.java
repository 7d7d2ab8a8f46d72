package io.queztl.devices.net.user;

import io.queztl.devices.net.InternetChecksum;
import io.queztl.devices.net.NetworkBackend;
import java.nio.ByteBuffer;

/**
 * One packet of the guest, taken apart. Everything it says of itself has been checked against its
 * length when {@link #frame} or {@link #ip} answer true; what is behind the IP header is the
 * protocols' to check. One object is used for packet after packet.
 */
final class GuestPacket {
    static final int ETHER_HEADER = 14;
    static final int ARP = 0x0806;
    static final int IPV4 = 0x0800;
    static final int IPV6 = 0x86dd;
    static final int ICMP = 1;
    static final int TCP = 6;
    static final int UDP = 17;
    static final int ICMP_V6 = 58;

    private static final int IPV4_HEADER = 20;
    private static final int IPV6_HEADER = 40;
    private static final int HOP_BY_HOP = 0;
    private static final int ROUTING = 43;
    private static final int FRAGMENT = 44;
    private static final int DESTINATION_OPTIONS = 60;
    private static final int MAX_EXTENSIONS = 8;
    private static final int NEEDS_CHECKSUM = 1;
    private static final int ETHERNET = NetworkBackend.HEADER_BYTES;

    private static final ByteBuffer NONE = ByteBuffer.allocate(0);

    /** The packet from its virtio header on; big endian. */
    ByteBuffer data = NONE;

    long sourceMac;
    boolean toGroup;
    int etherType;

    /** The guest leaves the checksum of its protocol to us. */
    boolean unchecked;

    IpAddress source = IpAddress.ANY_V4;
    IpAddress destination = IpAddress.ANY_V4;
    int hops;
    int protocol;

    /** Where the IP header starts. */
    int network;

    /** Where the protocol's header starts, and how many bytes there are from it on. */
    int at;

    int bytes;

    boolean fragment;
    int fragmentId;
    int fragmentOffset;
    boolean moreFragments;

    /**
     * Takes the virtio and Ethernet headers apart.
     *
     * @return false if the frame is none, or not for {@code ownMac} or a group
     */
    boolean frame(ByteBuffer packet, long ownMac) {
        data = packet.slice();
        int n = data.limit();
        if (n < ETHERNET + ETHER_HEADER || n > NetworkBackend.MAX_PACKET_BYTES) {
            return false;
        }
        unchecked = (data.get(0) & NEEDS_CHECKSUM) != 0;
        boolean segments = data.get(1) != 0;
        if (segments && !unchecked) {
            return false;
        }
        long destinationMac = data.getLong(ETHERNET) >>> 16;
        sourceMac = data.getLong(ETHERNET + 4) & 0xffff_ffff_ffffL;
        toGroup = (destinationMac & 1L << 40) != 0;
        etherType = data.getShort(ETHERNET + 12) & 0xffff;
        network = ETHERNET + ETHER_HEADER;
        boolean forUs = toGroup || destinationMac == ownMac;
        boolean fromOne = (sourceMac & 1L << 40) == 0 && sourceMac != 0 && sourceMac != ownMac;
        return forUs && fromOne;
    }

    /** Takes the IP header apart; false if something is wrong with it. */
    boolean ip() {
        fragment = false;
        return etherType == IPV4 ? ipv4() : ipv6();
    }

    private boolean ipv4() {
        int n = data.limit() - network;
        if (n < IPV4_HEADER || data.get(network) >>> 4 != 4) {
            return false;
        }
        int header = (data.get(network) & 15) * 4;
        int total = data.getShort(network + 2) & 0xffff;
        if (header < IPV4_HEADER
                || total < header
                || total > n
                || !InternetChecksum.valid(InternetChecksum.add(0, data, network, header))) {
            return false;
        }
        int flags = data.getShort(network + 6) & 0xffff;
        fragmentId = data.getShort(network + 4) & 0xffff;
        moreFragments = (flags & 0x2000) != 0;
        fragmentOffset = (flags & 0x1fff) * 8;
        fragment = moreFragments || fragmentOffset != 0;
        hops = data.get(network + 8) & 0xff;
        protocol = data.get(network + 9) & 0xff;
        source = IpAddress.v4(data, network + 12);
        destination = IpAddress.v4(data, network + 16);
        at = network + header;
        bytes = total - header;
        return true;
    }

    private boolean ipv6() {
        int n = data.limit() - network;
        if (n < IPV6_HEADER || (data.get(network) & 0xf0) != 0x60) {
            return false;
        }
        bytes = data.getShort(network + 4) & 0xffff;
        if (bytes > n - IPV6_HEADER) {
            return false;
        }
        protocol = data.get(network + 6) & 0xff;
        hops = data.get(network + 7) & 0xff;
        source = IpAddress.v6(data, network + 8);
        destination = IpAddress.v6(data, network + 24);
        at = network + IPV6_HEADER;
        return !source.isV4() && !destination.isV4() && extensions();
    }

    /** Steps over extension headers (RFC 8200 section 4). */
    private boolean extensions() {
        for (int i = 0; i < MAX_EXTENSIONS; i++) {
            int next = protocol;
            if (next != HOP_BY_HOP
                    && next != ROUTING
                    && next != DESTINATION_OPTIONS
                    && next != FRAGMENT) {
                return true;
            }
            if (bytes < 8) {
                return false;
            }
            int header = next == FRAGMENT ? 8 : ((data.get(at + 1) & 0xff) + 1) * 8;
            if (header > bytes) {
                return false;
            }
            if (next == ROUTING && data.get(at + 3) != 0) {
                return false; // segments left: not for its destination yet
            }
            protocol = data.get(at) & 0xff;
            if (next == FRAGMENT) {
                int offset = data.getShort(at + 2) & 0xffff;
                fragmentId = data.getInt(at + 4);
                fragmentOffset = offset & 0xfff8;
                moreFragments = (offset & 1) != 0;
                fragment = moreFragments || fragmentOffset != 0;
            }
            at += header;
            bytes -= header;
            if (fragment) {
                return true; // the rest may be in another fragment
            }
        }
        return false;
    }

    /** Goes on with what a series of fragments was put together to. */
    void reassembled(ByteBuffer whole) {
        data = whole;
        at = 0;
        bytes = whole.limit();
        unchecked = false;
        fragment = false;
    }

    /** True if the checksum over pseudo-header and payload is right, or was left to us. */
    boolean checksumValid() {
        if (unchecked) {
            return true;
        }
        long sum = PseudoHeader.sum(source, destination, protocol, bytes);
        return InternetChecksum.valid(InternetChecksum.add(sum, data, at, bytes));
    }

    /** The 16-bit field at an offset of the protocol's header. */
    int u16(int offset) {
        return data.getShort(at + offset) & 0xffff;
    }
}
