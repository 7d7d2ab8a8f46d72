package io.queztl.vmm.boot;

import java.io.IOException;
import java.io.InputStream;

/**
 * The legacy lz4 frame that {@code lz4 -l} writes: a magic number, then blocks of up to 8 MiB, each
 * preceded by its compressed size (lz4 Frame Format Description, "Legacy frame").
 */
final class Lz4LegacyInputStream extends BlockInputStream {
    private static final int MAGIC = 0x184c2102;
    private static final int BLOCK_BYTES = 8 << 20;

    /** What lz4's compressBound gives for a block. */
    private static final int COMPRESSED_BYTES = BLOCK_BYTES + BLOCK_BYTES / 255 + 16;

    private byte[] compressed = new byte[0];

    Lz4LegacyInputStream(InputStream in) throws IOException {
        super(in);
        if ((int) littleEndian(4) != MAGIC) {
            throw new IOException("no lz4 magic number");
        }
    }

    @Override
    protected boolean nextBlock() throws IOException {
        int first = in.read();
        if (first < 0) {
            return false;
        }
        int size = first | (int) (littleEndian(3) << 8);
        if (size == MAGIC) {
            return true; // another stream follows
        }
        if (size <= 0 || size > COMPRESSED_BYTES) {
            throw new IOException("lz4 block of " + Integer.toUnsignedString(size) + " bytes");
        }
        if (compressed.length < size) {
            compressed = new byte[size];
        }
        readFully(compressed, size);
        if (block.length == 0) {
            block = new byte[BLOCK_BYTES];
        }
        position = 0;
        limit = 0;
        limit = Lz4Block.decompress(compressed, size, block);
        return true;
    }
}
