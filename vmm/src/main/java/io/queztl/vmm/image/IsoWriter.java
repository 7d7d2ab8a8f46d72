package io.queztl.vmm.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a few small files as an ISO 9660 file system (ECMA-119) with one directory; their names as
 * they are follow the Rock Ridge extensions (IEEE P1282). Nothing of it says when it was made: the
 * same files give the same bytes.
 */
public final class IsoWriter {
    private static final int SECTOR = 2048;
    private static final int DESCRIPTORS = 16;
    private static final int PATH_TABLE = 18;
    private static final int BIG_ENDIAN_PATH_TABLE = 19;
    private static final int DIRECTORY = 20;
    private static final int MAX_VOLUME = 32;
    private static final int MAX_NAME = 100;
    private static final long MAX_BYTES = 64 << 20;
    private static final int RECORD_BYTES = 33;
    private static final int DIRECTORY_MODE = 0040555;
    private static final int FILE_MODE = 0100444;

    private final String volume;
    private final TreeMap<String, byte[]> files;
    private final ByteBuffer out;
    private final int sectors;

    private IsoWriter(String volume, Map<String, byte[]> files) throws IOException {
        if (!volume.matches("[A-Za-z0-9_]{1," + MAX_VOLUME + "}")) {
            throw new IOException("'%s' is no name for a volume".formatted(volume));
        }
        this.volume = volume;
        this.files = new TreeMap<>(files);
        long count = DIRECTORY + 1;
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            if (!file.getKey().matches("[a-z0-9_.-]{1," + MAX_NAME + "}")) {
                throw new IOException("'%s' is no name for a file".formatted(file.getKey()));
            }
            count += sectors(file.getValue().length);
        }
        if (count * SECTOR > MAX_BYTES) {
            throw new IOException("the files have more than %d MiB".formatted(MAX_BYTES >> 20));
        }
        sectors = (int) count;
        out = ByteBuffer.allocate(sectors * SECTOR);
    }

    /**
     * Writes it.
     *
     * @param target a new file
     * @param volume its name: letters, digits and underscores
     * @param files names of small letters, digits and {@code _ . -}, and contents; 64 MiB at most,
     *     and no more names than a sector holds
     */
    public static void write(Path target, String volume, Map<String, byte[]> files)
            throws IOException {
        IsoWriter writer = new IsoWriter(volume, files);
        writer.describe();
        writer.directory();
        Files.write(target, writer.out.array(), StandardOpenOption.CREATE_NEW);
    }

    private static int sectors(int bytes) {
        return (bytes + SECTOR - 1) / SECTOR;
    }

    /** A number in both byte orders. */
    private static void both(ByteBuffer b, int at, int value) {
        b.order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
        b.order(ByteOrder.BIG_ENDIAN).putInt(at + 4, value);
    }

    private static void bothShort(ByteBuffer b, int at, int value) {
        b.order(ByteOrder.LITTLE_ENDIAN).putShort(at, (short) value);
        b.order(ByteOrder.BIG_ENDIAN).putShort(at + 2, (short) value);
    }

    private static void text(ByteBuffer b, int at, int length, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < length; i++) {
            b.put(at + i, i < bytes.length ? bytes[i] : (byte) ' ');
        }
    }

    // --- Volume descriptors and path tables.

    private void describe() {
        ByteBuffer b = out.slice(DESCRIPTORS * SECTOR, SECTOR);
        b.put(0, (byte) 1);
        text(b, 1, 5, "CD001");
        b.put(6, (byte) 1);
        text(b, 8, 32, "");
        text(b, 40, 32, volume);
        both(b, 80, sectors);
        bothShort(b, 120, 1);
        bothShort(b, 124, 1);
        bothShort(b, 128, SECTOR);
        // One directory: 8 bytes and its name of one, filled up.
        both(b, 132, 10);
        b.order(ByteOrder.LITTLE_ENDIAN).putInt(140, PATH_TABLE);
        b.order(ByteOrder.BIG_ENDIAN).putInt(148, BIG_ENDIAN_PATH_TABLE);
        b.put(156, record(new byte[1], DIRECTORY, SECTOR, true, new byte[0]));
        text(b, 190, 623, "");
        for (int at : new int[] {813, 830, 847, 864}) {
            // A time that is not given.
            text(b, at, 16, "0".repeat(16));
        }
        b.put(881, (byte) 1);

        ByteBuffer end = out.slice((DESCRIPTORS + 1) * SECTOR, SECTOR);
        end.put(0, (byte) 255);
        text(end, 1, 5, "CD001");
        end.put(6, (byte) 1);

        for (int table : new int[] {PATH_TABLE, BIG_ENDIAN_PATH_TABLE}) {
            ByteBuffer t =
                    out.slice(table * SECTOR, SECTOR)
                            .order(
                                    table == PATH_TABLE
                                            ? ByteOrder.LITTLE_ENDIAN
                                            : ByteOrder.BIG_ENDIAN);
            t.put(0, (byte) 1);
            t.putInt(2, DIRECTORY);
            t.putShort(6, (short) 1);
        }
    }

    // --- The directory.

    private void directory() throws IOException {
        List<byte[]> records = new ArrayList<>();
        // That there are such extensions is said in the entry of the directory itself.
        ByteBuffer says = ByteBuffer.allocate(7 + 36);
        says.put(new byte[] {'S', 'P', 7, 1, (byte) 0xbe, (byte) 0xef, 0});
        says.put(mode(DIRECTORY_MODE, 2));
        records.add(record(new byte[1], DIRECTORY, SECTOR, true, says.array()));
        records.add(record(new byte[] {1}, DIRECTORY, SECTOR, true, mode(DIRECTORY_MODE, 2)));
        int place = DIRECTORY + 1;
        int number = 0;
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            byte[] name = file.getKey().getBytes(StandardCharsets.US_ASCII);
            ByteBuffer more = ByteBuffer.allocate(36 + 5 + name.length);
            more.put(mode(FILE_MODE, 1));
            more.put(new byte[] {'N', 'M', (byte) (5 + name.length), 1, 0}).put(name);
            // Readers without the extensions get a name that the standard allows.
            byte[] plain = "FILE%04d.;1".formatted(number++).getBytes(StandardCharsets.US_ASCII);
            int length = file.getValue().length;
            records.add(record(plain, place, length, false, more.array()));
            out.put(place * SECTOR, file.getValue());
            place += sectors(length);
        }
        int at = DIRECTORY * SECTOR;
        for (byte[] record : records) {
            if (at + record.length > (DIRECTORY + 1) * SECTOR) {
                throw new IOException("there are too many files");
            }
            out.put(at, record);
            at += record.length;
        }
    }

    /** The entry PX of Rock Ridge: permissions and links; everything is root's. */
    private static byte[] mode(int mode, int links) {
        ByteBuffer b = ByteBuffer.allocate(36);
        b.put(0, new byte[] {'P', 'X', 36, 1});
        both(b, 4, mode);
        both(b, 12, links);
        return b.array();
    }

    private static byte[] record(
            byte[] name, int place, int bytes, boolean directory, byte[] extensions) {
        // What follows on the name begins at an even place.
        int start = RECORD_BYTES + name.length + (name.length + 1) % 2;
        int length = (start + extensions.length + 1) / 2 * 2;
        ByteBuffer b = ByteBuffer.allocate(length);
        b.put(0, (byte) length);
        both(b, 2, place);
        both(b, 10, bytes);
        // 1970, month and day from 1 on.
        b.put(18, new byte[] {70, 1, 1});
        b.put(25, (byte) (directory ? 2 : 0));
        bothShort(b, 28, 1);
        b.put(32, (byte) name.length);
        b.put(RECORD_BYTES, name);
        b.put(start, extensions);
        return b.array();
    }
}
