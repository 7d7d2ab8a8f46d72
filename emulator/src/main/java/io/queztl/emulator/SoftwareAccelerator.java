package io.queztl.emulator;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.ops.Reset;
import io.queztl.machine.cpu.Accelerator;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VmParameters;
import java.util.ArrayList;
import java.util.List;

/** The accelerator that needs nothing but a JVM: a CPU in Java. */
public final class SoftwareAccelerator implements Accelerator {
    private final ExecutionMode mode;

    /** Runs guest code as {@link ExecutionMode#byDefault} says. */
    public SoftwareAccelerator() {
        this(ExecutionMode.byDefault());
    }

    /** Runs guest code in a given mode. */
    public SoftwareAccelerator(ExecutionMode mode) {
        this.mode = mode;
    }

    @Override
    public String name() {
        return "software";
    }

    @Override
    public List<String> cpuModels() {
        return CpuModel.names();
    }

    @Override
    public List<? extends Vcpu> createVcpus(VmParameters p) {
        CpuModel model = CpuModel.named(p.cpuModel());
        int count = p.interrupts().size();
        Shared shared = new Shared(p.memory(), p.mmio(), count, mode);
        List<SoftwareVcpu> vcpus = new ArrayList<>();
        for (int k = 0; k < count; k++) {
            Cpu cpu = new Cpu(k, shared, p.ports(), p.interrupts().get(k), p.clock(), model);
            shared.exclusive.register(cpu);
            Reset.powerOn(cpu);
            cpu.waitForSipi = k != 0;
            vcpus.add(new SoftwareVcpu(cpu));
        }
        return vcpus;
    }
}
