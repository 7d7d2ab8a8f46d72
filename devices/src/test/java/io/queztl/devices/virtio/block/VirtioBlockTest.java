package io.queztl.devices.virtio.block;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VirtioBlockTest extends VirtioDeviceContract {
    private static final long ALL = 0xff_ffffL;
    private static final int SECTORS = 128;

    @TempDir Path folder;
    private @Nullable DiskImage image;

    @Override
    protected VirtioDevice create(GuestMemory ram) throws Exception {
        Path file = folder.resolve("disk");
        byte[] content = new byte[SECTORS * 512];
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) (i / 512);
        }
        Path ignored = Files.write(file, content);
        DiskImage opened = Images.open(file, ImageFormat.RAW, ImageOptions.WRITABLE);
        image = opened;
        return new VirtioBlock("disk", ram, opened, "SERIAL-1", 2);
    }

    @AfterEach
    void closeImage() throws Exception {
        if (image != null) {
            image.close();
        }
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((VirtioBlock) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((VirtioBlock) d).restore((VirtioBlockState) state);
    }

    @Override
    protected List<Buffer> request() {
        return List.of(
                new Buffer(DATA, 16, false),
                new Buffer(DATA + 0x1000, 512, true),
                new Buffer(DATA + 16, 1, true));
    }

    private int run(int type, long sector, Buffer... data) throws Exception {
        memory.write32(DATA, type);
        memory.write64(DATA + 8, sector);
        memory.write8(DATA + 16, 0xee);
        List<Buffer> chain = new java.util.ArrayList<>();
        chain.add(new Buffer(DATA, 16, false));
        chain.addAll(List.of(data));
        chain.add(new Buffer(DATA + 16, 1, true));
        int id = queues[0].add(chain);
        registers.notifyQueue(0);
        assertThat(await(0).id()).isEqualTo(id);
        return memory.read8(DATA + 16);
    }

    @Test
    void reads_scattered_giveTheFilesBytes() throws Exception {
        start(ALL);
        assertThat(registers.config(0, 8)).isEqualTo(SECTORS);
        Buffer[] parts = {
            new Buffer(DATA + 0x1000, 500, true), new Buffer(DATA + 0x2000, 524, true)
        };
        assertThat(run(BlockLayout.T_IN, 7, parts)).isZero();
        assertThat(memory.read8(DATA + 0x1000)).isEqualTo(7);
        assertThat(memory.read8(DATA + 0x2000 + 11)).isEqualTo(7);
        assertThat(memory.read8(DATA + 0x2000 + 12)).isEqualTo(8);
    }

    @Test
    void writes_thenFlush_areInTheFile() throws Exception {
        start(ALL);
        memory.fill(DATA + 0x1000, 512, (byte) 0x5a);
        assertThat(run(BlockLayout.T_OUT, 3, new Buffer(DATA + 0x1000, 512, false))).isZero();
        assertThat(run(BlockLayout.T_FLUSH, 0)).isZero();
        byte[] file = Files.readAllBytes(folder.resolve("disk"));
        assertThat(file[3 * 512]).isEqualTo((byte) 0x5a);
        assertThat(file[4 * 512]).isEqualTo((byte) 4);
    }

    @Test
    void writeZeroes_rangeInsideTheDisk_readsAsZeroes() throws Exception {
        start(ALL);
        memory.write64(DATA + 0x1000, 5);
        memory.write32(DATA + 0x1008, 2);
        memory.write32(DATA + 0x100c, 1);
        Buffer range = new Buffer(DATA + 0x1000, 16, false);
        assertThat(run(BlockLayout.T_WRITE_ZEROES, 0, range)).isZero();
        byte[] file = Files.readAllBytes(folder.resolve("disk"));
        assertThat(file[4 * 512]).isEqualTo((byte) 4);
        assertThat(file[5 * 512]).isZero();
        assertThat(file[6 * 512]).isZero();
        assertThat(file[7 * 512]).isEqualTo((byte) 7);
    }

    @Test
    void serial_isGiven() throws Exception {
        start(ALL);
        assertThat(run(BlockLayout.T_GET_ID, 0, new Buffer(DATA + 0x1000, 20, true))).isZero();
        assertThat(memory.read8(DATA + 0x1000)).isEqualTo('S');
        assertThat(memory.read8(DATA + 0x1008)).isZero();
    }

    @Test
    void requests_outsideTheDiskOrUnknown_fail() throws Exception {
        start(ALL);
        Buffer one = new Buffer(DATA + 0x1000, 512, true);
        assertThat(run(BlockLayout.T_IN, SECTORS, one)).isEqualTo(BlockLayout.S_IOERR);
        assertThat(run(BlockLayout.T_IN, -1, one)).isEqualTo(BlockLayout.S_IOERR);
        assertThat(run(BlockLayout.T_IN, Long.MAX_VALUE, one)).isEqualTo(BlockLayout.S_IOERR);
        assertThat(run(BlockLayout.T_IN, 0, new Buffer(DATA + 0x1000, 511, true)))
                .isEqualTo(BlockLayout.S_IOERR);
        assertThat(run(99, 0, one)).isEqualTo(BlockLayout.S_UNSUPP);
    }
}
