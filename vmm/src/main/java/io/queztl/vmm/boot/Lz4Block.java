package io.queztl.vmm.boot;

import java.io.IOException;

/**
 * Decompresses one lz4 block (lz4 Block Format Description). It is ours because the stock Debian
 * kernel comes this way and unpacking it is most of the time before a guest's first instruction:
 * the libraries either hand out single bytes or use {@code Unsafe}.
 */
final class Lz4Block {
    private static final int MINIMUM_MATCH = 4;

    private Lz4Block() {}

    /**
     * Decompresses a block.
     *
     * @param source holds the block in its first {@code sourceBytes} bytes
     * @param target takes the result from its start
     * @return how many bytes came out
     * @throws IOException if the block is damaged or does not fit {@code target}
     */
    static int decompress(byte[] source, int sourceBytes, byte[] target) throws IOException {
        int in = 0;
        int out = 0;
        try {
            while (in < sourceBytes) {
                int token = source[in++] & 0xff;
                int literals = token >>> 4;
                if (literals == 15) {
                    int more;
                    do {
                        more = source[in++] & 0xff;
                        literals += more;
                    } while (more == 255 && literals >= 0);
                }
                if (literals < 0 || literals > sourceBytes - in) {
                    throw new IOException("lz4 literals go past the block's end");
                }
                System.arraycopy(source, in, target, out, literals);
                in += literals;
                out += literals;
                if (in == sourceBytes) {
                    return out; // the last sequence has no match
                }
                int distance = source[in] & 0xff | (source[in + 1] & 0xff) << 8;
                in += 2;
                int match = token & 15;
                if (match == 15) {
                    int more;
                    do {
                        more = source[in++] & 0xff;
                        match += more;
                    } while (more == 255 && match >= 0);
                }
                match += MINIMUM_MATCH;
                if (distance == 0 || distance > out || match < 0 || match > target.length - out) {
                    throw new IOException("lz4 match outside of the block");
                }
                copyMatch(target, out, distance, match);
                out += match;
            }
        } catch (IndexOutOfBoundsException e) {
            throw new IOException("lz4 block is damaged", e);
        }
        throw new IOException("lz4 block ends in a match");
    }

    /** Repeats earlier output; a match longer than its distance repeats itself. */
    static void copyMatch(byte[] target, int out, int distance, int length) {
        if (distance >= length) {
            System.arraycopy(target, out - distance, target, out, length);
            return;
        }
        // What was copied doubles what can be copied next.
        int done = 0;
        int step = distance;
        while (done < length) {
            int n = Math.min(step, length - done);
            System.arraycopy(target, out - distance, target, out + done, n);
            done += n;
            step = distance + done;
        }
    }
}
