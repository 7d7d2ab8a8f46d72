package io.queztl.devices.irq;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.machine.cpu.VcpuSignals;
import io.queztl.machine.time.TimerThread;
import io.queztl.machine.time.VmClock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Processors on threads of their own that send each other interrupts: none may be lost. */
class ApicStressTest {
    private static final int CPUS = 4;
    private static final int ROUNDS = 3_000;

    private static final class Cpu implements VcpuSignals {
        final Semaphore wake = new Semaphore(0);

        @Override
        public void interruptChanged() {
            wake.release();
        }

        @Override
        public void nmi() {}

        @Override
        public void initSignal() {}

        @Override
        public void startup(int vector) {}
    }

    @Test
    @Timeout(60)
    void interProcessorInterrupts_betweenThreads_areNeverLost() throws Exception {
        try (TimerThread timers = new TimerThread(new VmClock())) {
            ApicSystem system = new ApicSystem(CPUS, timers);
            List<Thread> threads = new ArrayList<>();
            AtomicInteger lost = new AtomicInteger();
            for (int i = 0; i < CPUS; i++) {
                system.localApics().get(i).writeRegister(0xf0, 4, 0x1ff);
            }
            Cpu[] cpus = new Cpu[CPUS];
            for (int i = 0; i < CPUS; i++) {
                cpus[i] = new Cpu();
                system.attach(i, cpus[i]);
            }
            // A token goes round the ring; each processor passes it on by an interrupt.
            for (int i = 0; i < CPUS; i++) {
                int self = i;
                threads.add(Thread.ofPlatform().start(() -> pass(system, cpus[self], self, lost)));
            }
            system.send(0xfee0_0000L, 0x41);
            for (Thread t : threads) {
                t.join();
            }
            assertThat(lost).hasValue(0);
        }
    }

    private static void pass(ApicSystem system, Cpu cpu, int self, AtomicInteger lost) {
        LocalApic apic = system.localApics().get(self);
        try {
            for (int round = 0; round < ROUNDS; round++) {
                while (!apic.pending()) {
                    if (!cpu.wake.tryAcquire(5, TimeUnit.SECONDS)) {
                        lost.incrementAndGet();
                        return;
                    }
                }
                int vector = apic.acknowledge();
                if (vector != 0x41) {
                    lost.incrementAndGet();
                    return;
                }
                apic.writeRegister(0xb0, 4, 0);
                apic.writeRegister(0x310, 4, (self + 1L) % CPUS << 24);
                apic.writeRegister(0x300, 4, 0x41);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
