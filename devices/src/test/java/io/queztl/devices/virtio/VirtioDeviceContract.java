package io.queztl.devices.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.pci.PciConfigSpace;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.random.Seeds;
import io.queztl.testkit.virtio.VirtioRegisters;
import io.queztl.testkit.virtio.VirtqueueDriver;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every VirtIO device must do, whatever the driver does. */
@Timeout(300)
public abstract class VirtioDeviceContract {
    protected static final long RAM = 4L << 20;
    protected static final long DATA = 2L << 20;
    private static final long RINGS = 1L << 20;
    private static final int QUEUE = 16;

    protected GuestMemory memory;
    protected VirtioDevice device;
    protected VirtioPci pci;
    protected VirtioRegisters registers;
    protected final Semaphore interrupts = new Semaphore(0);
    protected VirtqueueDriver[] queues = new VirtqueueDriver[0];

    /** The device under test. */
    protected abstract VirtioDevice create(GuestMemory ram) throws Exception;

    /** Its state record. */
    protected abstract Object state(VirtioDevice d);

    /** Restores what {@link #state} gave. */
    protected abstract void restore(VirtioDevice d, Object state);

    /** A request that the device answers; the first buffer is at {@link #DATA}. */
    protected abstract List<Buffer> request();

    /** The queue on which it answers {@link #request}. */
    protected int requestQueue() {
        return 0;
    }

    @BeforeEach
    void build() throws Exception {
        memory = new GuestMemory(RAM);
        device = create(memory);
        attach();
    }

    private void attach() {
        IrqLine line =
                level -> {
                    if (level) {
                        interrupts.release();
                    }
                };
        pci = new VirtioPci(device, 0xff0000, new Bus(), new Bus(), (a, d) -> {}, line);
        boolean ignored = pci.pci().writeConfig(PciConfigSpace.COMMAND, 2, 6);
        registers = new VirtioRegisters(pci);
    }

    @AfterEach
    void close() throws Exception {
        device.close();
        memory.close();
    }

    protected void start(long features) {
        assertThat(registers.negotiate(registers.choose(features))).isTrue();
        boolean packed = (features & VirtioFeatures.PACKED_RING) != 0;
        queues = new VirtqueueDriver[registers.queues()];
        for (int q = 0; q < queues.length; q++) {
            long base = RINGS + q * VirtqueueDriver.bytes(QUEUE);
            queues[q] = new VirtqueueDriver(memory, base, QUEUE, packed);
            registers.enable(q, queues[q]);
        }
        registers.start();
    }

    protected VirtqueueDriver.Used await(int queue) throws InterruptedException {
        for (int i = 0; i < 20_000; i++) {
            VirtqueueDriver.Used used = queues[queue].poll();
            if (used != null) {
                return used;
            }
            Thread.sleep(1);
        }
        throw new AssertionError(
                "nothing came back; status " + registers.status() + ", " + device.lastError());
    }

    private void exchange(long features) throws InterruptedException {
        start(features | 0xffff_ffL);
        for (int round = 0; round < 100; round++) {
            boolean indirect =
                    (features & VirtioFeatures.INDIRECT_DESCRIPTORS) != 0 && round % 2 == 1;
            int id =
                    indirect
                            ? queues[requestQueue()].addIndirect(request())
                            : queues[requestQueue()].add(request());
            registers.notifyQueue(requestQueue());
            assertThat(await(requestQueue()).id()).isEqualTo(id);
        }
        assertThat(interrupts.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
        assertThat(registers.status()).isEqualTo(15);
    }

    @Test
    void requests_splitRing_comeBack() throws Exception {
        exchange(0);
    }

    @Test
    void requests_packedRing_comeBack() throws Exception {
        exchange(VirtioFeatures.PACKED_RING);
    }

    @Test
    void requests_packedRingWithEventIndex_comeBack() throws Exception {
        exchange(VirtioFeatures.PACKED_RING | VirtioFeatures.EVENT_INDEX);
    }

    @Test
    void requests_packedRingIndirect_comeBack() throws Exception {
        exchange(VirtioFeatures.PACKED_RING | VirtioFeatures.INDIRECT_DESCRIPTORS);
    }

    @Test
    void requests_splitRingIndirect_comeBack() throws Exception {
        start(VirtioFeatures.INDIRECT_DESCRIPTORS);
        for (int i = 0; i < 40; i++) {
            int id = queues[requestQueue()].addIndirect(request());
            registers.notifyQueue(requestQueue());
            assertThat(await(requestQueue()).id()).isEqualTo(id);
        }
    }

    @Test
    void negotiation_unknownOrLegacyFeatures_isRefused() throws Exception {
        assertThat(registers.negotiate(0)).isFalse();
        registers.reset();
        assertThat(registers.negotiate(registers.offered() | 1L << 63)).isFalse();
        registers.reset();
        assertThat(registers.negotiate(registers.offered())).isTrue();
    }

    @Test
    void notification_beforeDriverOk_isIgnored() throws Exception {
        registers.notifyQueue(requestQueue());
        assertThat(registers.negotiate(registers.choose(0))).isTrue();
        registers.notifyQueue(requestQueue());
        assertThat(device.live()).isFalse();
        assertThat(registers.status()).isEqualTo(11);
    }

    @Test
    void ring_withLoop_needsResetAndGoesOnAfterIt() throws Exception {
        start(0);
        int ignored = queues[requestQueue()].add(List.of(new Buffer(DATA, 16, false)));
        memory.write16(queues[requestQueue()].descriptors() + 12, 1);
        memory.write16(queues[requestQueue()].descriptors() + 14, 0);
        registers.notifyQueue(requestQueue());
        awaitStatus(VirtioStatus.NEEDS_RESET);
        assertThat(interrupts.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
        registers.reset();
        exchange(0);
    }

    @Test
    void ring_bufferOutsideRam_needsReset() throws Exception {
        start(0);
        int ignored = queues[requestQueue()].add(List.of(new Buffer(RAM - 8, 16, true)));
        registers.notifyQueue(requestQueue());
        awaitStatus(VirtioStatus.NEEDS_RESET);
    }

    private void awaitStatus(int bit) throws InterruptedException {
        for (int i = 0; i < 20_000 && (registers.status() & bit) == 0; i++) {
            Thread.sleep(1);
        }
        assertThat(registers.status() & bit).isEqualTo(bit);
    }

    @Test
    void restore_afterUse_givesTheSavedState() throws Exception {
        exchange(VirtioFeatures.PACKED_RING);
        Object saved = state(device);
        VirtioPciState bus = pci.state();
        registers.reset();
        assertThat(state(device)).isNotEqualTo(saved);
        restore(device, saved);
        pci.restore(bus);
        assertThat(state(device)).isEqualTo(saved);
        assertThat(pci.state()).isEqualTo(bus);
        device.resume();
        int id = queues[requestQueue()].add(request());
        registers.notifyQueue(requestQueue());
        assertThat(await(requestQueue()).id()).isEqualTo(id);
    }

    @Test
    void hostileDriver_neverHarmsTheHost() throws Exception {
        long seed = Seeds.seed(getClass().getSimpleName());
        Random random = new Random(seed);
        int cases = Seeds.all() ? 1_000_000 : 10_000;
        for (int n = 0; n < cases; n++) {
            if (n % 50 == 0 || (registers.status() & VirtioStatus.NEEDS_RESET) != 0) {
                registers.reset();
                boolean packed = random.nextBoolean();
                long features = random.nextLong() & 0x1_3fff_ffffL;
                start(features | (packed ? VirtioFeatures.PACKED_RING : 0));
            }
            step(random);
        }
        registers.reset();
        exchange(0);
    }

    private void step(Random random) {
        int q = random.nextInt(queues.length);
        switch (random.nextInt(12)) {
            case 0 -> queues[q].poke(random.nextInt(600), random.nextInt());
            case 1 -> pci.write(random.nextInt(64), 1 << random.nextInt(4), random.nextLong());
            case 2 ->
                    pci.write(
                            0x2000 + random.nextInt(80), 1 << random.nextInt(4), random.nextLong());
            case 3 -> {
                long ignored = pci.read(random.nextInt(0x4000), 1 << random.nextInt(4));
            }
            case 4 -> registers.status(random.nextInt(256));
            case 5 -> registers.status(0);
            case 6, 7 -> {
                int ignored = queues[q].add(request());
                registers.notifyQueue(q);
            }
            case 8 -> {
                int ignored = queues[q].addIndirect(chain(random));
                registers.notifyQueue(q);
            }
            case 9, 10 -> {
                int ignored = queues[q].add(chain(random));
                registers.notifyQueue(q);
            }
            default -> {
                for (int i = 0; i < 16; i++) {
                    memory.write8(DATA + i, random.nextInt(4) == 0 ? random.nextInt() : 0);
                }
            }
        }
    }

    private static List<Buffer> chain(Random random) {
        List<Buffer> chain = new ArrayList<>();
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            long address =
                    switch (random.nextInt(8)) {
                        case 0 -> random.nextLong();
                        case 1 -> RAM - random.nextInt(600);
                        case 2 -> random.nextInt() & 0xffff_ffffL;
                        default -> DATA + random.nextInt(4096);
                    };
            int bytes = random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(1100);
            chain.add(new Buffer(address, bytes, i > 0 && random.nextInt(4) != 0));
        }
        return chain;
    }
}
