package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.DiskFormatException;
import io.queztl.vmm.disk.DiskSlice;
import io.queztl.vmm.disk.Partition;
import io.queztl.vmm.ext4.Ext4Reader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A partition, or a disk without any, and what is on it.
 *
 * @param partition null for a whole disk
 * @param fileSystem its name, empty if it is not known
 * @param files its files, null if they cannot be read
 * @param trouble why they cannot, empty if they can or if the kind is not read at all
 */
public record Volume(
        @Nullable Partition partition,
        String fileSystem,
        @Nullable DiskFiles files,
        String trouble) {
    /** The names of kinds by what is at a place of theirs. */
    private enum Kind {
        XFS("xfs", 0, "XFSB"),
        BTRFS("btrfs", 0x10040, "_BHRfS_M"),
        LUKS("luks", 0, "LUKS\u00ba\u00be"),
        LVM("lvm", 512, "LABELONE"),
        FAT("vfat", 54, "FAT"),
        FAT32("vfat", 82, "FAT32"),
        SQUASHFS("squashfs", 0, "hsqs"),
        F2FS("f2fs", 1024, "\u0010\u0020\u00f5\u00f2"),
        ISO("iso9660", 0x8001, "CD001");

        final String shown;
        final int at;
        final byte[] magic;

        Kind(String shown, int at, String magic) {
            this.shown = shown;
            this.at = at;
            this.magic = magic.getBytes(StandardCharsets.ISO_8859_1);
        }
    }

    /** Looks at a stretch of a disk. */
    static Volume of(DiskSlice slice, @Nullable Partition partition) throws IOException {
        if (Ext4Reader.matches(slice)) {
            try {
                return new Volume(partition, "ext4", Ext4Reader.open(slice), "");
            } catch (DiskFormatException e) {
                return new Volume(partition, "ext4", null, String.valueOf(e.getMessage()));
            }
        }
        for (Kind kind : Kind.values()) {
            if (slice.size() >= kind.at + kind.magic.length) {
                ByteBuffer there = slice.read(kind.at, kind.magic.length);
                if (there.equals(ByteBuffer.wrap(kind.magic))) {
                    return new Volume(partition, kind.shown, null, "");
                }
            }
        }
        return new Volume(partition, "", null, "");
    }

    /** What it is called in a sentence. */
    public String shown() {
        return partition == null ? "the whole disk" : "partition " + partition.number();
    }
}
