package io.queztl.devices.net;

import io.queztl.devices.net.NetworkBackend.Offloads;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/**
 * Does in software what a packet's header leaves undone and its receiver does not take undone:
 * fills in checksums and cuts TCP segments (VirtIO 1.2, 5.1.6.2; RFC 9293). Packets may be hostile:
 * one whose header does not fit its content is dropped. For one thread at a time.
 */
public final class OffloadFinisher {
    private static final int HEADER = NetworkBackend.HEADER_BYTES;

    // struct virtio_net_hdr
    private static final int FLAGS = 0;
    private static final int GSO_TYPE = 1;
    private static final int GSO_SIZE = 4;
    private static final int CSUM_START = 6;
    private static final int CSUM_OFFSET = 8;
    private static final int NUM_BUFFERS = 10;
    private static final int NEEDS_CSUM = 1;
    private static final int GSO_TCP4 = 1;
    private static final int GSO_TCP6 = 4;
    private static final int GSO_ECN = 0x80;

    private static final int ETHERNET = 14;
    private static final int VLAN_TAG = 4;
    private static final int MAX_TAGS = 2;
    private static final int TYPE_IPV4 = 0x0800;
    private static final int TYPE_IPV6 = 0x86dd;
    private static final int TYPE_VLAN = 0x8100;
    private static final int TYPE_SERVICE_VLAN = 0x88a8;
    private static final int IPV6_HEADER = 40;
    private static final int TCP = 6;
    private static final int TCP_HEADER = 20;
    private static final int TCP_CHECKSUM = 16;
    private static final int FIN_PSH = 0x09;
    private static final int CWR = 0x80;

    /** What is left of the smallest segment of TCP behind the largest header. */
    private static final int MIN_SEGMENT = 8;

    private final ByteBuffer segment = ByteBuffer.allocateDirect(NetworkBackend.MAX_PACKET_BYTES);

    // The packet that is being cut: where its headers begin, in its buffer.
    private int network;
    private int transport;
    private int payload;
    private boolean version6;

    /**
     * Gives a packet to its receiver, as it is or as the packets that it comes apart into.
     *
     * @param packet between position and limit, big endian; its content is changed
     * @param accepted what the receiver takes undone
     * @param receiver is called with buffers that are valid during the call
     * @return false if the packet was dropped
     */
    public boolean finish(ByteBuffer packet, Offloads accepted, Consumer<ByteBuffer> receiver) {
        int start = packet.position();
        int bytes = packet.remaining();
        if (bytes < HEADER + ETHERNET
                || bytes > NetworkBackend.MAX_PACKET_BYTES
                || packet.order() != ByteOrder.BIG_ENDIAN) {
            return false;
        }
        int flags = packet.get(start + FLAGS) & NEEDS_CSUM;
        int type = packet.get(start + GSO_TYPE) & 0xff;
        // What it says beyond that (data valid, coalesced) is not known here.
        packet.put(start + FLAGS, (byte) flags);
        if (flags != 0 && !checksumInside(packet)) {
            return false;
        }
        return switch (type & ~GSO_ECN) {
            case 0 -> {
                if (flags != 0 && !accepted.checksum()) {
                    fillChecksum(packet);
                }
                clear(packet, GSO_TYPE, flags != 0 && accepted.checksum() ? CSUM_START : HEADER);
                receiver.accept(packet);
                yield true;
            }
            case GSO_TCP4, GSO_TCP6 -> {
                if (flags == 0 || !parse(packet, type & ~GSO_ECN)) {
                    yield false;
                }
                boolean taken =
                        accepted.checksum()
                                && (version6 ? accepted.tcp6() : accepted.tcp4())
                                && ((type & GSO_ECN) == 0 || accepted.ecn());
                if (taken) {
                    receiver.accept(packet);
                } else {
                    cut(packet, receiver);
                }
                yield true;
            }
            default -> false;
        };
    }

    private static void clear(ByteBuffer packet, int from, int to) {
        for (int i = from; i < Math.min(to, NUM_BUFFERS); i++) {
            packet.put(packet.position() + i, (byte) 0);
        }
    }

    private static int littleEndian(ByteBuffer packet, int field) {
        return Short.reverseBytes(packet.getShort(packet.position() + field)) & 0xffff;
    }

    private static boolean checksumInside(ByteBuffer packet) {
        int first = littleEndian(packet, CSUM_START);
        int field = first + littleEndian(packet, CSUM_OFFSET);
        int frame = packet.remaining() - HEADER;
        return first >= ETHERNET && first < frame && field + 2 <= frame;
    }

    /** The field holds the sum of the pseudo-header already. */
    private static void fillChecksum(ByteBuffer packet) {
        int first = packet.position() + HEADER + littleEndian(packet, CSUM_START);
        int field = first + littleEndian(packet, CSUM_OFFSET);
        long sum = InternetChecksum.add(0, packet, first, packet.limit() - first);
        packet.putShort(field, (short) InternetChecksum.finishTransport(sum));
        packet.put(packet.position() + FLAGS, (byte) 0);
    }

    /** Finds the headers of a TCP segment; false if they are not as announced. */
    private boolean parse(ByteBuffer packet, int type) {
        int start = packet.position() + HEADER;
        int end = packet.limit();
        int at = start + 12;
        int kind = packet.getShort(at) & 0xffff;
        for (int tags = 0; kind == TYPE_VLAN || kind == TYPE_SERVICE_VLAN; tags++) {
            at += VLAN_TAG;
            if (tags == MAX_TAGS || at + 2 > end) {
                return false;
            }
            kind = packet.getShort(at) & 0xffff;
        }
        network = at + 2;
        version6 = type == GSO_TCP6;
        if (kind != (version6 ? TYPE_IPV6 : TYPE_IPV4)) {
            return false;
        }
        transport = version6 ? afterIpv6(packet, end) : afterIpv4(packet, end);
        if (transport < 0
                || transport + TCP_HEADER > end
                || transport - start != littleEndian(packet, CSUM_START)
                || littleEndian(packet, CSUM_OFFSET) != TCP_CHECKSUM) {
            return false;
        }
        int header = (packet.get(transport + 12) >>> 4 & 0xf) * 4;
        payload = transport + header;
        return header >= TCP_HEADER
                && payload <= end
                && littleEndian(packet, GSO_SIZE) >= MIN_SEGMENT;
    }

    private int afterIpv4(ByteBuffer packet, int end) {
        if (network + 20 > end) {
            return -1;
        }
        int first = packet.get(network) & 0xff;
        int header = (first & 0xf) * 4;
        boolean fragment = (packet.getShort(network + 6) & 0x3fff) != 0;
        boolean fits = first >>> 4 == 4 && header >= 20 && network + header <= end;
        return fits && !fragment && packet.get(network + 9) == TCP ? network + header : -1;
    }

    private int afterIpv6(ByteBuffer packet, int end) {
        if (network + IPV6_HEADER > end || packet.get(network) >>> 4 != 6) {
            return -1;
        }
        int next = packet.get(network + 6) & 0xff;
        int at = network + IPV6_HEADER;
        // Hop-by-hop, routing and destination options have one shape (RFC 8200, 4).
        while (next == 0 || next == 43 || next == 60) {
            if (at + 8 > end) {
                return -1;
            }
            next = packet.get(at) & 0xff;
            at += 8 + (packet.get(at + 1) & 0xff) * 8;
        }
        return next == TCP ? at : -1;
    }

    /** Gives away segments of at most the size that the header names. */
    private void cut(ByteBuffer packet, Consumer<ByteBuffer> receiver) {
        int start = packet.position();
        int most = littleEndian(packet, GSO_SIZE);
        int headers = payload - start;
        int left = packet.limit() - payload;
        int identification = packet.getShort(network + 4);
        int sequence = packet.getInt(transport + 4);
        int flags = packet.get(transport + 13) & 0xff;
        int done = 0;
        do {
            int bytes = Math.min(most, left - done);
            segment.clear();
            segment.put(0, packet, start, headers);
            segment.put(headers, packet, payload + done, bytes);
            segment.limit(headers + bytes);
            for (int i = 0; i < HEADER; i++) {
                segment.put(i, (byte) 0);
            }
            int kept = flags;
            kept &= done == 0 ? ~0 : ~CWR; // RFC 3168: told once
            kept &= done + bytes == left ? ~0 : ~FIN_PSH;
            segment.putInt(transport - start + 4, sequence + done);
            segment.put(transport - start + 13, (byte) kept);
            addressed(start, identification + done / most);
            receiver.accept(segment);
            done += bytes;
        } while (done < left);
    }

    /** Lengths and checksums of the segment. */
    private void addressed(int start, int identification) {
        int ip = network - start;
        int tcp = transport - start;
        int bytes = segment.limit();
        int addresses;
        if (version6) {
            segment.putShort(ip + 4, (short) (bytes - ip - IPV6_HEADER));
            addresses = ip + 8;
        } else {
            segment.putShort(ip + 2, (short) (bytes - ip));
            segment.putShort(ip + 4, (short) identification);
            segment.putShort(ip + 10, (short) 0);
            long sum = InternetChecksum.add(0, segment, ip, tcp - ip);
            segment.putShort(ip + 10, (short) InternetChecksum.finish(sum));
            addresses = ip + 12;
        }
        segment.putShort(tcp + TCP_CHECKSUM, (short) 0);
        long sum = TCP + (long) (bytes - tcp);
        sum = InternetChecksum.add(sum, segment, addresses, version6 ? 32 : 8);
        sum = InternetChecksum.add(sum, segment, tcp, bytes - tcp);
        segment.putShort(tcp + TCP_CHECKSUM, (short) InternetChecksum.finishTransport(sum));
    }
}
