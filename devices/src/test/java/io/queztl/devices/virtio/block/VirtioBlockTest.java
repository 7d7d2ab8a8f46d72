package io.queztl.devices.virtio.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.linux.HostFile;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CyclicBarrier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VirtioBlockTest extends VirtioDeviceContract {
    private static final long ALL = 0xff_ffffL;
    private static final int SECTORS = 128;

    @TempDir Path folder;
    private @Nullable TroubledImage image;

    @Override
    protected VirtioDevice create(GuestMemory ram) throws Exception {
        Path file = folder.resolve("disk");
        byte[] content = new byte[SECTORS * 512];
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) (i / 512);
        }
        Path ignored = Files.write(file, content);
        TroubledImage opened =
                new TroubledImage(Images.open(file, ImageFormat.RAW, ImageOptions.WRITABLE));
        image = opened;
        return new VirtioBlock("disk", ram, opened, "SERIAL-1", 2, true);
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
    void reads_ofWhatTheHostHasInMemory_areDoneAtOnce() throws Exception {
        start(ALL);
        Buffer target = new Buffer(DATA + 0x1000, 512, true);
        for (int sector = 1; sector < 9; sector++) {
            trouble().asleep = sector % 2 == 0;
            assertThat(run(BlockLayout.T_IN, sector, target)).isZero();
            assertThat(memory.read8(DATA + 0x1000)).isEqualTo(sector);
        }
        assertThat(run(BlockLayout.T_IN, SECTORS, target)).isEqualTo(BlockLayout.S_IOERR);
        assumeTrue(HostFile.available(), "reads at once are for Linux");
        assertThat(trouble().readsNow.get()).isEqualTo(4);
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

    private TroubledImage trouble() {
        return Objects.requireNonNull(image);
    }

    private Buffer sector(int number) {
        memory.fill(DATA + 0x1000, 512, (byte) number);
        return new Buffer(DATA + 0x1000, 512, false);
    }

    @Test
    void resize_ofALiveDisk_isToldAndUsable() throws Exception {
        start(ALL);
        int before = registers.generation();
        VirtioBlock block = (VirtioBlock) device;
        block.resize(2L * SECTORS * 512);
        assertThat(registers.takeInterrupts()).isEqualTo(2);
        assertThat(registers.generation()).isNotEqualTo(before);
        assertThat(registers.config(BlockLayout.CAPACITY, 8)).isEqualTo(2L * SECTORS);
        assertThat(run(BlockLayout.T_OUT, 2 * SECTORS - 1, sector(9))).isZero();
        assertThat(registers.takeInterrupts()).isEqualTo(1);
        assertThat(Files.size(folder.resolve("disk"))).isEqualTo(2L * SECTORS * 512);
        assertThatThrownBy(() -> block.resize(512)).hasMessageContaining("can only grow");
        assertThatThrownBy(() -> block.resize(1 << 20 | 1)).hasMessageContaining("multiple of 512");
        assertThat(registers.takeInterrupts()).isZero();
    }

    @Test
    void writes_inWriteBackMode_areNotFlushed() throws Exception {
        start(ALL);
        assertThat(registers.config(BlockLayout.WRITEBACK, 1)).isEqualTo(1);
        assertThat(run(BlockLayout.T_OUT, 1, sector(1))).isZero();
        assertThat(trouble().flushes).hasValue(0);
    }

    @Test
    void writes_afterTheDriverSwitchedToWriteThrough_areFlushedAndThoseBeforeToo()
            throws Exception {
        start(ALL);
        assertThat(run(BlockLayout.T_OUT, 1, sector(1))).isZero();
        registers.config(BlockLayout.WRITEBACK, 1, 0);
        assertThat(trouble().flushes).hasValue(1);
        assertThat(run(BlockLayout.T_OUT, 1, sector(2))).isZero();
        assertThat(trouble().flushes).hasValue(2);
        registers.config(BlockLayout.WRITEBACK, 1, 1);
        assertThat(run(BlockLayout.T_OUT, 1, sector(3))).isZero();
        assertThat(trouble().flushes).hasValue(2);
        registers.config(BlockLayout.WRITEBACK, 1, 0);
        registers.reset();
        assertThat(registers.config(BlockLayout.WRITEBACK, 1)).isEqualTo(1);
    }

    @Test
    void writes_withoutFlushNegotiated_areFlushed() throws Exception {
        start(ALL & ~BlockLayout.F_FLUSH);
        assertThat(registers.config(BlockLayout.WRITEBACK, 1)).isZero();
        assertThat(run(BlockLayout.T_OUT, 1, sector(1))).isZero();
        assertThat(trouble().flushes).hasValue(1);
    }

    @Test
    void requests_thatTheHostCannotDo_failAndLaterOnesGoOn() throws Exception {
        start(ALL);
        trouble().failing = true;
        assertThat(run(BlockLayout.T_OUT, 1, sector(7))).isEqualTo(BlockLayout.S_IOERR);
        assertThat(run(BlockLayout.T_FLUSH, 0)).isEqualTo(BlockLayout.S_IOERR);
        assertThat(run(BlockLayout.T_IN, 1, new Buffer(DATA + 0x1000, 512, true)))
                .isEqualTo(BlockLayout.S_IOERR);
        trouble().failing = false;
        assertThat(run(BlockLayout.T_IN, 1, new Buffer(DATA + 0x1000, 512, true))).isZero();
        assertThat(memory.read8(DATA + 0x1000)).isEqualTo(1);
        assertThat(registers.status()).isEqualTo(15);
    }

    /** Each waits for the three others: one thread, or the driver's own, would never end. */
    @Test
    void requests_thatWait_areInFlightTogether() throws Exception {
        trouble().meeting = new CyclicBarrier(4);
        start(ALL);
        memory.write32(DATA, BlockLayout.T_IN);
        memory.write64(DATA + 8, 1);
        for (int i = 0; i < 4; i++) {
            memory.write8(DATA + 0x20 + i, 0xee);
            int ignored =
                    queues[0].add(
                            List.of(
                                    new Buffer(DATA, 16, false),
                                    new Buffer(DATA + 0x1000 + 512L * i, 512, true),
                                    new Buffer(DATA + 0x20 + i, 1, true)));
            registers.notifyQueue(0);
        }
        for (int i = 0; i < 4; i++) {
            assertThat(await(0).written()).isEqualTo(513);
        }
        for (int i = 0; i < 4; i++) {
            assertThat(memory.read8(DATA + 0x20 + i)).isZero();
            assertThat(memory.read8(DATA + 0x1000 + 512L * i)).isEqualTo(1);
        }
    }
}
