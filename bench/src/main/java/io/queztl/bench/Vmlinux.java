package io.queztl.bench;

import java.io.ByteArrayInputStream;
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
    private Vmlinux() {}

    /**
     * Unpacks a bzImage whose payload is gzip or xz.
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
        } else {
            return bzImage;
        }
        try (unpacked) {
            Files.write(target, unpacked.readAllBytes());
        }
        return target;
    }
}
