package io.queztl.vmm.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32;

/**
 * A GUID partition table (UEFI specification 5.3): a header in the second sector and one in the
 * last, each with a list of partitions of its own. The second is read only if the first is damaged.
 */
final class Gpt {
    private static final long SIGNATURE = 0x5452_4150_2049_4645L;
    private static final int HEADER_BYTES = 92;
    private static final int CRC_AT = 16;
    private static final int THIS_AT = 24;
    private static final int LIST_AT = 72;
    private static final int COUNT_AT = 80;
    private static final int ENTRY_SIZE_AT = 84;
    private static final int LIST_CRC_AT = 88;
    private static final int ENTRY_BYTES = 128;
    private static final int MAX_ENTRY_BYTES = 4096;
    private static final int MAX_LIST_BYTES = 1 << 20;
    private static final int NAME_AT = 56;
    private static final int NAME_BYTES = 72;

    private Gpt() {}

    /** The partitions that are there, by number. */
    static List<Partition> read(DiskSlice disk) throws IOException {
        long last = disk.size() / PartitionTable.SECTOR - 1;
        try {
            return read(disk, 1);
        } catch (DiskFormatException first) {
            try {
                return read(disk, last);
            } catch (DiskFormatException second) {
                throw new DiskFormatException(
                        "its partition table is damaged, and so is the copy at its end");
            }
        }
    }

    private static List<Partition> read(DiskSlice disk, long sector) throws IOException {
        ByteBuffer header = disk.read(sector * PartitionTable.SECTOR, PartitionTable.SECTOR);
        int length = header.getInt(12);
        if (header.getLong(0) != SIGNATURE
                || length < HEADER_BYTES
                || length > PartitionTable.SECTOR
                || header.getLong(THIS_AT) != sector) {
            throw damaged();
        }
        int crc = header.getInt(CRC_AT);
        header.putInt(CRC_AT, 0);
        if (crc(header, length) != crc) {
            throw damaged();
        }
        int count = header.getInt(COUNT_AT);
        int each = header.getInt(ENTRY_SIZE_AT);
        long at = header.getLong(LIST_AT);
        if (each < ENTRY_BYTES
                || each > MAX_ENTRY_BYTES
                || each % 8 != 0
                || count < 0
                || count > MAX_LIST_BYTES / each
                || at < 0
                || at > disk.size() / PartitionTable.SECTOR) {
            throw damaged();
        }
        ByteBuffer list = disk.read(at * PartitionTable.SECTOR, count * each);
        if (crc(list, count * each) != header.getInt(LIST_CRC_AT)) {
            throw damaged();
        }
        List<Partition> partitions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            UUID type = guid(list, i * each);
            if (!type.equals(new UUID(0, 0))) {
                partitions.add(partition(disk, i + 1, type, list, i * each));
            }
        }
        return partitions;
    }

    private static Partition partition(
            DiskSlice disk, int number, UUID type, ByteBuffer list, int at)
            throws DiskFormatException {
        long first = list.getLong(at + 32);
        long last = list.getLong(at + 40);
        if (first < 0 || last < first || last >= disk.size() / PartitionTable.SECTOR) {
            throw new DiskFormatException("its partition %d is not on the disk", number);
        }
        String name = new String(list.array(), at + NAME_AT, NAME_BYTES, StandardCharsets.UTF_16LE);
        int end = name.indexOf('\0');
        return new Partition(
                number,
                first * PartitionTable.SECTOR,
                (last - first + 1) * PartitionTable.SECTOR,
                type.toString(),
                guid(list, at + 16).toString(),
                end < 0 ? name : name.substring(0, end));
    }

    /** A GUID: the first three fields are little-endian. */
    private static UUID guid(ByteBuffer b, int at) {
        long high =
                Integer.toUnsignedLong(b.getInt(at)) << 32
                        | (b.getShort(at + 4) & 0xffffL) << 16
                        | b.getShort(at + 6) & 0xffffL;
        return new UUID(high, Long.reverseBytes(b.getLong(at + 8)));
    }

    private static int crc(ByteBuffer b, int length) {
        CRC32 crc = new CRC32();
        crc.update(b.array(), 0, length);
        return (int) crc.getValue();
    }

    private static DiskFormatException damaged() {
        return new DiskFormatException("its partition table is damaged");
    }
}
