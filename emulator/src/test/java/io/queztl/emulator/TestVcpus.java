package io.queztl.emulator;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.ops.Reset;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.vector.QuietInterrupts;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Several vCPUs in real mode with all segments at 0, and the memory they share. */
final class TestVcpus implements AutoCloseable {
    final GuestMemory memory = new GuestMemory(1 << 20);
    final List<Cpu> cpus = new ArrayList<>();
    final List<SoftwareVcpu> vcpus = new ArrayList<>();

    TestVcpus(int count) {
        this(count, ExecutionMode.byDefault());
    }

    TestVcpus(int count, ExecutionMode mode) {
        Shared shared = new Shared(memory, new Bus(), count, mode);
        for (int k = 0; k < count; k++) {
            Cpu cpu =
                    new Cpu(
                            k,
                            shared,
                            new Bus(),
                            new QuietInterrupts(),
                            new VmClock(),
                            CpuModel.max());
            shared.exclusive.register(cpu);
            Reset.powerOn(cpu);
            cpu.waitForSipi = false;
            cpu.base[Cpu.CS] = 0;
            cpu.selector[Cpu.CS] = 0;
            cpu.updateMode();
            cpus.add(cpu);
            vcpus.add(new SoftwareVcpu(cpu));
        }
    }

    /** Puts machine code into memory and lets the vCPU begin there. */
    void code(int vcpu, int address, String hex) {
        memory.write(address, HexFormat.ofDelimiter(" ").parseHex(hex));
        cpus.get(vcpu).rip = address;
    }

    @Override
    public void close() {
        memory.close();
    }
}
