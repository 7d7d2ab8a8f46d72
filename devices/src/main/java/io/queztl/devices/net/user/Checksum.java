package io.queztl.devices.net.user;

import java.nio.ByteBuffer;

/** The Internet checksum (RFC 1071), eight bytes at a time. */
final class Checksum {
    private static final long LOW = 0xffff_ffffL;

    private Checksum() {}

    /** Adds bytes of a big-endian buffer to a sum; an odd byte counts as if a zero followed. */
    static long add(long sum, ByteBuffer b, int at, int bytes) {
        int i = at;
        int end = at + bytes;
        long even = 0;
        long odd = 0;
        for (int last = end - 16; i <= last; i += 16) {
            long x = b.getLong(i);
            long y = b.getLong(i + 8);
            even += (x & LOW) + (x >>> 32);
            odd += (y & LOW) + (y >>> 32);
        }
        long s = sum + even + odd;
        for (; i <= end - 4; i += 4) {
            s += b.getInt(i) & LOW;
        }
        if (i <= end - 2) {
            s += b.getShort(i) & 0xffff;
            i += 2;
        }
        if (i < end) {
            s += (b.get(i) & 0xff) << 8;
        }
        return s;
    }

    /** The sum of the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 3.1, RFC 8200 8.1). */
    static long pseudo(IpAddress source, IpAddress destination, int protocol, int bytes) {
        return add(source) + add(destination) + protocol + bytes;
    }

    private static long add(IpAddress a) {
        if (a.isV4()) {
            return a.v4() & LOW;
        }
        return (a.high() & LOW) + (a.high() >>> 32) + (a.low() & LOW) + (a.low() >>> 32);
    }

    /** A sum in 16 bits, not complemented. */
    static int fold(long sum) {
        long s = (sum & LOW) + (sum >>> 32);
        s = (s & 0xffff) + (s >>> 16);
        s = (s & 0xffff) + (s >>> 16);
        s = (s & 0xffff) + (s >>> 16);
        return (int) s;
    }

    /** What goes into the field of a header. */
    static int finish(long sum) {
        return ~fold(sum) & 0xffff;
    }

    /** True if a sum over data and its checksum is right. */
    static boolean valid(long sum) {
        return fold(sum) == 0xffff;
    }
}
