package io.queztl.vmm.boot;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Reads a Zstandard bitstream backwards (RFC 8878, 4.1): from below the highest set bit of its last
 * byte down to its first byte. What is read past the start is zero and makes {@link #overrun} true.
 */
final class ZstdBits {
    /** The array must have this many bytes more than any bitstream in it. */
    static final int SLACK = 8;

    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] data;
    private final int start;
    private int left;

    /** The bits of {@code data} from {@code start} to {@code end}. */
    ZstdBits(byte[] data, int start, int end) throws IOException {
        if (end <= start || data[end - 1] == 0) {
            throw new IOException("zstd bitstream without an end mark");
        }
        this.data = data;
        this.start = start;
        int last = data[end - 1] & 0xff;
        left = (end - start) * 8 - (Integer.numberOfLeadingZeros(last) - 24) - 1;
    }

    /** Takes {@code count} bits, at most 32. */
    int take(int count) {
        int value = peek(count);
        left -= count;
        return value;
    }

    /** The next {@code count} bits. */
    int peek(int count) {
        int at = left - count;
        long mask = (1L << count) - 1;
        if (at >= 0) {
            return (int) ((long) LONG.get(data, start + (at >>> 3)) >>> (at & 7) & mask);
        }
        if (left <= 0) {
            return 0;
        }
        long rest = (long) LONG.get(data, start) & (1L << left) - 1;
        return (int) (rest << -at & mask);
    }

    void drop(int count) {
        left -= count;
    }

    /** True if more bits were taken than there are. */
    boolean overrun() {
        return left < 0;
    }

    /** True if exactly all bits were taken. */
    boolean exhausted() {
        return left == 0;
    }
}
