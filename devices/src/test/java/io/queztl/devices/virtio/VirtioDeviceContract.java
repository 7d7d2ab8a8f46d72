package io.queztl.devices.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.pci.PciConfigSpace;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.bus.BusDevice;
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
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    private BusDevice window;
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
        attachBus();
    }

    /** Puts the device on its bus; again after it was replaced by another. */
    protected final void attachBus() {
        pci = new VirtioPci(device, 0xff0000, new Bus(), new Bus(), (a, d) -> {}, line());
        boolean ignored = pci.pci().writeConfig(PciConfigSpace.COMMAND, 2, 6);
        registers = new VirtioRegisters(pci);
        window = pci;
    }

    private IrqLine line() {
        return level -> {
            if (level) {
                interrupts.release();
            }
        };
    }

    /** Puts the device behind MMIO registers instead of the PCI bus. */
    private VirtioMmio attachMmio() {
        VirtioMmio mmio = new VirtioMmio(device, line());
        registers = VirtioRegisters.mmio(mmio);
        window = mmio;
        return mmio;
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

    @ParameterizedTest
    @ValueSource(
            longs = {
                0,
                VirtioFeatures.INDIRECT_DESCRIPTORS,
                VirtioFeatures.EVENT_INDEX,
                VirtioFeatures.PACKED_RING,
                VirtioFeatures.PACKED_RING | VirtioFeatures.EVENT_INDEX,
                VirtioFeatures.PACKED_RING | VirtioFeatures.INDIRECT_DESCRIPTORS
            })
    void requests_overMmio_comeBack(long features) throws Exception {
        VirtioMmio mmio = attachMmio();
        exchange(features);
        assertThat(registers.takeInterrupts()).isEqualTo(1);
        assertThat(registers.takeInterrupts()).isZero();
        registers.reset();
        assertThat(mmio.state().interruptStatus()).isZero();
    }

    @Test
    void restore_afterUseOverMmio_givesTheSavedState() throws Exception {
        VirtioMmio mmio = attachMmio();
        exchange(0);
        Object saved = state(device);
        VirtioMmioState bus = mmio.state();
        registers.reset();
        assertThat(mmio.state()).isNotEqualTo(bus);
        restore(device, saved);
        mmio.restore(bus);
        assertThat(state(device)).isEqualTo(saved);
        assertThat(mmio.state()).isEqualTo(bus);
        device.resume();
        int id = queues[requestQueue()].add(request());
        registers.notifyQueue(requestQueue());
        assertThat(await(requestQueue()).id()).isEqualTo(id);
    }

    /** One request, and the causes of interrupts it brought once the queue is idle again. */
    private long oneRequest() throws InterruptedException {
        int id = queues[requestQueue()].add(request());
        registers.notifyQueue(requestQueue());
        assertThat(await(requestQueue()).id()).isEqualTo(id);
        device.atRest(() -> id);
        return registers.takeInterrupts();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void eventIndex_splitRing_interruptsAndNotificationsComeWhenAskedFor(boolean overMmio)
            throws Exception {
        if (overMmio) {
            VirtioMmio ignored = attachMmio();
        }
        start(VirtioFeatures.EVENT_INDEX);
        assertThat(oneRequest()).isEqualTo(1);
        memory.write16(queues[requestQueue()].driver() + 4 + 2L * QUEUE, 3);
        assertThat(oneRequest()).isZero();
        assertThat(oneRequest()).isZero();
        assertThat(oneRequest()).isEqualTo(1);
        assertThat(oneRequest()).isZero();
        assertThat(memory.read16(queues[requestQueue()].device() + 4 + 8L * QUEUE)).isEqualTo(5);
    }

    @Test
    void eventSuppression_packedRing_interruptsComeWhenAskedFor() throws Exception {
        start(VirtioFeatures.PACKED_RING | VirtioFeatures.EVENT_INDEX);
        assertThat(oneRequest()).isEqualTo(1);
        memory.write16(queues[requestQueue()].driver() + 2, 1); // off
        assertThat(oneRequest()).isZero();
        memory.write16(queues[requestQueue()].driver() + 2, 0); // on
        assertThat(oneRequest()).isEqualTo(1);
        int perRequest = request().size();
        int later = 4 * perRequest; // the fifth request's first descriptor, in the first round
        memory.write16(queues[requestQueue()].driver(), later | 1 << 15);
        memory.write16(queues[requestQueue()].driver() + 2, 2); // at that descriptor
        assertThat(oneRequest()).isZero();
        assertThat(oneRequest()).isEqualTo(1);
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

    /** Every way to break the rules, over both transports and both rings. */
    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    @Timeout(3600)
    void hostileDriver_neverHarmsTheHost(boolean overMmio, boolean packed) throws Exception {
        String name =
                "%s over %s, %s ring"
                        .formatted(
                                getClass().getSimpleName(),
                                overMmio ? "MMIO" : "PCI",
                                packed ? "packed" : "split");
        if (overMmio) {
            VirtioMmio ignored = attachMmio();
        }
        Random random = new Random(Seeds.seed(name));
        int cases = Seeds.all() ? 1_000_000 : 5_000;
        long started = System.nanoTime();
        int resets = 0;
        for (int n = 0; n < cases; n++) {
            if (n % 50 == 0 || registers.status() != 15 && random.nextInt(3) == 0) {
                resets++;
                registers.reset();
                if (random.nextInt(8) == 0) {
                    registers.notifyQueue(random.nextInt(4)); // before anything is agreed
                }
                long features = random.nextLong() & 0x1_3fff_ffffL;
                start(features | (packed ? VirtioFeatures.PACKED_RING : 0));
            }
            step(random, overMmio);
            if (random.nextInt(4) == 0) {
                LockSupport.parkNanos(20_000); // or the device sees little of what was done
            }
        }
        registers.reset();
        long millis = (System.nanoTime() - started) / 1_000_000;
        System.out.printf(
                "%s: %d cases, %d resets, %d errors noticed, %d ms%n",
                name, cases, resets, device.errors(), millis);
        exchange(packed ? VirtioFeatures.PACKED_RING : 0);
    }

    private void step(Random random, boolean overMmio) throws InterruptedException {
        int q = random.nextInt(queues.length);
        int bytes = 1 << random.nextInt(4);
        switch (random.nextInt(16)) {
            case 0 -> queues[q].poke(random.nextInt(600), random.nextInt());
            case 1 ->
                    window.write(
                            overMmio ? 4 * random.nextInt(64) : random.nextInt(64),
                            overMmio && random.nextInt(4) != 0 ? 4 : bytes,
                            random.nextLong());
            case 2 ->
                    window.write(
                            (overMmio ? 0x100 : 0x2000) + random.nextInt(80),
                            bytes,
                            random.nextLong());
            case 3 -> {
                long ignored = window.read(random.nextInt(overMmio ? 0x1000 : 0x4000), bytes);
            }
            case 12 -> {
                // A loop, through all descriptors or one.
                int at = random.nextInt(QUEUE);
                memory.write16(queues[q].descriptors() + 16L * at + 12, 1 | random.nextInt(4));
                memory.write16(queues[q].descriptors() + 16L * at + 14, random.nextInt(at + 1));
                registers.notifyQueue(q);
            }
            case 13 -> {
                // The driver's index jumps.
                memory.write16(queues[q].driver() + 2, random.nextInt());
                registers.notifyQueue(q);
            }
            case 14 -> {
                // Another negotiation in the middle.
                registers.features(random.nextLong());
                registers.status(random.nextBoolean() ? 11 : 15);
            }
            case 15 -> {
                // A reset, of all or one queue, with the request in flight.
                int ignored = queues[q].add(request());
                registers.notifyQueue(q);
                if (random.nextBoolean()) {
                    registers.resetQueue(q);
                } else {
                    registers.status(0);
                    registers.notifyQueue(q);
                }
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
