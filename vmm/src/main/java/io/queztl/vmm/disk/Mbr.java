package io.queztl.vmm.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A BIOS partition table: four entries in the first sector; one of them may be a container of
 * logical partitions, each behind a sector with a table that has it and the next such sector.
 */
final class Mbr {
    private static final int ENTRIES_AT = 446;
    private static final int ENTRY_BYTES = 16;
    private static final int ENTRIES = 4;
    private static final int SIGNATURE_AT = 510;
    private static final int DISK_ID_AT = 440;
    private static final int FIRST_LOGICAL = 5;
    private static final int MAX_LOGICAL = 128;

    private static final int TYPE_GPT = 0xee;

    private record Entry(int status, int type, long first, long sectors) {
        static Entry of(ByteBuffer sector, int index) {
            int at = ENTRIES_AT + index * ENTRY_BYTES;
            return new Entry(
                    sector.get(at) & 0xff,
                    sector.get(at + 4) & 0xff,
                    Integer.toUnsignedLong(sector.getInt(at + 8)),
                    Integer.toUnsignedLong(sector.getInt(at + 12)));
        }

        boolean used() {
            return type != 0 && sectors != 0;
        }

        boolean container() {
            return type == 0x05 || type == 0x0f || type == 0x85;
        }
    }

    private Mbr() {}

    /** Whether a disk's first sector is one: that of a FAT file system only ends like it. */
    static boolean matches(ByteBuffer sector) {
        boolean marked = (sector.getShort(SIGNATURE_AT) & 0xffff) == 0xaa55;
        for (int i = 0; i < ENTRIES && marked; i++) {
            marked = (Entry.of(sector, i).status & 0x7f) == 0;
        }
        return marked;
    }

    /** Whether it is there only to keep programs off that know no GUID partition table. */
    static boolean protectsGpt(ByteBuffer sector) {
        for (int i = 0; i < ENTRIES; i++) {
            if (Entry.of(sector, i).type == TYPE_GPT) {
                return true;
            }
        }
        return false;
    }

    /** The partitions, logical ones from number 5 on. */
    static List<Partition> read(DiskSlice disk, ByteBuffer sector) throws IOException {
        int id = sector.getInt(DISK_ID_AT);
        List<Partition> partitions = new ArrayList<>();
        long container = 0;
        for (int i = 0; i < ENTRIES; i++) {
            Entry entry = Entry.of(sector, i);
            if (entry.used() && entry.container()) {
                container = container == 0 ? entry.first : container;
            } else if (entry.used()) {
                partitions.add(partition(disk, id, i + 1, entry, 0));
            }
        }
        if (container != 0) {
            readLogical(disk, id, container, partitions);
        }
        return partitions;
    }

    private static void readLogical(
            DiskSlice disk, int id, long container, List<Partition> partitions) throws IOException {
        long table = container;
        for (int n = 0; n < MAX_LOGICAL; n++) {
            ByteBuffer sector = disk.read(table * PartitionTable.SECTOR, PartitionTable.SECTOR);
            if ((sector.getShort(SIGNATURE_AT) & 0xffff) != 0xaa55) {
                throw new DiskFormatException("its extended partition is damaged");
            }
            Entry entry = Entry.of(sector, 0);
            if (entry.used()) {
                partitions.add(partition(disk, id, FIRST_LOGICAL + n, entry, table));
            }
            Entry next = Entry.of(sector, 1);
            if (!next.used() || !next.container()) {
                return;
            }
            table = container + next.first;
        }
        throw new DiskFormatException(
                "its extended partition has more than %d partitions", MAX_LOGICAL);
    }

    private static Partition partition(DiskSlice disk, int id, int number, Entry entry, long base)
            throws DiskFormatException {
        long start = (base + entry.first) * PartitionTable.SECTOR;
        long bytes = entry.sectors * PartitionTable.SECTOR;
        if (start > disk.size() - bytes) {
            throw new DiskFormatException("its partition %d ends behind the disk's end", number);
        }
        return new Partition(
                number,
                start,
                bytes,
                "%02x".formatted(entry.type),
                "%08x-%02x".formatted(id, number),
                "");
    }
}
