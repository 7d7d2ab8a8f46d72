package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.SoftwareAccelerator;
import io.queztl.vmm.builder.Outcome;
import io.queztl.vmm.builder.VirtualMachine;
import io.queztl.vmm.builder.VmBuilder;
import io.queztl.vmm.config.VmConfig;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A machine that is paused and goes on. */
@Timeout(60)
class PauseTest {
    @TempDir Path folder;

    private VirtualMachine machine(TinyKernel kernel) throws Exception {
        VmConfig config =
                VmConfig.of(kernel.write(folder))
                        .withCpus(2)
                        .withMemory(4 << 20)
                        .withDebugExit(true);
        return new VmBuilder(config, new SoftwareAccelerator()).build();
    }

    @Test
    void pause_beforeStart_returnsAndStartRuns() throws Exception {
        try (VirtualMachine vm = machine(TinyKernel.POWER_OFF)) {
            vm.pause();
            vm.start();
            assertThat(vm.awaitExit()).isEqualTo(new Outcome.PoweredOff());
        }
    }

    @Test
    void pause_ofALoopingGuest_standsUntilResumed() throws Exception {
        try (VirtualMachine vm = machine(TinyKernel.LOOP)) {
            vm.start();
            vm.pause();
            long instructions = vm.vcpus().getFirst().call(v -> v.instructions()).get();
            TimeUnit.MILLISECONDS.sleep(50);
            assertThat(vm.vcpus().getFirst().call(v -> v.instructions()).get())
                    .isEqualTo(instructions);
            vm.resume();
            while (vm.vcpus().getFirst().call(v -> v.instructions()).get() == instructions) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
        }
    }
}
