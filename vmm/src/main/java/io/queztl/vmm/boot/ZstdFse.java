package io.queztl.vmm.boot;

import java.io.IOException;

/** A decoding table of Finite State Entropy (RFC 8878, 4.1). */
final class ZstdFse {
    private static final int MINIMUM_LOG = 5;

    final int log;
    private final byte[] symbols;
    private final byte[] bits;
    private final short[] bases;

    /** Bytes that {@link #read} took for the description. */
    private int described;

    private ZstdFse(int log) {
        this.log = log;
        symbols = new byte[1 << log];
        bits = new byte[1 << log];
        bases = new short[1 << log];
    }

    /** A table that only ever gives one symbol, from no bits. */
    static ZstdFse single(int symbol) {
        ZstdFse table = new ZstdFse(0);
        table.symbols[0] = (byte) symbol;
        return table;
    }

    /** A table from how many of its states each symbol gets; -1 is "less than one". */
    static ZstdFse of(int log, int[] frequencies, int count) throws IOException {
        ZstdFse table = new ZstdFse(log);
        int size = 1 << log;
        int high = size;
        int[] next = new int[count];
        for (int s = 0; s < count; s++) {
            if (frequencies[s] == -1) {
                table.symbols[--high] = (byte) s;
                next[s] = 1;
            }
        }
        int step = (size >> 1) + (size >> 3) + 3;
        int at = 0;
        for (int s = 0; s < count; s++) {
            for (int i = 0; i < frequencies[s]; i++) {
                table.symbols[at] = (byte) s;
                do {
                    at = at + step & size - 1;
                } while (at >= high);
            }
            if (frequencies[s] > 0) {
                next[s] = frequencies[s];
            }
        }
        if (at != 0) {
            throw new IOException("zstd FSE table is damaged");
        }
        for (int i = 0; i < size; i++) {
            int n = next[table.symbols[i]]++;
            int b = log - (31 - Integer.numberOfLeadingZeros(n));
            table.bits[i] = (byte) b;
            table.bases[i] = (short) ((n << b) - size);
        }
        return table;
    }

    /** Reads a table description (RFC 8878, 4.1.1). */
    static ZstdFse read(byte[] data, int start, int end, int maximumLog, int maximumSymbol)
            throws IOException {
        int bit = 0;
        int log = MINIMUM_LOG + forward(data, start, end, bit, 4);
        bit += 4;
        if (log > maximumLog) {
            throw new IOException("zstd FSE table is too big");
        }
        int remaining = 1 << log;
        int[] frequencies = new int[maximumSymbol + 1];
        int symbol = 0;
        while (remaining > 0) {
            if (symbol > maximumSymbol) {
                throw new IOException("zstd FSE table has too many symbols");
            }
            // Values are from 0 to remaining + 1; the small ones need one bit less.
            int width = 32 - Integer.numberOfLeadingZeros(remaining + 1);
            int value = forward(data, start, end, bit, width);
            int lowMask = (1 << width - 1) - 1;
            int threshold = (1 << width) - 1 - (remaining + 1);
            if ((value & lowMask) < threshold) {
                value &= lowMask;
                bit += width - 1;
            } else {
                bit += width;
                if (value > lowMask) {
                    value -= threshold;
                }
            }
            int frequency = value - 1;
            frequencies[symbol++] = frequency;
            remaining -= Math.abs(frequency);
            if (frequency == 0) {
                int repeat;
                do {
                    repeat = forward(data, start, end, bit, 2);
                    bit += 2;
                    symbol += repeat;
                } while (repeat == 3 && symbol <= maximumSymbol);
            }
        }
        if (remaining < 0 || bit > (end - start) * 8) {
            throw new IOException("zstd FSE table is damaged");
        }
        ZstdFse table = of(log, frequencies, Math.min(symbol, maximumSymbol + 1));
        table.described = bit + 7 >>> 3;
        return table;
    }

    /** Bits counted from the lowest of the first byte; zeros past the end. */
    private static int forward(byte[] data, int start, int end, int bit, int count) {
        int value = 0;
        for (int i = 0; i < count; i++) {
            int at = start + (bit + i >>> 3);
            if (at < end) {
                value |= (data[at] >>> (bit + i & 7) & 1) << i;
            }
        }
        return value;
    }

    /** How many bytes the description had. */
    int described() {
        return described;
    }

    int symbol(int state) {
        return symbols[state];
    }

    int next(int state, ZstdBits in) {
        return (bases[state] & 0xffff) + in.take(bits[state]);
    }
}
