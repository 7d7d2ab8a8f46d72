package io.queztl.devices.net.user;

import io.queztl.devices.net.InternetChecksum;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;

/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443): answers echo requests to the gateway, asks the host about
 * others, and says why a packet went nowhere. Guarded by the stack's lock.
 */
final class Icmp {
    /** Why a packet went nowhere. */
    enum Reason {
        HOST(1, 3),
        PORT(3, 4),
        PROHIBITED(13, 1);

        private final int code;
        private final int codeV6;

        Reason(int code, int codeV6) {
            this.code = code;
            this.codeV6 = codeV6;
        }
    }

    private static final int HEADER = 8;
    private static final int ECHO_REPLY = 0;
    private static final int UNREACHABLE = 3;
    private static final int ECHO = 8;
    private static final int UNREACHABLE_V6 = 1;
    private static final int ECHO_V6 = 128;
    private static final int ECHO_REPLY_V6 = 129;
    private static final int MAX_QUOTE = 548;
    private static final int PING_MILLIS = 5_000;

    private final HostLoop loop;
    private final FrameWriter writer;
    private final NetworkAddresses addresses;
    private final AccessPolicy policy;
    private final Executor executor;
    private final int maxPings;
    private int pings;

    /**
     * @param executor runs what waits for the network, a thread each
     */
    Icmp(
            HostLoop loop,
            FrameWriter writer,
            NetworkAddresses addresses,
            AccessPolicy policy,
            Executor executor,
            int maxPings) {
        this.loop = loop;
        this.writer = writer;
        this.addresses = addresses;
        this.policy = policy;
        this.executor = executor;
        this.maxPings = maxPings;
    }

    /** A message of ICMP from the guest. */
    void receive(GuestPacket p) {
        if (p.bytes < HEADER
                || !InternetChecksum.valid(InternetChecksum.add(0, p.data, p.at, p.bytes))) {
            return;
        }
        if (p.data.get(p.at) == ECHO && p.data.get(p.at + 1) == 0) {
            echo(p, ECHO_REPLY);
        }
    }

    /** An echo request of ICMPv6, its checksum checked. */
    void receiveV6(GuestPacket p) {
        if (p.bytes >= HEADER && p.u16(0) == ECHO_V6 << 8) {
            echo(p, ECHO_REPLY_V6);
        }
    }

    private void echo(GuestPacket p, int reply) {
        if (addresses.isOurs(p.destination)) {
            answer(p.sourceMac, p.destination, p.source, p.data, p.at, p.bytes, reply);
            return;
        }
        if (p.toGroup) {
            return;
        }
        if (!policy.mayReach(p.destination)) {
            unreachable(p, Reason.PROHIBITED);
            return;
        }
        if (pings >= maxPings) {
            return;
        }
        pings++;
        ByteBuffer copy = ByteBuffer.allocate(p.bytes).put(0, p.data, p.at, p.bytes);
        long mac = p.sourceMac;
        IpAddress guest = p.source;
        IpAddress to = p.destination;
        executor.execute(() -> ask(mac, guest, to, copy, reply));
    }

    /** Java has no echo requests of its own but this; without privileges it tries TCP port 7. */
    private void ask(long mac, IpAddress guest, IpAddress to, ByteBuffer message, int reply) {
        boolean reachable = false;
        try {
            reachable = to.inet().isReachable(PING_MILLIS);
        } catch (IOException e) {
            // Then it is not.
        }
        loop.lock.lock();
        try {
            pings--;
            if (reachable) {
                answer(mac, to, guest, message, 0, message.limit(), reply);
            }
        } finally {
            loop.lock.unlock();
        }
        loop.wake();
    }

    private void answer(
            long mac,
            IpAddress from,
            IpAddress guest,
            ByteBuffer message,
            int at,
            int bytes,
            int reply) {
        int payload = FrameWriter.payload(guest.isV4());
        writer.buffer.put(payload, message, at, bytes);
        writer.buffer.putShort(payload, (short) (reply << 8));
        writer.sendIcmp(mac, from, guest, bytes);
    }

    /** Tells the guest why its packet is not passed on. */
    void unreachable(GuestPacket p, Reason reason) {
        int ipBytes = p.at - p.network + p.bytes;
        if (p.toGroup || p.network == 0 || ipBytes <= 0) {
            return; // to a group, or put together from fragments
        }
        int quote = Math.min(ipBytes, MAX_QUOTE);
        boolean v4 = p.source.isV4();
        writer.buffer.put(FrameWriter.payload(v4) + HEADER, p.data, p.network, quote);
        unreachable(p.sourceMac, p.source, quote, reason);
    }

    /** The same for a UDP datagram that was passed on and came to nothing. */
    void unreachable(long mac, Flow flow, Reason reason) {
        boolean v4 = flow.guest().isV4();
        ByteBuffer b = writer.buffer;
        int at = FrameWriter.payload(v4) + HEADER;
        int header = v4 ? 20 : 40;
        int udp = FrameWriter.UDP_HEADER;
        if (v4) {
            b.putInt(at, 0x4500_0000 | header + udp);
            b.putInt(at + 4, 0);
            b.putInt(at + 8, 64 << 24 | GuestPacket.UDP << 16);
            flow.guest().put(b, at + 12);
            flow.remote().put(b, at + 16);
        } else {
            b.putInt(at, 0x6000_0000);
            b.putInt(at + 4, udp << 16 | GuestPacket.UDP << 8 | 64);
            flow.guest().put(b, at + 8);
            flow.remote().put(b, at + 24);
        }
        b.putShort(at + header, (short) flow.guestPort());
        b.putShort(at + header + 2, (short) flow.remotePort());
        b.putShort(at + header + 4, (short) udp);
        b.putShort(at + header + 6, (short) 0);
        unreachable(mac, flow.guest(), header + udp, reason);
    }

    private void unreachable(long mac, IpAddress guest, int quote, Reason reason) {
        boolean v4 = guest.isV4();
        int at = FrameWriter.payload(v4);
        int type = v4 ? UNREACHABLE : UNREACHABLE_V6;
        int code = v4 ? reason.code : reason.codeV6;
        writer.buffer.putInt(at, (type << 8 | code) << 16);
        writer.buffer.putInt(at + 4, 0);
        IpAddress from = v4 ? addresses.gateway() : addresses.gatewayV6();
        writer.sendIcmp(mac, from, guest, HEADER + quote);
    }
}
