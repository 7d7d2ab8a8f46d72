package io.queztl.vmm.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads tar archives into a {@link FileTree}: POSIX ustar and pax (IEEE 1003.1, "pax Interchange
 * Format"), GNU's long names and numbers; extended attributes by {@code SCHILY.xattr} records.
 * Names and values stay the bytes they are. Sizes and counts are bounded.
 */
public final class TarReader {
    private static final int BLOCK = 512;
    private static final int MAX_HEADER_BYTES = 1 << 20;
    private static final String XATTR = "SCHILY.xattr.";

    private final InputStream in;
    private final FileTree tree;
    private final byte[] block = new byte[BLOCK];
    private Map<String, byte[]> global = Map.of();
    private long extraBytes;

    private TarReader(InputStream in, FileTree tree) {
        this.in = in;
        this.tree = tree;
    }

    /**
     * Adds all that an archive holds.
     *
     * @throws IOException if it is damaged or hostile: a sentence without subject and full stop
     */
    public static void read(InputStream in, FileTree tree) throws IOException {
        new TarReader(in, tree).readAll();
    }

    private void readAll() throws IOException {
        Map<String, byte[]> records = new HashMap<>();
        while (readHeader()) {
            long size = number(124, 12);
            switch (block[156]) {
                case 'x' -> records.putAll(pax(size));
                case 'g' -> global = pax(size);
                case 'L' -> records.put("path", longName(size));
                case 'K' -> records.put("linkpath", longName(size));
                default -> {
                    Map<String, byte[]> all = new HashMap<>(global);
                    all.putAll(records);
                    entry(all, size);
                    records = new HashMap<>();
                    extraBytes = 0;
                }
            }
        }
    }

    /** Reads a header; false at the end: a block of zeroes, or no more bytes. */
    private boolean readHeader() throws IOException {
        int n = in.readNBytes(block, 0, BLOCK);
        if (n == 0) {
            return false;
        }
        if (n < BLOCK) {
            throw new IOException("the archive is cut off");
        }
        int sum = 0;
        boolean zero = true;
        for (int i = 0; i < BLOCK; i++) {
            zero &= block[i] == 0;
            sum += i >= 148 && i < 156 ? ' ' : block[i] & 0xff;
        }
        if (!zero && number(148, 8) != sum) {
            throw new IOException("the archive has a header with a wrong checksum");
        }
        return !zero;
    }

    private void entry(Map<String, byte[]> records, long headerSize) throws IOException {
        String path = text(records.get("path"));
        if (path == null) {
            path = name();
        }
        String link = text(records.get("linkpath"));
        if (link == null) {
            link = field(157, 100);
        }
        long size = decimal(records, "size", headerSize);
        if (size < 0) {
            throw new IOException("the archive has a file of a negative size");
        }
        if (records.keySet().stream().anyMatch(key -> key.startsWith("GNU.sparse."))) {
            throw new IOException("the archive has a sparse file, which is not supported");
        }
        byte type = block[156];
        switch (type) {
            case '0', 0, '7' -> {
                // Old archives mark a folder by a slash at its name's end only.
                boolean folder = type == 0 && path.endsWith("/");
                FileNode node =
                        node(folder ? FileNode.Kind.DIRECTORY : FileNode.Kind.FILE, records);
                if (!folder) {
                    node.holding(tree.spool().add(in, size), size);
                    skip(-size & (BLOCK - 1));
                }
                tree.add(path, node);
            }
            case '1' -> tree.link(path, link);
            case '2' -> {
                if (link.isEmpty() || link.length() > 4095 || link.indexOf('\0') >= 0) {
                    throw new IOException("the archive has a symbolic link to nowhere");
                }
                tree.add(path, node(FileNode.Kind.SYMBOLIC_LINK, records).pointingTo(link));
            }
            case '3' -> tree.add(path, device(FileNode.Kind.CHARACTER_DEVICE, records));
            case '4' -> tree.add(path, device(FileNode.Kind.BLOCK_DEVICE, records));
            case '5' -> tree.add(path, node(FileNode.Kind.DIRECTORY, records));
            case '6' -> tree.add(path, node(FileNode.Kind.FIFO, records));
            default ->
                    throw new IOException(
                            "the archive has an entry of the unknown type %d"
                                    .formatted(type & 0xff));
        }
        // The others have no bytes, whatever size their headers give.
    }

    private FileNode node(FileNode.Kind kind, Map<String, byte[]> records) throws IOException {
        FileNode node = new FileNode(kind, 0);
        node.owned(
                (int) number(100, 8),
                (int) decimal(records, "uid", number(108, 8)),
                (int) decimal(records, "gid", number(116, 8)));
        byte[] time = records.get("mtime");
        if (time == null) {
            node.changed(number(136, 12), 0);
        } else {
            changed(node, new String(time, StandardCharsets.US_ASCII));
        }
        for (Map.Entry<String, byte[]> record : records.entrySet()) {
            if (record.getKey().startsWith(XATTR)) {
                node.attributes().put(record.getKey().substring(XATTR.length()), record.getValue());
            }
        }
        return node;
    }

    private FileNode device(FileNode.Kind kind, Map<String, byte[]> records) throws IOException {
        long major = number(329, 8);
        long minor = number(337, 8);
        if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
            throw new IOException("the archive has a device with numbers that Linux has not");
        }
        return node(kind, records).device((int) major, (int) minor);
    }

    private static void changed(FileNode node, String time) throws IOException {
        int dot = time.indexOf('.');
        try {
            long seconds = Long.parseLong(dot < 0 ? time : time.substring(0, dot));
            String digits = dot < 0 ? "" : time.substring(dot + 1);
            int nanos = Integer.parseInt((digits + "000000000").substring(0, 9));
            if (time.startsWith("-") && nanos > 0) {
                seconds--;
                nanos = 1_000_000_000 - nanos;
            }
            node.changed(seconds, nanos);
        } catch (NumberFormatException e) {
            throw new IOException("the archive has a file with a time that is no number", e);
        }
    }

    private static long decimal(Map<String, byte[]> records, String key, long otherwise)
            throws IOException {
        byte[] value = records.get(key);
        if (value == null) {
            return otherwise;
        }
        try {
            return Long.parseLong(new String(value, StandardCharsets.US_ASCII));
        } catch (NumberFormatException e) {
            throw new IOException("the archive has a record '" + key + "' that is no number", e);
        }
    }

    private String name() {
        String name = field(0, 100);
        boolean posix = field(257, 6).equals("ustar") && block[262] == 0;
        String prefix = posix ? field(345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private String field(int at, int bytes) {
        int end = at;
        while (end < at + bytes && block[end] != 0) {
            end++;
        }
        return new String(block, at, end - at, StandardCharsets.ISO_8859_1);
    }

    /** A number in octal digits, or in GNU's way with the top bit set and base 256. */
    private long number(int at, int bytes) throws IOException {
        if ((block[at] & 0x80) != 0) {
            long value = (block[at] & 0x40) != 0 ? -1 : 0;
            value = value << 6 | block[at] & 0x3f;
            for (int i = 1; i < bytes; i++) {
                if (bytes > 8 && i < bytes - 8 && block[at + i] != (byte) (value >> 63)) {
                    throw new IOException("the archive has a number that is too big");
                }
                value = value << 8 | block[at + i] & 0xff;
            }
            return value;
        }
        String digits = field(at, bytes).strip();
        try {
            return digits.isEmpty() ? 0 : Long.parseLong(digits, 8);
        } catch (NumberFormatException e) {
            throw new IOException("the archive has a header with a damaged number", e);
        }
    }

    private byte[] extra(long size) throws IOException {
        if (size < 0 || size > MAX_HEADER_BYTES - extraBytes) {
            throw new IOException("the archive has a file with more than 1 MiB of headers");
        }
        extraBytes += size + BLOCK;
        byte[] bytes = in.readNBytes((int) size);
        if (bytes.length < size) {
            throw new IOException("the archive is cut off");
        }
        skip(-size & (BLOCK - 1));
        return bytes;
    }

    private byte[] longName(long size) throws IOException {
        byte[] bytes = extra(size);
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return Arrays.copyOf(bytes, end);
    }

    /** Records "LENGTH KEY=VALUE\n", the length that of all of it. */
    private Map<String, byte[]> pax(long size) throws IOException {
        byte[] bytes = extra(size);
        Map<String, byte[]> records = new HashMap<>();
        int at = 0;
        while (at < bytes.length) {
            int length = 0;
            int i = at;
            while (i < bytes.length && bytes[i] >= '0' && bytes[i] <= '9' && length < 1 << 24) {
                length = length * 10 + bytes[i++] - '0';
            }
            int end = at + length;
            int equals = i + 1;
            while (equals < end && equals < bytes.length && bytes[equals] != '=') {
                equals++;
            }
            if (i == at
                    || end > bytes.length
                    || equals >= end
                    || bytes[i] != ' '
                    || bytes[end - 1] != '\n') {
                throw new IOException("the archive has a damaged extended header");
            }
            String key = new String(bytes, i + 1, equals - i - 1, StandardCharsets.ISO_8859_1);
            records.put(key, Arrays.copyOfRange(bytes, equals + 1, end - 1));
            at = end;
        }
        return records;
    }

    private static @Nullable String text(byte @Nullable [] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** Reads what fills a block: whoever counts or sums the stream is to see it. */
    private void skip(long bytes) throws IOException {
        if (in.readNBytes((int) bytes).length < bytes) {
            throw new IOException("the archive is cut off");
        }
    }
}
