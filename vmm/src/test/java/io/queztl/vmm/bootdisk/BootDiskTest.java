package io.queztl.vmm.bootdisk;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.vmm.disk.MemoryImage;
import io.queztl.vmm.disk.PartitionTable;
import io.queztl.vmm.ext4.Ext4Writer;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.Spool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole disks. */
class BootDiskTest {
    private static final int MIB = 1 << 20;

    @TempDir Path folder = Path.of("");
    private int made;

    private byte[] fileSystem(Map<String, String> files) throws IOException {
        Path image = folder.resolve("image" + made++);
        try (Spool spool = Spool.in(folder, 1L << 30)) {
            FileTree tree = new FileTree(spool);
            for (Map.Entry<String, String> file : new TreeMap<>(files).entrySet()) {
                tree.file(file.getKey(), 0644, file.getValue().getBytes(StandardCharsets.US_ASCII));
            }
            Ext4Writer.write(tree, image, 16 * MIB, new UUID(1, 2), "x", 0);
        }
        return Files.readAllBytes(image);
    }

    /** A disk with a BIOS partition table and these partitions. */
    private static MemoryImage disk(byte[]... partitions) {
        ByteBuffer disk =
                ByteBuffer.allocate(MIB + partitions.length * 16 * MIB)
                        .order(ByteOrder.LITTLE_ENDIAN);
        disk.putInt(440, 0xabcd).putShort(510, (short) 0xaa55);
        for (int i = 0; i < partitions.length; i++) {
            int at = MIB + i * 16 * MIB;
            int entry = 446 + i * 16;
            disk.put(entry + 4, (byte) 0x83).putInt(entry + 8, at / 512);
            disk.putInt(entry + 12, partitions[i].length / 512);
            disk.put(at, partitions[i]);
        }
        return new MemoryImage(disk.array());
    }

    @Test
    void kernelOfGrub_isCopiedWithItsInitrds() throws Exception {
        byte[] root =
                fileSystem(
                        Map.of(
                                "boot/grub/grub.cfg",
                                "menuentry gone { linux /boot/none }\n"
                                        + "menuentry x { linux /boot/k a=b\ninitrd /boot/i /boot/j\n}",
                                "boot/k",
                                "kernel",
                                "boot/i",
                                "first",
                                "boot/j",
                                "second"));
        BootDisk disk = BootDisk.read(disk(new byte[512], root));
        assertThat(disk.table().kind()).isEqualTo(PartitionTable.Kind.MBR);
        assertThat(disk.volumes()).extracting(Volume::fileSystem).containsExactly("", "ext4");
        assertThat(disk.notes())
                .containsExactly("/boot/grub/grub.cfg names /boot/none, which is not there");
        InstalledKernel kernel = disk.kernels().getFirst();
        assertThat(kernel.options()).isEqualTo("a=b");
        assertThat(kernel.volume().shown()).isEqualTo("partition 2");
        BootDisk.copyKernel(kernel, folder.resolve("kernel"));
        BootDisk.copyInitrds(kernel, folder.resolve("initrd"));
        assertThat(folder.resolve("kernel")).content().startsWith("kernel");
        assertThat(folder.resolve("initrd")).content().isEqualTo("first\0\0\0second\0\0");
    }

    @Test
    void kernelByName_hasTheRootOfAnotherPartition() throws Exception {
        byte[] boot =
                fileSystem(
                        Map.of(
                                "grub/grub.cfg", "menuentry x {",
                                "vmlinuz-5", "kernel",
                                "initrd.img-5", "initrd"));
        byte[] root = fileSystem(Map.of("etc/fstab", ""));
        BootDisk disk = BootDisk.read(disk(boot, root));
        InstalledKernel kernel = disk.kernels().getFirst();
        assertThat(kernel.kernel()).isEqualTo("/vmlinuz-5");
        assertThat(kernel.options()).isEqualTo("root=PARTUUID=0000abcd-02 ro");
        assertThat(disk.notes())
                .containsExactly(
                        "partition 1: /grub/grub.cfg is not understood: it ends before all that it"
                                + " begins");
    }

    @Test
    void diskWithoutPartitions_isOneFileSystem() throws Exception {
        byte[] root = fileSystem(Map.of("etc/fstab", "", "vmlinuz", "kernel"));
        BootDisk disk = BootDisk.read(new MemoryImage(root));
        assertThat(disk.table().kind()).isEqualTo(PartitionTable.Kind.NONE);
        assertThat(disk.kernels().getFirst().options()).isEqualTo("root=/dev/vda ro");
    }

    @Test
    void otherFileSystems_haveANameAndNoKernels() throws Exception {
        byte[] xfs = "XFSB".getBytes(StandardCharsets.US_ASCII);
        byte[] damaged = fileSystem(Map.of("vmlinuz", "kernel"));
        damaged[1024 + 0x18] = 40;
        BootDisk disk = BootDisk.read(disk(java.util.Arrays.copyOf(xfs, 4096), damaged));
        assertThat(disk.volumes()).extracting(Volume::fileSystem).containsExactly("xfs", "ext4");
        assertThat(disk.kernels()).isEmpty();
        assertThat(disk.notes()).hasSize(1);
        assertThat(disk.notes().getFirst()).startsWith("partition 2 cannot be read: its file");
        assertThat(BootDisk.read(new MemoryImage(new byte[MIB])).volumes())
                .isEqualTo(List.of(new Volume(null, "", null, "")));
    }
}
