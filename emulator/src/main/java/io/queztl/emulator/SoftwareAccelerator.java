package io.queztl.emulator;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.ops.Reset;
import io.queztl.emulator.sight.Sight;
import io.queztl.machine.cpu.Accelerator;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VmParameters;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The accelerator that needs nothing but a JVM: a CPU in Java. */
public final class SoftwareAccelerator implements Accelerator {
    /** Which translated code is also interpreted, to compare the two. */
    public enum Check {
        /** None. */
        NONE,

        /** The first entries of every region, and some of the later ones. */
        SAMPLES,

        /** All. */
        ALL
    }

    private final ExecutionMode mode;
    private final Check check;
    private final Sight sight;
    private volatile @Nullable SoftwareVcpu checked;

    /** Runs guest code as {@link ExecutionMode#byDefault} says. */
    public SoftwareAccelerator() {
        this(ExecutionMode.byDefault(), Check.NONE);
    }

    /** Runs guest code in a given mode. */
    public SoftwareAccelerator(ExecutionMode mode) {
        this(mode, Check.NONE);
    }

    /** Runs guest code in a given mode, and has its translated code checked. */
    public SoftwareAccelerator(ExecutionMode mode, Check check) {
        this(mode, check, new Sight());
    }

    /** As the other constructors; {@code sight} shows the one VM that is made. */
    public SoftwareAccelerator(ExecutionMode mode, Check check, Sight sight) {
        this.sight = sight;
        this.mode = mode;
        this.check = check;
    }

    /** One line of what was compared so far, or null if nothing is. */
    public @Nullable String checked() {
        SoftwareVcpu v = checked;
        return v == null ? null : v.interpreter().checked();
    }

    /** What translated code does otherwise than the interpreter, several lines, or null. */
    public @Nullable String difference() {
        SoftwareVcpu v = checked;
        return v == null ? null : v.interpreter().difference();
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
        if (check != Check.NONE && count != 1) {
            throw new IllegalArgumentException("only a VM with one vCPU can be checked");
        }
        Shared shared = new Shared(p.memory(), p.mmio(), count, mode, sight);
        List<SoftwareVcpu> vcpus = new ArrayList<>();
        for (int k = 0; k < count; k++) {
            Cpu cpu = new Cpu(k, shared, p.ports(), p.interrupts().get(k), p.clock(), model);
            shared.exclusive.register(cpu);
            sight.add(cpu);
            Reset.powerOn(cpu);
            cpu.waitForSipi = k != 0;
            SoftwareVcpu vcpu = new SoftwareVcpu(cpu);
            if (check != Check.NONE) {
                vcpu.interpreter().check(check == Check.ALL);
                checked = vcpu;
            }
            vcpus.add(vcpu);
        }
        return vcpus;
    }
}
