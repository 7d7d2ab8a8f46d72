package io.queztl.vmm.boot;

import java.io.IOException;

/** A Huffman decoding table of Zstandard's literals (RFC 8878, 4.2). */
final class ZstdHuffman {
    private static final int MAXIMUM_BITS = 11;
    private static final int MAXIMUM_WEIGHTS = 255;
    private static final int WEIGHTS_LOG = 6;

    /** Header bytes from here on: weights follow directly, in four bits each. */
    private static final int DIRECT = 128;

    private final int bits;

    /** By the next {@link #bits} bits: symbol, and in bits 8 and up the bits it takes. */
    private final short[] table;

    /** Bytes that {@link #read} took for the description. */
    final int described;

    private ZstdHuffman(int bits, int described) {
        this.bits = bits;
        this.described = described;
        table = new short[1 << bits];
    }

    /** Reads a tree description. */
    static ZstdHuffman read(byte[] data, int start, int end) throws IOException {
        if (start >= end) {
            throw new IOException("zstd Huffman tree is missing");
        }
        int header = data[start] & 0xff;
        byte[] weights = new byte[MAXIMUM_WEIGHTS + 1];
        int count;
        int bytes;
        if (header >= DIRECT) {
            count = header - DIRECT + 1;
            bytes = 1 + (count + 1) / 2;
            if (bytes > end - start) {
                throw new IOException("zstd Huffman tree goes past its block");
            }
            for (int i = 0; i < count; i++) {
                int pair = data[start + 1 + i / 2];
                weights[i] = (byte) ((i & 1) == 0 ? pair >>> 4 & 15 : pair & 15);
            }
        } else {
            bytes = 1 + header;
            if (bytes > end - start) {
                throw new IOException("zstd Huffman tree goes past its block");
            }
            count = readWeights(data, start + 1, start + bytes, weights);
        }
        return build(weights, count, bytes);
    }

    /** Weights in FSE, two states taking turns until the bits are used up. */
    private static int readWeights(byte[] data, int start, int end, byte[] weights)
            throws IOException {
        ZstdFse fse = ZstdFse.read(data, start, end, WEIGHTS_LOG, MAXIMUM_BITS + 1);
        ZstdBits in = new ZstdBits(data, start + fse.described(), end);
        int state = in.take(fse.log);
        int other = in.take(fse.log);
        if (in.overrun()) {
            throw new IOException("zstd Huffman weights end too early");
        }
        int count = 0;
        while (count < MAXIMUM_WEIGHTS - 1) {
            weights[count++] = (byte) fse.symbol(state);
            int next = fse.next(state, in);
            state = other;
            other = next;
            if (in.overrun()) {
                weights[count++] = (byte) fse.symbol(state);
                return count;
            }
        }
        throw new IOException("zstd Huffman tree has too many weights");
    }

    private static ZstdHuffman build(byte[] weights, int count, int described) throws IOException {
        int total = 0;
        for (int i = 0; i < count; i++) {
            if (weights[i] > MAXIMUM_BITS) {
                throw new IOException("zstd Huffman weight is too big");
            }
            total += weights[i] == 0 ? 0 : 1 << weights[i] - 1;
        }
        int bits = total == 0 ? 0 : 32 - Integer.numberOfLeadingZeros(total);
        // The last symbol's weight is not stored: it fills up to the power of two.
        int rest = (1 << bits) - total;
        if (bits == 0 || bits > MAXIMUM_BITS || Integer.bitCount(rest) != 1) {
            throw new IOException("zstd Huffman tree is damaged");
        }
        weights[count] = (byte) (Integer.numberOfTrailingZeros(rest) + 1);
        ZstdHuffman huffman = new ZstdHuffman(bits, described);
        int at = 0;
        for (int weight = 1; weight <= bits; weight++) {
            for (int symbol = 0; symbol <= count; symbol++) {
                if (weights[symbol] == weight) {
                    int run = 1 << weight - 1;
                    short entry = (short) (bits + 1 - weight << 8 | symbol);
                    java.util.Arrays.fill(huffman.table, at, at + run, entry);
                    at += run;
                }
            }
        }
        return huffman;
    }

    /** Decodes one bitstream to exactly {@code count} bytes. */
    void decode(byte[] data, int start, int end, byte[] target, int at, int count)
            throws IOException {
        ZstdBits in = new ZstdBits(data, start, end);
        short[] entries = table;
        int width = bits;
        for (int i = at; i < at + count; i++) {
            int entry = entries[in.peek(width)];
            target[i] = (byte) entry;
            in.drop(entry >>> 8);
        }
        if (!in.exhausted()) {
            throw new IOException("zstd literals have the wrong length");
        }
    }
}
