package io.queztl.devices.net.user;

import java.nio.ByteBuffer;

/**
 * The guest's link: ARP (RFC 826), and for IPv6 neighbour discovery and router advertisements (RFC
 * 4861, RFC 8106), by which the guest makes its addresses itself (RFC 4862). Guarded by the stack's
 * lock.
 */
final class Neighbours implements TcpTable.GuestLookup {
    private static final int ARP_BYTES = 28;
    private static final int ROUTER_SOLICITATION = 133;
    private static final int ROUTER_ADVERTISEMENT = 134;
    private static final int NEIGHBOUR_SOLICITATION = 135;
    private static final int NEIGHBOUR_ADVERTISEMENT = 136;
    private static final int ROUTER = 0x8000_0000;
    private static final int SOLICITED = 0x4000_0000;
    private static final int OVERRIDE = 0x2000_0000;
    private static final int ROUTER_SECONDS = 1800;
    private static final long ADVERTISE_NANOS = 600_000_000_000L;
    private static final long ALL_NODES_MAC = 0x3333_0000_0001L;

    private final HostLoop loop;
    private final FrameWriter writer;
    private final NetworkAddresses addresses;
    private final AccessPolicy policy;
    private final boolean ipv6;
    private final int mtu;
    private long guestMac;
    private long advertiseAt = HostLoop.NEVER;

    Neighbours(
            HostLoop loop,
            FrameWriter writer,
            NetworkAddresses addresses,
            AccessPolicy policy,
            boolean ipv6,
            int mtu) {
        this.loop = loop;
        this.writer = writer;
        this.addresses = addresses;
        this.policy = policy;
        this.ipv6 = ipv6;
        this.mtu = mtu;
    }

    /** The MAC address of the guest's leased address, or 0. */
    long guestMac() {
        return guestMac;
    }

    /** A packet from this address came from there. */
    void seen(IpAddress address, long mac) {
        if (address.isV4() && (guestMac == 0 || address.equals(addresses.guest()))) {
            guestMac = mac;
        }
    }

    void guestMac(long mac) {
        guestMac = mac;
    }

    @Override
    public long mac(IpAddress guest) {
        if (guestMac == 0) {
            arp(FrameWriter.BROADCAST_MAC, 1, addresses.gateway(), 0, guest);
        }
        return guestMac;
    }

    // ---- ARP

    /** An ARP packet of the guest. */
    void receiveArp(GuestPacket p) {
        ByteBuffer b = p.data;
        int at = p.network;
        if (b.limit() - at < ARP_BYTES
                || b.getInt(at) != 0x0001_0800
                || b.getShort(at + 4) != 0x0604) {
            return;
        }
        int operation = b.getShort(at + 6);
        long senderMac = b.getLong(at + 8) >>> 16;
        IpAddress sender = IpAddress.v4(b, at + 14);
        IpAddress target = IpAddress.v4(b, at + 24);
        if (senderMac != p.sourceMac) {
            return;
        }
        if (addresses.mayBeGuest(sender)) {
            seen(sender, senderMac);
        }
        if (operation == 1 && addresses.isOurs(target)) {
            arp(p.sourceMac, 2, target, senderMac, sender);
        }
    }

    private void arp(long to, int operation, IpAddress from, long targetMac, IpAddress target) {
        ByteBuffer b = writer.buffer;
        int at = FrameWriter.etherPayload();
        b.putInt(at, 0x0001_0800);
        b.putInt(at + 4, 0x0604_0000 | operation);
        b.putLong(at + 8, NetworkAddresses.GATEWAY_MAC << 16);
        b.putInt(at + 14, from.v4());
        b.putLong(at + 18, targetMac << 16);
        b.putInt(at + 24, target.v4());
        writer.sendEthernet(to, GuestPacket.ARP, ARP_BYTES);
    }

    // ---- neighbour discovery

    /** A message of ICMPv6, its checksum checked. */
    void receiveIcmpV6(GuestPacket p) {
        if (p.hops != 255 || p.bytes < 8 || p.data.get(p.at + 1) != 0) {
            return;
        }
        int type = p.data.get(p.at) & 0xff;
        if (type == ROUTER_SOLICITATION) {
            advertise();
        } else if (type == NEIGHBOUR_SOLICITATION && p.bytes >= 24) {
            IpAddress target = IpAddress.v6(p.data, p.at + 8);
            if (addresses.isOurs(target)) {
                answer(p, target);
            }
        }
    }

    private void answer(GuestPacket p, IpAddress target) {
        ByteBuffer b = writer.buffer;
        int at = FrameWriter.payload(false);
        boolean detection = p.source.equals(IpAddress.ANY_V6);
        b.putInt(at, NEIGHBOUR_ADVERTISEMENT << 24);
        b.putInt(at + 4, ROUTER | OVERRIDE | (detection ? 0 : SOLICITED));
        target.put(b, at + 8);
        b.putLong(at + 24, 0x0201L << 48 | NetworkAddresses.GATEWAY_MAC);
        if (detection) {
            writer.sendIcmp(ALL_NODES_MAC, target, NetworkAddresses.ALL_NODES, 32);
        } else {
            writer.sendIcmp(p.sourceMac, target, p.source, 32);
        }
    }

    /** Tells the guest about its router, prefix and DNS server. */
    private void advertise() {
        ByteBuffer b = writer.buffer;
        int at = FrameWriter.payload(false);
        int lifetime = policy.hostHasIpv6() ? ROUTER_SECONDS : 0;
        b.putInt(at, ROUTER_ADVERTISEMENT << 24);
        b.putInt(at + 4, 64 << 24 | lifetime);
        b.putLong(at + 8, 0); // reachable and retransmission times: the guest's own
        int i = at + 16;
        b.putLong(i, 0x0101L << 48 | NetworkAddresses.GATEWAY_MAC);
        i += 8;
        b.putInt(i, 0x0501_0000); // MTU
        b.putInt(i + 4, mtu);
        i += 8;
        b.putInt(i, 0x0304_40c0); // prefix of 64 bits, on the link, for addresses
        b.putInt(i + 4, -1);
        b.putInt(i + 8, -1);
        b.putInt(i + 12, 0);
        addresses.prefix().base().put(b, i + 16);
        i += 32;
        b.putInt(i, 0x1903_0000); // DNS server
        b.putInt(i + 4, -1);
        addresses.dnsV6().put(b, i + 8);
        i += 24;
        writer.sendIcmp(
                ALL_NODES_MAC,
                NetworkAddresses.LINK_LOCAL_GATEWAY,
                NetworkAddresses.ALL_NODES,
                i - at);
        advertiseAt = loop.now() + ADVERTISE_NANOS;
        loop.wakeAt(advertiseAt);
    }

    /** Does what is due; returns when the next thing is. */
    long expire(long now) {
        if (ipv6 && advertiseAt <= now) {
            advertise();
        }
        return advertiseAt;
    }
}
