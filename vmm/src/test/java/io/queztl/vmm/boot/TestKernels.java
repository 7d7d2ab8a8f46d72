package io.queztl.vmm.boot;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.XZOutputStream;

/** Small kernels of every format, made up here. */
final class TestKernels {
    static final long LOAD = 0x20_0000;
    static final int CODE_BYTES = 3000;
    static final int BSS_BYTES = 500;
    static final int COMMAND_LINE_LIMIT = 255;

    private TestKernels() {}

    static byte[] code() {
        byte[] code = new byte[CODE_BYTES];
        new Random(1).nextBytes(code);
        // Half of it compresses well, so that decoders see matches too.
        for (int i = CODE_BYTES / 2; i < CODE_BYTES; i++) {
            code[i] = (byte) (i % 7);
        }
        return code;
    }

    /** An ELF64 kernel with one segment, entered at its start. */
    static byte[] elf64() {
        return elf64(LOAD, new byte[0]);
    }

    static byte[] elf64(long entry, byte[] note) {
        int headers = 64 + 2 * 56;
        ByteBuffer b = little(headers + note.length + CODE_BYTES);
        b.put(0, new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
        b.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1);
        b.putLong(24, entry).putLong(32, 64);
        b.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 2);
        b.putInt(64, 1).putInt(68, 7).putLong(72, headers + note.length);
        b.putLong(80, 0xffff_ffff_8000_0000L + LOAD).putLong(88, LOAD);
        b.putLong(96, CODE_BYTES).putLong(104, CODE_BYTES + BSS_BYTES).putLong(112, 4096);
        b.putInt(120, note.length == 0 ? 0 : 4).putLong(128, headers);
        b.putLong(152, note.length).putLong(160, note.length);
        b.put(headers, note).put(headers + note.length, code());
        return b.array();
    }

    /** A Xen note with the PVH entry point. */
    static byte[] pvhNote(int entry) {
        ByteBuffer b = little(20);
        b.putInt(4).putInt(4).putInt(18).put("Xen\0".getBytes(StandardCharsets.US_ASCII));
        return b.putInt(entry).array();
    }

    /** An ELF32 kernel with a multiboot header at the start of its code. */
    static byte[] multibootElf32(int flags) {
        ByteBuffer b = little(84 + CODE_BYTES);
        b.put(0, new byte[] {0x7f, 'E', 'L', 'F', 1, 1, 1});
        b.putShort(16, (short) 2).putShort(18, (short) 3).putInt(20, 1);
        b.putInt(24, (int) LOAD + 12).putInt(28, 52);
        b.putShort(40, (short) 52).putShort(42, (short) 32).putShort(44, (short) 1);
        b.putInt(52, 1).putInt(56, 84).putInt(60, (int) LOAD).putInt(64, (int) LOAD);
        b.putInt(68, CODE_BYTES).putInt(72, CODE_BYTES + BSS_BYTES).putInt(76, 7);
        b.put(84, code());
        b.putInt(84, 0x1badb002).putInt(88, flags).putInt(92, -(0x1badb002 + flags));
        return b.array();
    }

    /** A flat multiboot kernel whose header has the addresses; the header is at offset 16. */
    static byte[] multibootFlat(int headerAddress, int load, int loadEnd, int bssEnd, int entry) {
        ByteBuffer b = little(16 + CODE_BYTES);
        b.put(16, code());
        int flags = 1 << 16 | 3;
        b.putInt(16, 0x1badb002).putInt(20, flags).putInt(24, -(0x1badb002 + flags));
        b.putInt(28, headerAddress).putInt(32, load).putInt(36, loadEnd).putInt(40, bssEnd);
        b.putInt(44, entry);
        return b.array();
    }

    /** A bzImage around a kernel, its payload ending with the size it expands to. */
    static byte[] bzImage(Compression compression, byte[] kernel) {
        byte[] packed = pack(compression, kernel);
        boolean gzip = compression == Compression.GZIP;
        int protectedMode = 2 * 512;
        int payload = 64;
        int length = packed.length + (gzip ? 0 : 4);
        ByteBuffer b = little(protectedMode + payload + length);
        b.put(0x1f1, (byte) 1).putShort(0x1fe, (short) 0xaa55);
        b.put(0x200, (byte) 0xeb).put(0x201, (byte) 0x6a);
        b.putInt(0x202, 0x53726448).putShort(0x206, (short) 0x20f);
        b.put(0x211, (byte) 3).putInt(0x22c, 0x7fff_ffff).putInt(0x230, 0x20_0000);
        b.putInt(0x238, COMMAND_LINE_LIMIT).putInt(0x248, payload).putInt(0x24c, length);
        b.putLong(0x258, LOAD).putInt(0x260, 0x10_0000);
        b.put(protectedMode + payload, packed);
        if (!gzip) {
            b.putInt(protectedMode + payload + packed.length, kernel.length);
        }
        return b.array();
    }

    static byte[] pack(Compression compression, byte[] data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packer =
                switch (compression) {
                    case GZIP -> new GZIPOutputStream(out);
                    case XZ -> new XZOutputStream(out, new LZMA2Options());
                    case BZIP2 -> new BZip2CompressorOutputStream(out);
                    case LZMA -> new LZMAOutputStream(out, new LZMA2Options(), -1);
                    case ZSTD, LZ4_LEGACY, LZ4, LZO -> out;
                }) {
            switch (compression) {
                case ZSTD -> out.write(zstd(data));
                case LZ4_LEGACY -> out.write(lz4Legacy(data));
                case LZO -> out.write(lzop(data));
                case LZ4 -> {
                    try (var lz4 =
                            new org.apache.commons.compress.compressors.lz4
                                    .FramedLZ4CompressorOutputStream(out)) {
                        lz4.write(data);
                    }
                }
                case GZIP, XZ, BZIP2, LZMA -> packer.write(data);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static byte[] zstd(byte[] data) {
        var packer = new io.airlift.compress.v3.zstd.ZstdJavaCompressor();
        byte[] out = new byte[packer.maxCompressedLength(data.length)];
        int n = packer.compress(data, 0, data.length, out, 0, out.length);
        return java.util.Arrays.copyOf(out, n);
    }

    private static byte[] lz4Legacy(byte[] data) {
        var packer = new io.airlift.compress.v3.lz4.Lz4JavaCompressor();
        byte[] out = new byte[packer.maxCompressedLength(data.length)];
        int n = packer.compress(data, 0, data.length, out, 0, out.length);
        return little(8 + n).putInt(0x184c2102).putInt(n).put(out, 0, n).array();
    }

    private static byte[] lzop(byte[] data) {
        var packer = new io.airlift.compress.v3.lzo.LzoCompressor();
        byte[] out = new byte[packer.maxCompressedLength(data.length)];
        int n = packer.compress(data, 0, data.length, out, 0, out.length);
        ByteBuffer b = ByteBuffer.allocate(9 + 25 + 4 + 12 + n);
        b.put(new byte[] {(byte) 0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'});
        b.putShort((short) 0x1030).putShort((short) 0x20a0).putShort((short) 0x940);
        b.put((byte) 3).put((byte) 9).putInt(0).putInt(0).putInt(0).putInt(0).put((byte) 0);
        CRC32 crc = new CRC32();
        crc.update(b.array(), 9, b.position() - 9);
        b.putInt((int) crc.getValue());
        b.putInt(data.length).putInt(n).put(out, 0, n).putInt(0);
        return java.util.Arrays.copyOf(b.array(), b.position());
    }

    static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
