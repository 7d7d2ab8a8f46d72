package io.queztl.devices.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.SecondStage;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class VirtioBalloonTest extends VirtioDeviceContract {
    private static final long ALL = 0xff_ffffL;
    private static final int PAGE = 4096;
    private static final long FREE = 3L << 20;

    @Override
    protected VirtioDevice create(GuestMemory ram) {
        return new VirtioBalloon("balloon", ram);
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((VirtioBalloon) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((VirtioBalloon) d).restore((VirtioBalloonState) state);
    }

    /** Pages behind everything else. */
    @Override
    protected List<Buffer> request() {
        for (int i = 0; i < 4; i++) {
            memory.write32(DATA + 4 * i, (int) (FREE / PAGE) + i % 3);
        }
        return List.of(new Buffer(DATA, 12, false), new Buffer(DATA + 12, 4, false));
    }

    private VirtioBalloon balloon() {
        return (VirtioBalloon) device;
    }

    private void run(int queue, List<Buffer> chain) throws Exception {
        int id = queues[queue].add(chain);
        registers.notifyQueue(queue);
        assertThat(await(queue).id()).isEqualTo(id);
    }

    @Test
    void inflatedPages_readAsZero_othersStay() throws Exception {
        start(ALL);
        memory.fill(FREE, 8 * PAGE, (byte) 7);
        int first = (int) (FREE / PAGE);
        int[] numbers = {first + 5, first + 1, first + 2, first + 2, -1, 1 << 24, first + 4};
        for (int i = 0; i < numbers.length; i++) {
            memory.write32(DATA + 4 * i, numbers[i]);
        }
        run(0, List.of(new Buffer(DATA, 4 * numbers.length, false)));
        for (int i = 0; i < 8; i++) {
            int expected = List.of(1, 2, 4, 5).contains(i) ? 0 : 7;
            assertThat(memory.read8(FREE + i * PAGE)).as("page %d", i).isEqualTo(expected);
            assertThat(memory.read8(FREE + i * PAGE + PAGE - 1)).isEqualTo(expected);
        }
        assertThat(balloon().errors()).isPositive();
        memory.write8(FREE + PAGE, 9);
        assertThat(memory.read8(FREE + PAGE)).isEqualTo(9);
    }

    /** Memory of shared mappings that this process takes, in KiB. */
    private static long shared() throws Exception {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("RssShmem:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void discardedMemory_isTheHostsAgain() throws Exception {
        try (GuestMemory ram = new GuestMemory(64 << 20)) {
            ram.fill(0, 64 << 20, (byte) 1);
            long full = shared();
            ram.discard(8 << 20, 48 << 20);
            assertThat(shared()).isLessThan(full - (47 << 10));
            assertThat(ram.read8((8 << 20) - 1)).isEqualTo(1);
            assertThat(ram.read64(8 << 20)).isZero();
            assertThat(ram.read8(56 << 20)).isEqualTo(1);
        }
    }

    @Test
    void codeOfInflatedPages_isForgotten() throws Exception {
        start(ALL);
        List<Long> written = new ArrayList<>();
        memory.codeWatcher(page -> {
            synchronized (written) {
                boolean ignored = written.add(page);
            }
        });
        memory.secondStage().set(FREE + PAGE, SecondStage.CODE);
        run(0, request());
        synchronized (written) {
            assertThat(written).containsOnly(FREE + PAGE);
        }
    }

    @Test
    void reportedPages_readAsZero() throws Exception {
        start(ALL);
        memory.fill(FREE, 4 * PAGE, (byte) 7);
        run(4, List.of(new Buffer(FREE + 100, 2 * PAGE, true)));
        assertThat(memory.read8(FREE)).isEqualTo(7);
        assertThat(memory.read8(FREE + PAGE)).isZero();
        assertThat(memory.read8(FREE + 2 * PAGE)).isEqualTo(7);
        run(1, request());
        run(3, request());
        assertThat(memory.read8(FREE)).isEqualTo(7);
    }

    @Test
    void reports_ofADriverThatCountsItsQueues_areTaken() throws Exception {
        start(BalloonLayout.F_STATISTICS | BalloonLayout.F_REPORTS);
        memory.fill(FREE, PAGE, (byte) 7);
        run(3, List.of(new Buffer(FREE, PAGE, true)));
        assertThat(memory.read8(FREE)).isZero();
    }

    @Test
    void target_isToldAndActualIsHeard() throws Exception {
        start(ALL);
        balloon().target(3 * PAGE + 1);
        assertThat(interrupts.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
        assertThat(registers.config(0, 4)).isEqualTo(3);
        pci.write(0x2004, 4, 2);
        assertThat(balloon().actual()).isEqualTo(2 * PAGE);
        assertThat(balloon().target()).isEqualTo(3 * PAGE);
        balloon().target(Long.MAX_VALUE);
        assertThat(balloon().target()).isEqualTo(RAM);
    }

    private @Nullable BalloonStatistics ask() {
        try {
            return balloon().statistics(20_000);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void statistics_areAskedForAndRead() throws Exception {
        start(ALL);
        assertThat(balloon().statistics(10)).isNull();
        long[][] values = {{4, 1000}, {5, 2000}, {77, 1}, {2, 5}};
        int id = statistics(values);
        values[0][1] = 1500;
        CompletableFuture<BalloonStatistics> answer = CompletableFuture.supplyAsync(this::ask);
        // The one that asked in vain, and this one, may need a buffer each.
        while (!answer.isDone()) {
            assertThat(await(2).id()).isEqualTo(id);
            id = statistics(values);
            Thread.sleep(50);
        }
        assertThat(answer.get())
                .isEqualTo(new BalloonStatistics(-1, -1, 5, -1, 1500, 2000, -1, -1));
    }

    private int statistics(long[][] values) {
        for (int i = 0; i < values.length; i++) {
            memory.write16(DATA + 0x1000 + 10 * i, (int) values[i][0]);
            memory.write64(DATA + 0x1000 + 10 * i + 2, values[i][1]);
        }
        int id = queues[2].add(List.of(new Buffer(DATA + 0x1000, 10 * values.length, false)));
        registers.notifyQueue(2);
        return id;
    }
}
