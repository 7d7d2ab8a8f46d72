package io.queztl.devices.net;

import java.nio.ByteBuffer;

/** The Internet checksum (RFC 1071), eight bytes at a time, over big-endian buffers. */
public final class InternetChecksum {
    private static final long LOW = 0xffff_ffffL;

    private InternetChecksum() {}

    /** Adds bytes to a sum that is not folded yet; an odd byte counts as if a zero followed. */
    public static long add(long sum, ByteBuffer buffer, int at, int bytes) {
        long total = sum;
        int i = at;
        int end = at + bytes;
        for (int last = end - 8; i <= last; i += 8) {
            long eight = buffer.getLong(i);
            total += (eight >>> 32) + (eight & LOW);
        }
        for (; i + 2 <= end; i += 2) {
            total += buffer.getShort(i) & 0xffff;
        }
        if (i < end) {
            total += (buffer.get(i) & 0xff) << 8;
        }
        return total;
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
}
