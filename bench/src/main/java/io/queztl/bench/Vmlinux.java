package io.queztl.bench;

import io.airlift.compress.v3.lz4.Lz4JavaDecompressor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.XZInputStream;

/** The uncompressed kernel in a bzImage, so that no peer's decompression is measured. */
final class Vmlinux {
    private static final int LZ4_LEGACY = 0x184C2102;
    private static final int LZ4_BLOCK = 8 << 20;

    private Vmlinux() {}

    /** The legacy LZ4 frame: blocks of 8 MiB with their compressed size before them. */
    private static byte[] lz4(ByteBuffer file, int from, int end) {
        Lz4JavaDecompressor decompressor = new Lz4JavaDecompressor();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] block = new byte[LZ4_BLOCK];
        int at = from;
        while (at + 4 <= end) {
            int size = file.getInt(at);
            int bytes = decompressor.decompress(file.array(), at + 4, size, block, 0, block.length);
            out.write(block, 0, bytes);
            at += 4 + size;
        }
        return out.toByteArray();
    }

    /**
     * Unpacks a bzImage whose payload is gzip, xz or lz4.
     *
     * @return the ELF file written to {@code target}, or the bzImage where its compression is
     *     another
     */
    static Path unpack(Path bzImage, Path target) throws IOException {
        byte[] file = Files.readAllBytes(bzImage);
        ByteBuffer b = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int sectors = file[0x1f1] == 0 ? 4 : file[0x1f1];
        int start = (sectors + 1) * 512 + b.getInt(0x248);
        int length = b.getInt(0x24c) - 4;
        InputStream payload = new ByteArrayInputStream(file, start, length);
        InputStream unpacked;
        if ((file[start] & 0xff) == 0xFD && file[start + 1] == '7') {
            unpacked = new XZInputStream(payload);
        } else if ((file[start] & 0xff) == 0x1F && (file[start + 1] & 0xff) == 0x8B) {
            unpacked = new GZIPInputStream(payload);
        } else if (b.getInt(start) == LZ4_LEGACY) {
            unpacked = new ByteArrayInputStream(lz4(b, start + 4, start + length));
        } else {
            return bzImage;
        }
        try (unpacked) {
            Files.write(target, unpacked.readAllBytes());
        }
        return target;
    }
}
