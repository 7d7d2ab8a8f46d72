package io.queztl.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.machine.cpu.VcpuExit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SpinWaitTest {
    /** again: pause; cmp byte [6000], 0; je again; hlt. */
    private static final String SPIN = "f3 90 80 3e 00 60 00 74 f7 f4";

    /** again: pause; mov cx, 1000; dec cx; jnz -1; cmp byte [6000], 0; je again; hlt. */
    private static final String WORK = "f3 90 b9 e8 03 49 75 fd 80 3e 00 60 00 74 f1 f4";

    private static final int MILLIS = 1000;

    /** Instructions that a vCPU executes in a second until it is told to end. */
    private static long instructions(int vcpus, String code) throws Exception {
        try (TestVcpus vm = new TestVcpus(vcpus)) {
            vm.code(0, 0x1000, code);
            SoftwareVcpu vcpu = vm.vcpus.getFirst();
            CompletableFuture<VcpuExit> exit = CompletableFuture.supplyAsync(vcpu::run);
            TimeUnit.MILLISECONDS.sleep(MILLIS);
            vm.memory.write8(0x6000, 1);
            assertThat(exit.get()).isInstanceOf(VcpuExit.Halted.class);
            return vcpu.instructions();
        }
    }

    @Test
    void spinning_beyondAWhile_sleeps() throws Exception {
        // 32 rounds of three instructions for each 50 µs of sleep.
        assertThat(instructions(2, SPIN)).isLessThan(MILLIS * 20L * 3 * 32 + 10_000);
    }

    @Test
    void pause_betweenWork_doesNotSleep() throws Exception {
        assertThat(instructions(2, WORK)).isGreaterThan(MILLIS * 20L * 3 * 32 + 10_000);
    }

    @Test
    void kick_endsASpinningVcpu() throws Exception {
        try (TestVcpus vm = new TestVcpus(2)) {
            vm.code(0, 0x1000, SPIN);
            SoftwareVcpu vcpu = vm.vcpus.getFirst();
            for (int k = 0; k < 100; k++) {
                CompletableFuture<VcpuExit> exit = CompletableFuture.supplyAsync(vcpu::run);
                TimeUnit.MILLISECONDS.sleep(1);
                vcpu.kick();
                assertThat(exit.get()).isInstanceOf(VcpuExit.Kicked.class);
            }
        }
    }

    @Test
    void section_doesNotWaitForASleeper() throws Exception {
        try (TestVcpus vm = new TestVcpus(2)) {
            vm.code(0, 0x1000, SPIN);
            CompletableFuture<VcpuExit> exit =
                    CompletableFuture.supplyAsync(vm.vcpus.getFirst()::run);
            // mov cx, 5000; again: lock inc dword [3ffe]; loop again; mov byte [6000], 1; hlt
            vm.code(1, 0x2000, "b9 88 13 f0 66 ff 06 fe 3f e2 f8 c6 06 00 60 01 f4");
            assertThat(vm.vcpus.get(1).run()).isInstanceOf(VcpuExit.Halted.class);
            assertThat(exit.get()).isInstanceOf(VcpuExit.Halted.class);
            assertThat(vm.memory.read16(0x3ffe)).isEqualTo(5000);
            assertThat(vm.cpus.get(1).r[Cpu.RCX]).isZero();
        }
    }
}
