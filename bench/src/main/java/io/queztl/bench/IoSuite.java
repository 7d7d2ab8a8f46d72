package io.queztl.bench;

import io.queztl.bench.Item.Group;
import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.server.guest.StockModules;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The items of {@code --io}: fio on a raw and on a qcow2 image, past the guest's page cache. Their
 * programs take long to start, so they say themselves when the work begins and ends, by {@code
 * /bench/mark}.
 */
final class IoSuite {
    /** Places of the programs in {@link DebianTree#IO}. */
    static final List<String> PROGRAMS = List.of("usr/bin/fio");

    /** The kernel's modules that the guest loads. */
    static final List<List<String>> MODULES = List.of(StockModules.DISK);

    private static final int DISK_BYTES = 256 << 20;
    private static final int CLUSTER = 65536;

    /** The items of both formats. */
    static final List<Item> ITEMS = items();

    private IoSuite() {}

    private static List<Item> items() {
        List<Item> items = new ArrayList<>();
        for (String format : List.of("raw", "qcow2")) {
            items.add(fio(format, "randread", 1, "4k", 24 << 10));
            items.add(fio(format, "randread", 32, "4k", 48 << 10));
            items.add(fio(format, "randwrite", 1, "4k", 24 << 10));
            items.add(fio(format, "randwrite", 32, "4k", 48 << 10));
            items.add(fio(format, "read", 4, "1m", 1 << 20));
            items.add(fio(format, "write", 4, "1m", 1 << 20));
        }
        return List.copyOf(items);
    }

    /**
     * An item of fio.
     *
     * @param kibibytes the amount of work
     */
    private static Item fio(String format, String rw, int depth, String block, int kibibytes) {
        String name = "%s-%s-%s-%d".formatted(format, rw, block, depth);
        String device = format.equals("raw") ? "/dev/vda" : "/dev/vdb";
        String command =
                "fio --name=x --filename=%s --rw=%s --bs=%s --iodepth=%d --io_size=%%dk"
                        + " --ioengine=libaio --direct=1 --norandommap --randrepeat=1"
                        + " --gtod_reduce=1 --thread --output=/dev/null"
                        + " --exec_prerun='/bench/mark begin %s'"
                        + " --exec_postrun='/bench/mark end %s'";
        return new Item(
                name,
                Group.DISK,
                command.formatted(device, rw, block, depth, name, name),
                kibibytes);
    }

    /** Makes the disks, full of what does not compress: nothing is left to allocate. */
    static List<Machine.Disk> makeDisks(Path folder) throws IOException {
        Path raw = folder.resolve("disk.raw");
        Path qcow2 = folder.resolve("disk.qcow2");
        Images.createRaw(raw, DISK_BYTES);
        Images.createQcow2(qcow2, DISK_BYTES, CLUSTER, 3);
        fill(raw, ImageFormat.RAW);
        fill(qcow2, ImageFormat.QCOW2);
        return List.of(new Machine.Disk(raw, "raw"), new Machine.Disk(qcow2, "qcow2"));
    }

    private static void fill(Path file, ImageFormat format) throws IOException {
        byte[] data = new byte[1 << 20];
        Random random = new Random(1);
        try (DiskImage image = Images.open(file, format, ImageOptions.WRITABLE)) {
            for (long at = 0; at < DISK_BYTES; at += data.length) {
                random.nextBytes(data);
                image.write(at, MemorySegment.ofArray(data));
            }
        }
    }
}
