package io.queztl.devices.net.user;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * An IPv4 or IPv6 address. An IPv4 address is kept as its IPv4-mapped IPv6 address (RFC 4291
 * section 2.5.5.2), which never appears on the wire.
 *
 * @param high the first 8 bytes
 * @param low the last 8 bytes
 */
record IpAddress(long high, long low) {
    private static final long MAPPED = 0xffff_0000_0000L;

    static final IpAddress ANY_V4 = v4(0);
    static final IpAddress BROADCAST_V4 = v4(-1);
    static final IpAddress ANY_V6 = new IpAddress(0, 0);
    static final IpAddress LOOPBACK_V4 = v4(0x7f00_0001);
    static final IpAddress LOOPBACK_V6 = new IpAddress(0, 1);

    static IpAddress v4(int bits) {
        return new IpAddress(0, MAPPED | bits & 0xffff_ffffL);
    }

    /** The IPv4 address at an offset of a packet. */
    static IpAddress v4(ByteBuffer packet, int at) {
        return v4(packet.getInt(at));
    }

    /** The IPv6 address at an offset of a packet. */
    static IpAddress v6(ByteBuffer packet, int at) {
        return new IpAddress(packet.getLong(at), packet.getLong(at + 8));
    }

    static IpAddress of(InetAddress address) {
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        return address instanceof Inet4Address ? v4(bytes, 0) : v6(bytes, 0);
    }

    /**
     * Reads a literal; looks nothing up.
     *
     * @throws IllegalArgumentException if it is none
     */
    static IpAddress parse(String literal) {
        return of(InetAddress.ofLiteral(literal));
    }

    boolean isV4() {
        return high == 0 && low >>> 32 == 0xffff;
    }

    /** The 32 bits of an IPv4 address. */
    int v4() {
        return (int) low;
    }

    /** True for fe80::/10. */
    boolean isLinkLocalV6() {
        return high >>> 54 == 0x3fa;
    }

    boolean isMulticast() {
        return isV4() ? v4() >>> 28 == 0xe : high >>> 56 == 0xff;
    }

    boolean isLoopback() {
        return isV4() ? v4() >>> 24 == 127 : equals(LOOPBACK_V6);
    }

    /** Writes the 4 or 16 bytes at an offset. */
    void put(ByteBuffer packet, int at) {
        if (isV4()) {
            packet.putInt(at, v4());
        } else {
            packet.putLong(at, high);
            packet.putLong(at + 8, low);
        }
    }

    InetAddress inet() {
        byte[] bytes = new byte[isV4() ? 4 : 16];
        put(ByteBuffer.wrap(bytes), 0);
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // the length is right
        }
    }

    @Override
    public String toString() {
        return inet().getHostAddress();
    }
}
