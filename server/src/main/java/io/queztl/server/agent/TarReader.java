package io.queztl.server.agent;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Reads a tar archive as busybox and GNU tar make it: ustar headers (POSIX.1-1988), long names by
 * GNU's types L and K, numbers to base 256. Archives come from guests: names have at most 4,095
 * bytes, and nothing else is kept in memory.
 */
final class TarReader {
    /** Types of entries. */
    static final char FILE = '0';

    static final char HARD_LINK = '1';
    static final char SYMBOLIC_LINK = '2';
    static final char DIRECTORY = '5';
    private static final char LONG_NAME = 'L';
    private static final char LONG_LINK = 'K';
    private static final char GLOBAL = 'g';
    private static final char EXTENDED = 'x';

    private static final int BLOCK = 512;
    private static final int MAX_NAME = 4095;

    /**
     * An entry.
     *
     * @param type one of the constants, or another that is not known here
     * @param name a byte in each character; so {@code link}, where a link leads
     * @param mode permissions
     * @param size of the data, in bytes
     * @param modified seconds since 1970
     */
    record Entry(char type, String name, String link, int mode, long size, long modified) {}

    private final InputStream in;
    private final byte[] block = new byte[BLOCK];
    private long left;
    private int padding;

    TarReader(InputStream in) {
        this.in = in;
    }

    /**
     * Goes to the next entry.
     *
     * @return null at the end of the archive
     * @throws TarException if it is no archive
     */
    @Nullable Entry next() throws IOException {
        String longName = null;
        String longLink = null;
        for (; ; ) {
            skipRest();
            if (!readBlock() || isZero()) {
                return null;
            }
            checkSum();
            long size = number(124, 12);
            char type = block[156] == 0 ? FILE : (char) (block[156] & 0xff);
            String name = text(0, 100);
            String prefix = text(345, 155);
            boolean ustar = text(257, 6).startsWith("ustar") && block[262] == 0;
            if (ustar && !prefix.isEmpty()) {
                name = prefix + "/" + name;
            }
            String link = text(157, 100);
            int mode = (int) number(100, 8) & 07777;
            long modified = number(136, 12);
            boolean hasData = type != HARD_LINK && type != SYMBOLIC_LINK && type != DIRECTORY;
            left = hasData ? size : 0;
            padding = (int) (-left & BLOCK - 1);
            switch (type) {
                case LONG_NAME -> longName = longText();
                case LONG_LINK -> longLink = longText();
                case GLOBAL, EXTENDED -> throw new TarException("it has headers of the pax format");
                default -> {
                    return new Entry(
                            type,
                            longName == null ? name : longName,
                            longLink == null ? link : longLink,
                            mode,
                            size,
                            modified);
                }
            }
        }
    }

    /**
     * Reads the data of the entry.
     *
     * @return how many bytes; -1 at its end
     */
    int read(byte[] target, int bytes) throws IOException {
        if (left == 0) {
            return -1;
        }
        int n = in.read(target, 0, (int) Math.min(bytes, left));
        if (n < 0) {
            throw new EOFException("it ends too early");
        }
        left -= n;
        return n;
    }

    private void skipRest() throws IOException {
        in.skipNBytes(left + padding);
        left = 0;
        padding = 0;
    }

    private boolean readBlock() throws IOException {
        int n = in.readNBytes(block, 0, BLOCK);
        if (n != 0 && n != BLOCK) {
            throw new EOFException("it ends too early");
        }
        return n == BLOCK;
    }

    private boolean isZero() {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    private void checkSum() throws TarException {
        long sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            sum += i >= 148 && i < 156 ? ' ' : block[i] & 0xff;
        }
        if (sum != number(148, 8)) {
            throw new TarException("it is no tar archive");
        }
    }

    private String longText() throws IOException {
        if (left > MAX_NAME + 1) {
            throw new TarException("a name is too long");
        }
        byte[] bytes = in.readNBytes((int) left);
        if (bytes.length < left) {
            throw new EOFException("it ends too early");
        }
        left = 0;
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
    }

    private String text(int start, int bytes) {
        int length = 0;
        while (length < bytes && block[start + length] != 0) {
            length++;
        }
        return new String(block, start, length, StandardCharsets.ISO_8859_1);
    }

    private long number(int start, int bytes) throws TarException {
        long value = 0;
        if ((block[start] & 0x80) != 0) {
            for (int i = 1; i < bytes; i++) {
                if (value >>> 54 != 0) {
                    throw new TarException("a number is too large");
                }
                value = value << 8 | block[start + i] & 0xff;
            }
            return value;
        }
        for (int i = start; i < start + bytes; i++) {
            int c = block[i];
            if (c == ' ' && value == 0) {
                continue;
            }
            if (c < '0' || c > '7') {
                break;
            }
            value = value << 3 | c - '0';
        }
        return value;
    }
}
