package io.queztl.devices.net;

import java.nio.ByteBuffer;

/** The Internet checksum (RFC 1071), sixteen bytes at a time, over big-endian buffers. */
public final class InternetChecksum {
    private static final long LOW = 0xffff_ffffL;

    private InternetChecksum() {}

    /** Adds bytes to a sum that is not folded yet; an odd byte counts as if a zero followed. */
    public static long add(long sum, ByteBuffer buffer, int at, int bytes) {
        int i = at;
        int end = at + bytes;
        long even = 0;
        long odd = 0;
        for (int last = end - 16; i <= last; i += 16) {
            long x = buffer.getLong(i);
            long y = buffer.getLong(i + 8);
            even += (x & LOW) + (x >>> 32);
            odd += (y & LOW) + (y >>> 32);
        }
        long s = sum + even + odd;
        for (; i <= end - 4; i += 4) {
            s += buffer.getInt(i) & LOW;
        }
        if (i <= end - 2) {
            s += buffer.getShort(i) & 0xffff;
            i += 2;
        }
        if (i < end) {
            s += (buffer.get(i) & 0xff) << 8;
        }
        return s;
    }

    /** A sum in 16 bits. */
    public static int fold(long sum) {
        long s = (sum & LOW) + (sum >>> 32);
        s = (s & 0xffff) + (s >>> 16);
        s = (s & 0xffff) + (s >>> 16);
        return (int) ((s & 0xffff) + (s >>> 16));
    }

    /** What goes into the field of a header: the complement of the sum. */
    public static int finish(long sum) {
        return ~fold(sum) & 0xffff;
    }

    /** The same for TCP and UDP, where 0 means that there is none (RFC 768). */
    public static int finishTransport(long sum) {
        int field = finish(sum);
        return field == 0 ? 0xffff : field;
    }

    /** True if a sum over data and the checksum in it is right. */
    public static boolean valid(long sum) {
        return fold(sum) == 0xffff;
    }
}
