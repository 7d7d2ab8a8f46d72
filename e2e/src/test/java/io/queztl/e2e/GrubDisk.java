package io.queztl.e2e;

import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockGuest;
import io.queztl.vmm.image.CpioWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A disk that boots itself, by BIOS and by UEFI: GRUB in the gap before the first partition and in
 * {@code EFI/BOOT}, Debian's stock kernel and an initramfs with busybox. No loop device and no root
 * is needed.
 *
 * <pre>
 * sector 0      GRUB's boot sector, partition table
 * sector 1      GRUB's core
 * 1 MiB         FAT16 partition, type EFI system
 * </pre>
 */
final class GrubDisk {
    /** What to install for it: commands that it runs. */
    static final List<String> TOOLS = List.of("grub-mkimage", "mformat", "mcopy", "mmd");

    /** GRUB's files for BIOS and for UEFI. */
    static final List<Path> FILES =
            List.of(
                    Path.of("/usr/lib/grub/i386-pc/boot.img"),
                    Path.of("/usr/lib/grub/x86_64-efi/linux.mod"));

    /** What the guest prints when it is up, followed by what booted it. */
    static final String MARKER = "QUEZTL-BOOTED-BY-";

    private static final int MIB = 1 << 20;
    private static final int MIBS = 64;
    private static final int SECTOR = 512;
    private static final int CODE_BYTES = 440;
    private static final int PARTITION = 446;
    private static final int EFI_SYSTEM = 0xef;
    private static final int LINUX = 0x83;
    private static final int ENTRY_BYTES = 16;

    /** How mtools names the first partition. */
    private static final String PARTITION_START = "@@1M";

    private static final String PREFIX = "(hd0,msdos1)/grub";
    private static final List<String> MODULES =
            List.of("part_msdos", "fat", "ext2", "normal", "linux", "serial", "echo", "terminal");

    private static final String CONFIGURATION =
            """
            serial --unit=0 --speed=115200
            terminal_output serial
            set timeout=0
            echo "GRUB on $grub_platform"
            linux /vmlinuz console=ttyS0 quiet panic=-1 cryptomgr.notests
            initrd /initrd
            boot
            """;

    /** Linux from the second partition, which is its root. */
    private static final String ROOT_CONFIGURATION =
            """
            serial --unit=0 --speed=115200
            terminal_output serial
            set timeout=0
            echo "GRUB on $grub_platform"
            linux (hd0,msdos2)/vmlinuz root=/dev/vda2 ro net.ifnames=0 console=ttyS0 quiet panic=-1
            initrd (hd0,msdos2)/initrd.img
            boot
            """;

    private static final String INIT =
            """
            #!/busybox sh
            /busybox mount -t sysfs sys /sys
            if [ -d /sys/firmware/efi ]; then by=uefi; else by=bios; fi
            echo %s$by
            /busybox poweroff -f
            """
                    .formatted(MARKER);

    private GrubDisk() {}

    /** What is missing to make one, or null. */
    static @org.jspecify.annotations.Nullable String missing() {
        for (String tool : TOOLS) {
            boolean there =
                    List.of("/usr/bin", "/usr/sbin", "/bin", "/sbin").stream()
                            .anyMatch(folder -> Files.isExecutable(Path.of(folder, tool)));
            if (!there) {
                return tool;
            }
        }
        for (Path file : FILES) {
            if (!Files.exists(file)) {
                return file.toString();
            }
        }
        return null;
    }

    /** Makes the raw image. */
    static Path create(Path folder) throws IOException, InterruptedException {
        StockGuest stock = StockGuest.obtain(CacheFolder.of(System.getenv()), line -> {});
        Path disk = folder.resolve("grub.raw");
        Path initrd = folder.resolve("initrd");
        writeInitrd(initrd, stock.busybox());
        write(disk, CONFIGURATION, 0);
        copy(disk + PARTITION_START, stock.kernel(), "::/vmlinuz");
        copy(disk + PARTITION_START, initrd, "::/initrd");
        return disk;
    }

    /**
     * Makes a raw image with a copy of a root file system in a second partition, whose kernel GRUB
     * boots.
     *
     * @param root a raw image of the file system
     */
    static Path around(Path root, Path folder) throws IOException, InterruptedException {
        Path disk = folder.resolve("grub-root.raw");
        write(disk, ROOT_CONFIGURATION, Files.size(root));
        Tool.run(
                "dd",
                "if=" + root,
                "of=" + disk,
                "bs=1M",
                "seek=" + MIBS,
                "conv=sparse,notrunc",
                "status=none");
        return disk;
    }

    /**
     * Writes everything of GRUB's.
     *
     * @param rootBytes the size of a second partition, or 0
     */
    private static void write(Path disk, String text, long rootBytes)
            throws IOException, InterruptedException {
        Path folder = disk.resolveSibling(".").normalize();
        Path core = folder.resolve("core.img");
        Path efi = folder.resolve("bootx64.efi");
        Path early = folder.resolve("early.cfg");
        Path configuration = folder.resolve("grub.cfg");
        Files.writeString(early, "set prefix=" + PREFIX + "\nnormal\n");
        Files.writeString(configuration, text);
        image("i386-pc", core, early, "biosdisk");
        image("x86_64-efi", efi, early, "test");
        writeSectors(disk, core, rootBytes);
        String partition = disk + PARTITION_START;
        Tool.run(
                "mformat",
                "-i",
                partition,
                "-T",
                Integer.toString((MIBS - 1) * MIB / SECTOR),
                "-h",
                "16",
                "-s",
                "63",
                "::");
        Tool.run("mmd", "-i", partition, "::/grub", "::/EFI", "::/EFI/BOOT");
        copy(partition, configuration, "::/grub/grub.cfg");
        copy(partition, efi, "::/EFI/BOOT/BOOTX64.EFI");
    }

    private static void image(String format, Path target, Path early, String module)
            throws IOException, InterruptedException {
        java.util.ArrayList<String> line =
                new java.util.ArrayList<>(
                        List.of("grub-mkimage", "-O", format, "-o", target.toString()));
        line.addAll(List.of("-c", early.toString(), "-p", PREFIX, module));
        line.addAll(MODULES);
        Tool.run(line.toArray(String[]::new));
    }

    private static void copy(String partition, Path file, String target)
            throws IOException, InterruptedException {
        Tool.run("mcopy", "-i", partition, file.toString(), target);
    }

    /** The boot sector finds the core in the sectors behind it, as grub-mkimage leaves both. */
    private static void writeSectors(Path disk, Path core, long rootBytes) throws IOException {
        ByteBuffer sector = ByteBuffer.allocate(SECTOR).order(ByteOrder.LITTLE_ENDIAN);
        sector.put(Files.readAllBytes(FILES.getFirst()), 0, CODE_BYTES);
        sector.put(PARTITION, (byte) 0x80).put(PARTITION + 4, (byte) EFI_SYSTEM);
        sector.putInt(PARTITION + 8, MIB / SECTOR);
        sector.putInt(PARTITION + 12, (MIBS - 1) * MIB / SECTOR);
        if (rootBytes > 0) {
            int second = PARTITION + ENTRY_BYTES;
            sector.put(second + 4, (byte) LINUX);
            sector.putInt(second + 8, MIBS * MIB / SECTOR);
            sector.putInt(second + 12, Math.toIntExact(rootBytes / SECTOR));
        }
        sector.putShort(SECTOR - 2, (short) 0xaa55);
        byte[] loader = Files.readAllBytes(core);
        if (loader.length > MIB - SECTOR) {
            throw new IOException("GRUB's core does not fit before the partition");
        }
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength((long) MIBS * MIB + rootBytes);
            file.write(sector.array());
            file.write(loader);
        }
    }

    private static void writeInitrd(Path target, Path busybox) throws IOException {
        try (OutputStream out = Files.newOutputStream(target);
                CpioWriter cpio = new CpioWriter(out)) {
            cpio.directory("dev", 0755);
            cpio.directory("sys", 0755);
            cpio.characterDevice("dev/console", 0600, 5, 1);
            cpio.file("busybox", 0755, Files.readAllBytes(busybox));
            cpio.file("init", 0755, INIT.getBytes(StandardCharsets.US_ASCII));
            cpio.finish();
        }
    }
}
