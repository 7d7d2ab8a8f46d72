package io.queztl.devices.net.user;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The DHCP server of the guest's network (RFC 2131, RFC 2132): one address, for whoever asks, with
 * gateway, DNS server, name and MTU. Guarded by the stack's lock.
 */
final class DhcpServer {
    static final int SERVER_PORT = 67;
    static final int CLIENT_PORT = 68;

    private static final int OPTIONS = 240;
    private static final int SHORTEST_REPLY = 300;
    private static final int MAGIC = 0x6382_5363;
    private static final int LEASE_SECONDS = 86_400;

    private static final int DISCOVER = 1;
    private static final int OFFER = 2;
    private static final int REQUEST = 3;
    private static final int DECLINE = 4;
    private static final int ACK = 5;
    private static final int NAK = 6;
    private static final int RELEASE = 7;
    private static final int INFORM = 8;

    private static final int NETMASK = 1;
    private static final int ROUTER = 3;
    private static final int DNS = 6;
    private static final int HOSTNAME = 12;
    private static final int MTU = 26;
    private static final int BROADCAST = 28;
    private static final int REQUESTED_ADDRESS = 50;
    private static final int LEASE_TIME = 51;
    private static final int MESSAGE_TYPE = 53;
    private static final int SERVER = 54;
    private static final int RENEWAL = 58;
    private static final int REBINDING = 59;
    private static final int END = 255;

    private final FrameWriter writer;
    private final NetworkAddresses addresses;
    private final byte[] hostname;
    private final int mtu;
    private long leasedTo;

    // of the message that is being read
    private int type;
    private int requested;
    private int server;

    DhcpServer(FrameWriter writer, NetworkAddresses addresses, String hostname, int mtu) {
        this.writer = writer;
        this.addresses = addresses;
        this.hostname = hostname.getBytes(StandardCharsets.US_ASCII);
        this.mtu = mtu;
    }

    /** The MAC address that has the lease, or 0. */
    long leasedTo() {
        return leasedTo;
    }

    void leasedTo(long mac) {
        leasedTo = mac;
    }

    /** A UDP datagram to port 67, of which {@code bytes} are data. */
    void receive(GuestPacket p, int bytes) {
        int at = p.at + FrameWriter.UDP_HEADER;
        ByteBuffer b = p.data;
        if (bytes < OPTIONS
                || b.get(at) != 1 // a request
                || b.get(at + 1) != 1 // over Ethernet
                || b.get(at + 2) != 6
                || b.getInt(at + 236) != MAGIC
                || !readOptions(b, at + OPTIONS, at + bytes)) {
            return;
        }
        long mac = b.getLong(at + 28) >>> 16;
        boolean forUs = server == 0 || server == addresses.gateway().v4();
        boolean unicastMac = (mac & 1L << 40) == 0 && mac != 0;
        if (!forUs || !unicastMac) {
            return;
        }
        int client = b.getInt(at + 12);
        switch (type) {
            case DISCOVER -> reply(p, at, OFFER, mac);
            case REQUEST -> {
                int wanted = requested != 0 ? requested : client;
                if (wanted == addresses.guest().v4()) {
                    leasedTo = mac;
                    reply(p, at, ACK, mac);
                } else {
                    reply(p, at, NAK, mac);
                }
            }
            case INFORM -> reply(p, at, ACK, mac);
            case RELEASE, DECLINE -> {
                if (leasedTo == mac) {
                    leasedTo = 0;
                }
            }
            default -> {}
        }
    }

    private boolean readOptions(ByteBuffer b, int start, int end) {
        type = 0;
        requested = 0;
        server = 0;
        int i = start;
        while (i < end) {
            int option = b.get(i) & 0xff;
            if (option == 0) {
                i++;
                continue;
            }
            if (option == END) {
                break;
            }
            int length = i + 1 < end ? b.get(i + 1) & 0xff : end;
            if (i + 2 + length > end) {
                return false;
            }
            if (option == MESSAGE_TYPE && length == 1) {
                type = b.get(i + 2);
            } else if (option == REQUESTED_ADDRESS && length == 4) {
                requested = b.getInt(i + 2);
            } else if (option == SERVER && length == 4) {
                server = b.getInt(i + 2);
            }
            i += 2 + length;
        }
        return true;
    }

    private void reply(GuestPacket p, int at, int kind, long mac) {
        boolean inform = type == INFORM;
        int client = p.data.getInt(at + 12);
        int start = FrameWriter.payload(true) + FrameWriter.UDP_HEADER;
        ByteBuffer b = writer.buffer;
        b.put(start, new byte[SHORTEST_REPLY]);
        b.put(start, p.data, at, 44); // up to the client's hardware address
        b.put(start, (byte) 2);
        b.put(start + 3, (byte) 0);
        b.putShort(start + 8, (short) 0);
        b.putInt(start + 12, kind == ACK ? client : 0);
        b.putInt(start + 16, kind == NAK || inform ? 0 : addresses.guest().v4());
        b.putInt(start + 20, 0);
        b.putInt(start + 236, MAGIC);
        int i = start + OPTIONS;
        i = option(i, MESSAGE_TYPE, 1, kind);
        i = option(i, SERVER, 4, addresses.gateway().v4());
        if (kind != NAK) {
            if (!inform) {
                i = option(i, LEASE_TIME, 4, LEASE_SECONDS);
                i = option(i, RENEWAL, 4, LEASE_SECONDS / 2);
                i = option(i, REBINDING, 4, LEASE_SECONDS / 8 * 7);
            }
            i = option(i, NETMASK, 4, addresses.netmask().v4());
            i = option(i, BROADCAST, 4, addresses.broadcast().v4());
            i = option(i, ROUTER, 4, addresses.gateway().v4());
            i = option(i, DNS, 4, addresses.dns().v4());
            i = option(i, MTU, 2, mtu);
            b.put(i, (byte) HOSTNAME);
            b.put(i + 1, (byte) hostname.length);
            b.put(i + 2, hostname);
            i += 2 + hostname.length;
        }
        b.put(i++, (byte) END);
        boolean broadcast = (p.data.getShort(at + 10) & 0x8000) != 0 || kind == NAK;
        IpAddress to = client != 0 && kind != NAK ? IpAddress.v4(client) : addresses.guest();
        if (broadcast && client == 0 || kind == NAK) {
            to = IpAddress.BROADCAST_V4;
        }
        long toMac = to.equals(IpAddress.BROADCAST_V4) ? FrameWriter.BROADCAST_MAC : mac;
        Flow flow = new Flow(to, CLIENT_PORT, addresses.gateway(), SERVER_PORT);
        int length = Math.max(i - start, SHORTEST_REPLY);
        boolean ignored = writer.sendUdp(toMac, flow, length, true);
    }

    private int option(int at, int option, int bytes, int value) {
        ByteBuffer b = writer.buffer;
        b.put(at, (byte) option);
        b.put(at + 1, (byte) bytes);
        for (int i = 0; i < bytes; i++) {
            b.put(at + 2 + i, (byte) (value >>> 8 * (bytes - 1 - i)));
        }
        return at + 2 + bytes;
    }
}
