package io.queztl.machine.cpu;

import java.util.List;

/** A way to run guest CPUs. */
public interface Accelerator {
    /** Its name on the command line, such as {@code software}. */
    String name();

    /** The CPU models it can present, oldest first. */
    List<String> cpuModels();

    /**
     * Makes the CPUs of a VM, in their state after power-on: vCPU 0 at the reset vector, the others
     * waiting for SIPI.
     *
     * @throws IllegalArgumentException for a CPU model that is not in {@link #cpuModels}
     */
    List<? extends Vcpu> createVcpus(VmParameters parameters);
}
