package io.queztl.vmm.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * How a disk is divided: a GUID partition table (UEFI specification, chapter 5), a BIOS one, or not
 * at all. Sectors have 512 bytes, as a VirtIO disk's.
 *
 * @param partitions by number
 */
public record PartitionTable(Kind kind, List<Partition> partitions) {
    /** What the table is. */
    public enum Kind {
        /** None: the disk is one file system, or empty. */
        NONE,
        /** A BIOS partition table. */
        MBR,
        /** A GUID partition table. */
        GPT
    }

    static final int SECTOR = 512;

    /** Makes the list unmodifiable. */
    public PartitionTable {
        partitions = List.copyOf(partitions);
    }

    /**
     * Reads it.
     *
     * @throws DiskFormatException if there is one, and it is damaged
     */
    public static PartitionTable read(DiskSlice disk) throws IOException {
        if (disk.size() < SECTOR) {
            return new PartitionTable(Kind.NONE, List.of());
        }
        ByteBuffer sector = disk.read(0, SECTOR);
        if (!Mbr.matches(sector)) {
            return new PartitionTable(Kind.NONE, List.of());
        }
        if (Mbr.protectsGpt(sector)) {
            return new PartitionTable(Kind.GPT, Gpt.read(disk));
        }
        List<Partition> partitions = Mbr.read(disk, sector);
        return new PartitionTable(partitions.isEmpty() ? Kind.NONE : Kind.MBR, partitions);
    }
}
