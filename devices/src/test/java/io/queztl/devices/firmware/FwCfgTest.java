package io.queztl.devices.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.SnapshotContract;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.random.Seeds;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FwCfgTest extends SnapshotContract<FwCfg, FwCfgState> {
    private static final int RAM = 1 << 20;
    private static final int DESCRIPTOR = 0x1000;
    private static final int TARGET = 0x2000;
    private static final int READ = 2;
    private static final int SKIP = 4;
    private static final int SELECT = 8;
    private static final int WRITE = 16;
    private static final int DIRECTORY = 0x19;

    private final GuestMemory memory = new GuestMemory(RAM);
    private int made;

    @AfterEach
    void close() {
        memory.close();
    }

    @Override
    protected FwCfg create() {
        FwCfg cfg = new FwCfg(memory);
        cfg.item16(FwCfg.CPUS, 3);
        cfg.file("etc/b", "second".getBytes(StandardCharsets.US_ASCII));
        cfg.file("etc/a", 8, () -> new byte[] {(byte) ++made});
        return cfg;
    }

    @Override
    protected void use(FwCfg device) {
        device.write(0, 2, FwCfg.CPUS);
        long ignored = device.read(1, 1);
        device.write(4, 4, 0x12345678);
    }

    @Override
    protected void change(FwCfg device) {
        device.write(0, 2, DIRECTORY);
    }

    @Override
    protected FwCfgState state(FwCfg device) {
        return device.state();
    }

    @Override
    protected void restore(FwCfg device, FwCfgState state) {
        device.restore(state);
    }

    private static String text(FwCfg cfg, int key, int bytes) {
        cfg.write(0, 2, key);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < bytes; i++) {
            text.append((char) cfg.read(1, 1));
        }
        return text.toString();
    }

    /** The outcome that the device leaves in the descriptor. */
    private int dma(FwCfg cfg, int control, int length, long address) {
        memory.write32(DESCRIPTOR, Integer.reverseBytes(control));
        memory.write32(DESCRIPTOR + 4, Integer.reverseBytes(length));
        memory.write64(DESCRIPTOR + 8, Long.reverseBytes(address));
        cfg.write(4, 4, 0);
        cfg.write(8, 4, Integer.toUnsignedLong(Integer.reverseBytes(DESCRIPTOR)));
        return Integer.reverseBytes(memory.read32(DESCRIPTOR));
    }

    @Test
    void ports_giveSignatureIdAndItems() {
        FwCfg cfg = create();
        assertThat(text(cfg, 0, 5)).isEqualTo("QEMU\0");
        assertThat(text(cfg, 1, 4)).isEqualTo("\3\0\0\0");
        assertThat(text(cfg, FwCfg.CPUS, 3)).isEqualTo("\3\0\0");
        assertThat(text(cfg, 0x7777, 2)).isEqualTo("\0\0");
        assertThat(Integer.reverseBytes((int) cfg.read(4, 4))).isEqualTo(0x51454d55);
        assertThat(Integer.reverseBytes((int) cfg.read(8, 4))).isEqualTo(0x20434647);
    }

    @Test
    void directory_listsFilesByName_andTheirKeysReadThem() {
        FwCfg cfg = create();
        String list = text(cfg, DIRECTORY, 4 + 2 * 64);
        assertThat(list).startsWith("\0\0\0\2\0\0\0\10\0\40\0\0etc/a\0");
        assertThat(list.substring(68)).startsWith("\0\0\0\6\0\41\0\0etc/b\0");
        assertThat(text(cfg, 0x21, 7)).isEqualTo("second\0");
        // Made at each selection, as long as the directory says.
        assertThat(text(cfg, 0x20, 2)).isEqualTo("\1\0");
        assertThat(text(cfg, 0x20, 2)).isEqualTo("\2\0");
    }

    @Test
    void dma_selectsSkipsAndReads() {
        FwCfg cfg = create();
        memory.write64(TARGET, -1);
        assertThat(dma(cfg, 0x21 << 16 | SELECT, 0, 0)).isZero();
        assertThat(dma(cfg, SKIP, 2, 0)).isZero();
        assertThat(dma(cfg, READ, 2, TARGET)).isZero();
        assertThat(memory.read32(TARGET)).isEqualTo(0xffff_0000 | 'o' << 8 | 'c');
        assertThat(dma(cfg, READ, 6, TARGET)).isZero();
        assertThat(memory.read64(TARGET)).isEqualTo(0xffff_0000_0000_646eL);
    }

    @Test
    void dma_outsideRamOrWriting_isAnError() {
        FwCfg cfg = create();
        assertThat(dma(cfg, READ, 16, RAM - 8)).isEqualTo(1);
        assertThat(dma(cfg, READ, -1, TARGET)).isEqualTo(1);
        assertThat(dma(cfg, READ, 1, -1L)).isEqualTo(1);
        assertThat(dma(cfg, WRITE, 4, TARGET)).isEqualTo(1);
        cfg.write(4, 8, -1); // no descriptor there
        cfg.write(4, 8, Long.reverseBytes(RAM - 8));
        assertThat(text(cfg, 0, 4)).isEqualTo("QEMU");
    }

    /** No access throws, and none writes what no descriptor names. */
    @Test
    void hostileAccesses_areAnswered() {
        long seed = Seeds.seed("FwCfgTest");
        Random random = new Random(seed);
        FwCfg cfg = create();
        int steps = Seeds.all() ? 1_000_000 : 10_000;
        for (int i = 0; i < steps; i++) {
            int size = 1 << random.nextInt(4);
            long port = random.nextInt(16);
            switch (random.nextInt(4)) {
                case 0 -> cfg.write(port, size, random.nextLong());
                case 1 -> {
                    long address = random.nextLong() >>> random.nextInt(64);
                    int status = dma(cfg, random.nextInt(), random.nextInt(), address);
                    assertThat(status).as("seed %d", seed).isIn(0, 1);
                }
                case 2 -> cfg.write(0, 2, random.nextInt(0x30));
                default -> {
                    long ignored = cfg.read(port, size);
                }
            }
        }
        assertThat(text(cfg, 0, 4)).isEqualTo("QEMU");
    }
}
