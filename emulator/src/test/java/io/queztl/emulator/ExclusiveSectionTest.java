package io.queztl.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.ExclusiveSection;
import io.queztl.machine.cpu.VcpuExit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** More vCPUs than the host has CPUs; a lost wake-up ends in the time limit. */
@Timeout(120)
class ExclusiveSectionTest {
    private static final int VCPUS = 16;
    private static final int STEPS = 20_000;

    /** What the sections guard, without any other protection. */
    private long guarded;

    private static void inParallel(List<Callable<Long>> all) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(all.size())) {
            for (Future<Long> done : threads.invokeAll(all)) {
                assertThat(done.get()).isNotNegative();
            }
        }
    }

    @Test
    void sections_ofManyVcpus_areAlone() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        try (TestVcpus vm = new TestVcpus(VCPUS)) {
            AtomicIntegerArray running = new AtomicIntegerArray(VCPUS);
            List<Callable<Long>> all = new ArrayList<>();
            for (Cpu cpu : vm.cpus) {
                Random random = new Random(seed + cpu.index);
                all.add(() -> steps(cpu, running, random));
            }
            guarded = 0;
            inParallel(all);
            assertThat(guarded).isEqualTo((long) VCPUS * STEPS / 4);
        }
    }

    /** A vCPU that runs, stands still as asked, halts, or has a section in each fourth step. */
    private long steps(Cpu cpu, AtomicIntegerArray running, Random random) {
        ExclusiveSection exclusive = cpu.shared.exclusive;
        exclusive.enter(cpu);
        running.set(cpu.index, 1);
        for (int k = 0; k < STEPS; k++) {
            if ((cpu.attention & Cpu.ATTENTION_EXCLUSIVE) != 0) {
                running.set(cpu.index, 0);
                exclusive.pause(cpu);
                running.set(cpu.index, 1);
            }
            if (k % 4 == 0) {
                running.set(cpu.index, 0);
                section(cpu, running, random.nextInt(8) == 0);
                running.set(cpu.index, 1);
            } else if (random.nextInt(64) == 0) {
                running.set(cpu.index, 0);
                exclusive.leave(cpu);
                LockSupport.parkNanos(random.nextInt(20_000));
                exclusive.enter(cpu);
                running.set(cpu.index, 1);
            }
        }
        running.set(cpu.index, 0);
        exclusive.leave(cpu);
        return 0;
    }

    private void section(Cpu cpu, AtomicIntegerArray running, boolean nested) {
        ExclusiveSection exclusive = cpu.shared.exclusive;
        exclusive.begin(cpu);
        try {
            if (nested) {
                exclusive.begin(cpu);
                exclusive.end(cpu);
            }
            for (int k = 0; k < VCPUS; k++) {
                if (running.get(k) != 0) {
                    throw new AssertionError("vCPU " + k + " runs in a section of " + cpu.index);
                }
            }
            guarded++;
        } finally {
            exclusive.end(cpu);
        }
    }

    @Test
    void splitLocks_ofManyVcpus_loseNothing() throws Exception {
        int count = 3000;
        try (TestVcpus vm = new TestVcpus(VCPUS)) {
            for (int k = 0; k < VCPUS; k++) {
                // mov cx, count
                // again: lock inc dword [3ffe]   across 8 bytes, a cache line and a page
                //        lock inc word [5000]    by compare-and-set
                //        lock xadd [3ff5], eax   across 8 bytes
                //        loop again; hlt
                vm.code(
                        k,
                        0x1000 + k * 0x100,
                        "b9 %02x %02x f0 66 ff 06 fe 3f f0 ff 06 00 50 66 b8 01 00 00 00 "
                                        .formatted(count & 0xff, count >> 8)
                                + "f0 66 0f c1 06 f5 3f e2 e6 f4");
            }
            List<Callable<Long>> all = new ArrayList<>();
            for (SoftwareVcpu vcpu : vm.vcpus) {
                all.add(() -> {
                    assertThat(vcpu.run()).isInstanceOf(VcpuExit.Halted.class);
                    return 0L;
                });
            }
            inParallel(all);
            assertThat(vm.memory.read16(0x3ffe)).isEqualTo(VCPUS * count & 0xffff);
            assertThat(vm.memory.read32(0x3ff5)).isEqualTo(VCPUS * count);
            assertThat(vm.memory.read16(0x5000)).isEqualTo(VCPUS * count & 0xffff);
        }
    }
}
