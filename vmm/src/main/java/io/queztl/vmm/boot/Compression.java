package io.queztl.vmm.boot;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.lz4.FramedLZ4CompressorInputStream;
import org.jspecify.annotations.Nullable;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;
import org.tukaani.xz.XZInputStream;

/** The ways kernels and initrds are compressed, told apart by their magic numbers. */
enum Compression {
    GZIP(0x1f, 0x8b, 0x08),
    XZ(0xfd, '7', 'z', 'X', 'Z', 0),
    ZSTD(0x28, 0xb5, 0x2f, 0xfd),
    /** The frame format of early lz4 tools, which Linux kernels and initrds use. */
    LZ4_LEGACY(0x02, 0x21, 0x4c, 0x18),
    LZ4(0x04, 0x22, 0x4d, 0x18),
    BZIP2('B', 'Z', 'h'),
    LZO(0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'),
    /** Has no magic of its own: the usual properties byte and a small dictionary. */
    LZMA(0x5d, 0, 0);

    /** Dictionaries beyond this are refused: no kernel uses one, and they are allocated at once. */
    private static final int DICTIONARY_LIMIT_KIB = 256 << 10;

    private final byte[] magic;

    Compression(int... magic) {
        this.magic = new byte[magic.length];
        for (int i = 0; i < magic.length; i++) {
            this.magic[i] = (byte) magic[i];
        }
    }

    /** The compression of the data at {@code offset}, or null if it has none of these magics. */
    static @Nullable Compression detect(Bytes data, long offset) {
        for (Compression c : values()) {
            if (c.matches(data, offset)) {
                return c;
            }
        }
        return null;
    }

    private boolean matches(Bytes data, long offset) {
        if (!data.has(offset, magic.length)) {
            return false;
        }
        for (int i = 0; i < magic.length; i++) {
            if ((byte) data.u8(offset + i) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * A stream of the decompressed data.
     *
     * @param single stop after the first compressed stream instead of going on with the next
     */
    InputStream open(MemorySegment data, boolean single) throws IOException {
        InputStream in = new SegmentInputStream(data);
        return switch (this) {
            case GZIP -> new GZIPInputStream(in, 1 << 16);
            case XZ ->
                    single
                            ? new SingleXZInputStream(in, DICTIONARY_LIMIT_KIB)
                            : new XZInputStream(in, DICTIONARY_LIMIT_KIB);
            case ZSTD -> new ZstdInputStream(in, single);
            case LZ4_LEGACY -> new Lz4LegacyInputStream(in);
            case LZ4 -> new FramedLZ4CompressorInputStream(in, !single);
            case BZIP2 -> new BZip2CompressorInputStream(new BufferedInputStream(in), !single);
            case LZO -> new LzopInputStream(in);
            case LZMA -> new LZMAInputStream(in, DICTIONARY_LIMIT_KIB);
        };
    }
}
