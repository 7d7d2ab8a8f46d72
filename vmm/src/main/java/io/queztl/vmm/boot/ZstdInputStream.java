package io.queztl.vmm.boot;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Zstandard (RFC 8878), without dictionaries. It is ours because kernels are compressed with a
 * window of 128 MiB, which the libraries in Java refuse beyond 8 MiB. The window is the buffer that
 * blocks are decompressed into; it slides when it is full.
 */
final class ZstdInputStream extends BlockInputStream {
    private static final int MAGIC = 0xfd2fb528;
    private static final int SKIPPABLE_MAGIC = 0x184d2a50;
    private static final int SKIPPABLE_MASK = ~0xf;
    private static final long WINDOW_LIMIT = 256 << 20;
    private static final int BLOCK_LIMIT = 128 << 10;
    private static final int FIRST_BUFFER = 1 << 20;

    private static final int RAW = 0;
    private static final int RLE = 1;
    private static final int COMPRESSED = 2;

    private static final int LITERAL_LENGTH_LOG = 9;
    private static final int OFFSET_LOG = 8;
    private static final int MATCH_LENGTH_LOG = 9;

    private static final int[] LITERAL_LENGTH_BASE = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48,
        64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536
    };
    private static final int[] LITERAL_LENGTH_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10,
        11, 12, 13, 14, 15, 16
    };
    private static final int[] MATCH_LENGTH_BASE = {
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
        28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027,
        2051, 4099, 8195, 16387, 32771, 65539
    };
    private static final int[] MATCH_LENGTH_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
    };
    private static final int MAXIMUM_OFFSET_CODE = 31;

    // Predefined distributions (RFC 8878, 3.1.1.3.2.2).
    private static final int[] LITERAL_LENGTHS = {
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1,
        1, -1, -1, -1, -1
    };
    private static final int[] MATCH_LENGTHS = {
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1
    };
    private static final int[] OFFSETS = {
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1
    };

    private final boolean single;
    private boolean inFrame;
    private boolean anyFrame;
    private boolean lastBlock;
    private boolean checksum;
    private int window;
    private int frameStart;

    private final byte[] source = new byte[BLOCK_LIMIT + ZstdBits.SLACK];
    private final byte[] literals = new byte[BLOCK_LIMIT];
    private int literalCount;
    private final XxHash64 hash = new XxHash64();

    // What a frame's blocks hand on to the next: null until a block gave it.
    private @Nullable ZstdHuffman huffman;
    private final @Nullable ZstdFse[] tables = new ZstdFse[3];
    private final int[] recent = new int[3];

    /** Stops after the first frame if {@code single}. */
    ZstdInputStream(InputStream in, boolean single) {
        super(in);
        this.single = single;
    }

    @Override
    protected boolean nextBlock() throws IOException {
        try {
            if (!inFrame) {
                return (!single || !anyFrame) && beginFrame();
            }
            if (lastBlock) {
                endFrame();
                return true;
            }
            makeRoom();
            int before = limit;
            readBlock();
            if (checksum) {
                hash.update(block, before, limit - before);
            }
            return true;
        } catch (IndexOutOfBoundsException | NegativeArraySizeException e) {
            throw new IOException("zstd block is damaged", e);
        }
    }

    /** Reads a frame's header (RFC 8878, 3.1.1.1); false at the end of the data. */
    private boolean beginFrame() throws IOException {
        int first = in.read();
        if (first < 0) {
            if (!anyFrame) {
                throw new EOFException("no zstd frame");
            }
            return false;
        }
        int magic = first | (int) (littleEndian(3) << 8);
        if ((magic & SKIPPABLE_MASK) == SKIPPABLE_MAGIC) {
            in.skipNBytes(littleEndian(4));
            return true;
        }
        if (magic != MAGIC) {
            throw new IOException("no zstd magic number");
        }
        int descriptor = byteOrFail();
        boolean singleSegment = (descriptor & 1 << 5) != 0;
        checksum = (descriptor & 1 << 2) != 0;
        if ((descriptor & 1 << 3) != 0) {
            throw new IOException("zstd frame of a later version");
        }
        long size = 0;
        if (!singleSegment) {
            int w = byteOrFail();
            long base = 1L << 10 + (w >>> 3);
            size = base + (base >>> 3) * (w & 7);
        }
        int dictionaryBytes = (descriptor & 3) == 3 ? 4 : descriptor & 3;
        if (littleEndian(dictionaryBytes) != 0) {
            throw new IOException("zstd frame that needs a dictionary");
        }
        int contentFlag = descriptor >>> 6;
        int contentBytes = contentFlag == 0 ? (singleSegment ? 1 : 0) : 1 << contentFlag;
        long content = littleEndian(contentBytes) + (contentBytes == 2 ? 256 : 0);
        if (singleSegment) {
            size = content;
        }
        if (size < 0 || size > WINDOW_LIMIT) {
            throw new IOException("zstd window of " + Long.toUnsignedString(size) + " bytes");
        }
        window = (int) size;
        frameStart = limit;
        recent[0] = 1;
        recent[1] = 4;
        recent[2] = 8;
        huffman = null;
        Arrays.fill(tables, null);
        hash.reset();
        lastBlock = false;
        inFrame = true;
        anyFrame = true;
        return true;
    }

    private void endFrame() throws IOException {
        inFrame = false;
        if (checksum && (int) littleEndian(4) != (int) hash.digest()) {
            throw new IOException("zstd checksum is wrong");
        }
    }

    /** Lets another block be appended: grows the buffer, or drops what is before the window. */
    private void makeRoom() {
        if (block.length - limit >= BLOCK_LIMIT) {
            return;
        }
        int enough = window + Math.max(FIRST_BUFFER, window / 4);
        if (block.length < enough) {
            long grown = Math.max(FIRST_BUFFER, 2L * block.length);
            block = Arrays.copyOf(block, (int) Math.min(enough, grown));
        }
        if (block.length - limit < BLOCK_LIMIT) {
            int keep = Math.min(limit - frameStart, window);
            System.arraycopy(block, limit - keep, block, 0, keep);
            frameStart = 0;
            limit = keep;
            position = keep;
        }
    }

    private void readBlock() throws IOException {
        int header = (int) littleEndian(3);
        lastBlock = (header & 1) != 0;
        int size = header >>> 3;
        if (size > BLOCK_LIMIT) {
            throw new IOException("zstd block of " + size + " bytes");
        }
        switch (header >>> 1 & 3) {
            case RAW -> {
                if (in.readNBytes(block, limit, size) != size) {
                    throw new EOFException("the compressed data ends too early");
                }
                limit += size;
            }
            case RLE -> {
                Arrays.fill(block, limit, limit + size, (byte) byteOrFail());
                limit += size;
            }
            case COMPRESSED -> {
                readFully(source, size);
                int sequences = readLiterals(size);
                readSequences(sequences, size);
            }
            default -> throw new IOException("zstd block of an unknown type");
        }
    }

    /** Decodes the literals section; returns where the sequences section starts. */
    private int readLiterals(int end) throws IOException {
        int first = source[0];
        int type = first & 3;
        int format = first >>> 2 & 3;
        if (type <= RLE) {
            int headerBytes = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
            int header = (int) sourceBits(0, headerBytes);
            int count = headerBytes == 1 ? header >>> 3 : header >>> 4;
            checkLiterals(count);
            if (type == RLE) {
                Arrays.fill(literals, 0, count, source[headerBytes]);
                return checkEnd(headerBytes + 1, end);
            }
            int next = checkEnd(headerBytes + count, end);
            System.arraycopy(source, headerBytes, literals, 0, count);
            return next;
        }
        int headerBytes = format <= 1 ? 3 : format + 2;
        int width = format <= 1 ? 10 : format == 2 ? 14 : 18;
        long header = sourceBits(0, headerBytes);
        int count = (int) (header >>> 4) & (1 << width) - 1;
        int packed = (int) (header >>> 4 + width) & (1 << width) - 1;
        checkLiterals(count);
        int next = checkEnd(headerBytes + packed, end);
        int at = headerBytes;
        ZstdHuffman tree = huffman;
        if (type == COMPRESSED) {
            tree = ZstdHuffman.read(source, at, next);
            huffman = tree;
            at += tree.described;
        }
        if (tree == null) {
            throw new IOException("zstd block refers to a Huffman tree that is not there");
        }
        if (format == 0) {
            tree.decode(source, at, next, literals, 0, count);
            return next;
        }
        int end1 = at + 6 + (int) sourceBits(at, 2);
        int end2 = end1 + (int) sourceBits(at + 2, 2);
        int end3 = checkEnd(end2 + (int) sourceBits(at + 4, 2), next);
        int quarter = (count + 3) / 4;
        if (3 * quarter > count) {
            throw new IOException("zstd literals are too few for four streams");
        }
        tree.decode(source, at + 6, end1, literals, 0, quarter);
        tree.decode(source, end1, end2, literals, quarter, quarter);
        tree.decode(source, end2, end3, literals, 2 * quarter, quarter);
        tree.decode(source, end3, next, literals, 3 * quarter, count - 3 * quarter);
        return next;
    }

    private void checkLiterals(int count) throws IOException {
        if (count > BLOCK_LIMIT) {
            throw new IOException("zstd block of " + count + " literals");
        }
        literalCount = count;
    }

    private static int checkEnd(int at, int end) throws IOException {
        if (at > end) {
            throw new IOException("zstd section goes past its block");
        }
        return at;
    }

    private long sourceBits(int at, int bytes) {
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (source[at + i] & 0xffL) << 8 * i;
        }
        return value;
    }

    /** Decodes and carries out the sequences (RFC 8878, 3.1.1.3.2). */
    private void readSequences(int start, int end) throws IOException {
        int at = start;
        checkEnd(at + 1, end);
        int count = source[at++] & 0xff;
        if (count == 0) {
            checkEnd(end, at);
            appendLiterals(0, literalCount);
            return;
        }
        if (count == 255) {
            count = (int) sourceBits(at, 2) + 0x7f00;
            at += 2;
        } else if (count >= 128) {
            count = (count - 128 << 8) + (source[at++] & 0xff);
        }
        checkEnd(at + 1, end);
        int modes = source[at++];
        at = readTable(0, modes >>> 6 & 3, at, end, LITERAL_LENGTH_LOG, 6, LITERAL_LENGTHS, 35);
        at = readTable(1, modes >>> 4 & 3, at, end, OFFSET_LOG, 5, OFFSETS, MAXIMUM_OFFSET_CODE);
        at = readTable(2, modes >>> 2 & 3, at, end, MATCH_LENGTH_LOG, 6, MATCH_LENGTHS, 52);
        ZstdFse lengths = table(0);
        ZstdFse offsets = table(1);
        ZstdFse matches = table(2);

        ZstdBits bits = new ZstdBits(source, at, end);
        int lengthState = bits.take(lengths.log);
        int offsetState = bits.take(offsets.log);
        int matchState = bits.take(matches.log);
        int literal = 0;
        int blockEnd = limit + BLOCK_LIMIT;
        for (int i = 0; i < count; i++) {
            int offsetCode = offsets.symbol(offsetState);
            int matchCode = matches.symbol(matchState);
            int lengthCode = lengths.symbol(lengthState);
            long offsetValue = (1L << offsetCode) + (bits.take(offsetCode) & 0xffff_ffffL);
            int match = MATCH_LENGTH_BASE[matchCode] + bits.take(MATCH_LENGTH_BITS[matchCode]);
            int length =
                    LITERAL_LENGTH_BASE[lengthCode] + bits.take(LITERAL_LENGTH_BITS[lengthCode]);
            if (i + 1 < count) {
                lengthState = lengths.next(lengthState, bits);
                matchState = matches.next(matchState, bits);
                offsetState = offsets.next(offsetState, bits);
            }
            if (bits.overrun() || length > literalCount - literal) {
                throw new IOException("zstd sequences go past their data");
            }
            appendLiterals(literal, length);
            literal += length;
            int offset = offset(offsetValue, length == 0);
            if (offset <= 0 || offset > limit - frameStart || match > blockEnd - limit) {
                throw new IOException("zstd match outside of its window");
            }
            Lz4Block.copyMatch(block, limit, offset, match);
            limit += match;
        }
        if (!bits.exhausted()) {
            throw new IOException("zstd sequences have the wrong length");
        }
        if (literalCount - literal > blockEnd - limit) {
            throw new IOException("zstd block expands to more than 128 KiB");
        }
        appendLiterals(literal, literalCount - literal);
    }

    private void appendLiterals(int from, int count) {
        System.arraycopy(literals, from, block, limit, count);
        limit += count;
    }

    /** Resolves an offset value against the three most recent offsets (RFC 8878, 3.1.1.5). */
    private int offset(long value, boolean noLiterals) {
        int[] r = recent;
        if (value > 3) {
            r[2] = r[1];
            r[1] = r[0];
            r[0] = (int) Math.min(value - 3, Integer.MAX_VALUE);
            return r[0];
        }
        int index = (int) value - 1 + (noLiterals ? 1 : 0);
        int offset = index == 3 ? r[0] - 1 : r[index];
        if (index > 1) {
            r[2] = r[1];
        }
        if (index > 0) {
            r[1] = r[0];
            r[0] = offset;
        }
        return offset;
    }

    /** Reads the table of one kind of code; returns where what follows starts. */
    private int readTable(
            int kind,
            int mode,
            int at,
            int end,
            int maximumLog,
            int defaultLog,
            int[] defaults,
            int maximumSymbol)
            throws IOException {
        final int repeat = 3;
        switch (mode) {
            case RAW -> tables[kind] = ZstdFse.of(defaultLog, defaults, defaults.length);
            case RLE -> {
                checkEnd(at + 1, end);
                if ((source[at] & 0xff) > maximumSymbol) {
                    throw new IOException("zstd code is too big");
                }
                tables[kind] = ZstdFse.single(source[at]);
                return at + 1;
            }
            case COMPRESSED -> {
                ZstdFse table = ZstdFse.read(source, at, end, maximumLog, maximumSymbol);
                tables[kind] = table;
                return at + table.described();
            }
            case repeat -> table(kind);
            default -> throw new IllegalArgumentException("mode " + mode);
        }
        return at;
    }

    private ZstdFse table(int kind) throws IOException {
        ZstdFse table = tables[kind];
        if (table == null) {
            throw new IOException("zstd block refers to a table that is not there");
        }
        return table;
    }
}
