package io.queztl.vmm.boot;

import io.airlift.compress.v3.lzo.LzoDecompressor;
import java.io.IOException;
import java.io.InputStream;

/**
 * The file format of the lzop tool, of which kernels use the part without filters: a header, then
 * blocks with both their sizes. Checksums are read past, as the kernel does.
 */
final class LzopInputStream extends BlockInputStream {
    private static final int MAGIC_BYTES = 9;
    private static final int VERSION_WITH_LEVEL = 0x0940;
    private static final int FLAG_ADLER_OUTPUT = 1;
    private static final int FLAG_ADLER_INPUT = 2;
    private static final int FLAG_EXTRA = 0x40;
    private static final int FLAG_CRC_OUTPUT = 0x100;
    private static final int FLAG_CRC_INPUT = 0x200;
    private static final int FLAG_FILTER = 0x800;
    private static final int MAXIMUM_BLOCK = 64 << 20;

    private final long flags;
    private byte[] compressed = new byte[0];

    LzopInputStream(InputStream in) throws IOException {
        super(in);
        in.skipNBytes(MAGIC_BYTES);
        long version = bigEndian(2);
        bigEndian(2); // library version
        boolean withLevel = version >= VERSION_WITH_LEVEL;
        if (withLevel) {
            bigEndian(2); // version needed
        }
        bigEndian(1); // method
        if (withLevel) {
            bigEndian(1);
        }
        flags = bigEndian(4);
        if ((flags & (FLAG_FILTER | FLAG_EXTRA)) != 0) {
            throw new IOException("lzop file with filters or extra fields");
        }
        bigEndian(4); // mode
        bigEndian(4); // time
        if (withLevel) {
            bigEndian(4);
        }
        in.skipNBytes(bigEndian(1)); // name
        bigEndian(4); // header checksum
    }

    @Override
    protected boolean nextBlock() throws IOException {
        long size = bigEndian(4);
        if (size == 0) {
            return false;
        }
        long stored = bigEndian(4);
        if (size > MAXIMUM_BLOCK || stored > size || stored == 0) {
            throw new IOException("lzop block of " + stored + " for " + size + " bytes");
        }
        skipChecksum(FLAG_ADLER_OUTPUT);
        skipChecksum(FLAG_CRC_OUTPUT);
        if (stored < size) {
            skipChecksum(FLAG_ADLER_INPUT);
            skipChecksum(FLAG_CRC_INPUT);
        }
        if (compressed.length < stored) {
            compressed = new byte[(int) stored];
        }
        readFully(compressed, (int) stored);
        if (block.length < size) {
            block = new byte[(int) size];
        }
        position = 0;
        limit = 0;
        if (stored == size) {
            System.arraycopy(compressed, 0, block, 0, (int) size);
        } else {
            int n =
                    new LzoDecompressor()
                            .decompress(compressed, 0, (int) stored, block, 0, (int) size);
            if (n != size) {
                throw new IOException("lzop block of " + n + " bytes instead of " + size);
            }
        }
        limit = (int) size;
        return true;
    }

    private void skipChecksum(int flag) throws IOException {
        if ((flags & flag) != 0) {
            bigEndian(4);
        }
    }
}
