package io.queztl.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.machine.cpu.VcpuExit;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HypercallTest {
    /** mov eax, 5; mov ecx, 1; vmmcall; hlt. */
    private static final String KICK = "66 b8 05 00 00 00 66 b9 01 00 00 00 0f 01 d9 f4";

    /** cli; hlt; inc bx; hlt. */
    private static final String WAIT = "fa f4 43 f4";

    private final TestVcpus vm = new TestVcpus(2);
    private final SoftwareVcpu kicker = vm.vcpus.get(0);
    private final SoftwareVcpu waiter = vm.vcpus.get(1);

    @AfterEach
    void end() {
        vm.close();
    }

    private long call(String hex) {
        vm.code(0, 0x1000, hex);
        assertThat(kicker.run()).isInstanceOf(VcpuExit.Halted.class);
        return vm.cpus.getFirst().r[Cpu.RAX];
    }

    @Test
    void kick_whileHalted_endsTheHaltOnce() {
        vm.code(1, 0x2000, WAIT);
        assertThat(waiter.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(waiter.hasWork()).isFalse();
        assertThat(call(KICK)).isZero();
        assertThat(waiter.hasWork()).isTrue();
        assertThat(waiter.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(vm.cpus.get(1).r[Cpu.RBX]).isEqualTo(1);
        assertThat(waiter.hasWork()).isFalse();
    }

    @Test
    void kick_beforeHalt_endsTheNextHalt() {
        vm.code(1, 0x2000, WAIT);
        assertThat(call(KICK)).isZero();
        assertThat(waiter.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(waiter.hasWork()).isTrue();
        assertThat(waiter.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(vm.cpus.get(1).r[Cpu.RBX]).isEqualTo(1);
    }

    @Test
    void kick_beforeHalt_survivesASnapshot() {
        vm.code(1, 0x2000, WAIT);
        assertThat(call(KICK)).isZero();
        waiter.restore(waiter.state());
        assertThat(waiter.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(waiter.hasWork()).isTrue();
        // In HLT, a pending kick is a vCPU that runs.
        assertThat(waiter.state().events().halted()).isFalse();
        waiter.restore(waiter.state());
        assertThat(waiter.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(vm.cpus.get(1).r[Cpu.RBX]).isEqualTo(1);
        assertThat(waiter.hasWork()).isFalse();
    }

    @Test
    void kick_wakesTheParkedThread() throws Exception {
        vm.code(1, 0x2000, WAIT);
        Thread thread =
                Thread.ofPlatform()
                        .start(() -> {
                            VcpuExit ignored = waiter.run();
                            while (!waiter.hasWork()) {
                                LockSupport.park(this);
                            }
                        });
        while (thread.getState() != Thread.State.WAITING) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        assertThat(call(KICK)).isZero();
        thread.join();
    }

    @Test
    void kick_ofAVcpuThatDoesNotExist_doesNothing() {
        assertThat(call("66 b8 05 00 00 00 66 b9 02 00 00 00 0f 01 d9 f4")).isZero();
        assertThat(call("66 b8 05 00 00 00 66 b9 ff ff ff ff 0f 01 d9 f4")).isZero();
        assertThat(vm.cpus.get(1).unhalted).isFalse();
    }

    @Test
    void unknownNumber_isNotImplemented() {
        assertThat(call("66 b8 63 00 00 00 0f 01 d9 f4")).isEqualTo(-1000 & 0xffff_ffffL);
        assertThat(call("66 b8 63 00 00 00 0f 01 c1 f4")).isEqualTo(-1000 & 0xffff_ffffL);
    }

    @Test
    void call_outsideTheKernel_isNotPermitted() {
        Cpu c = vm.cpus.getFirst();
        // cs and ss at DPL 3, flat
        c.cr0 |= 1;
        c.attributes[Cpu.CS] = 0xfb;
        c.attributes[Cpu.SS] = 0xf3;
        c.updateMode();
        vm.code(0, 0x1000, "66 b8 05 00 00 00 66 b9 01 00 00 00 0f 01 d9 f4");
        c.idtLimit = 0;
        // HLT faults and there is no IDT.
        assertThat(kicker.run()).isInstanceOf(VcpuExit.Shutdown.class);
        assertThat(c.r[Cpu.RAX]).isEqualTo(0xffff_ffffL);
        assertThat(vm.cpus.get(1).unhalted).isFalse();
    }
}
