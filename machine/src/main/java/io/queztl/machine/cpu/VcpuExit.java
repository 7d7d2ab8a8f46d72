package io.queztl.machine.cpu;

/** Why {@link Vcpu#run()} came back. Device accesses do not exit: the accelerator calls the bus. */
public sealed interface VcpuExit {
    /** {@link Vcpu#kick()} was called. */
    record Kicked() implements VcpuExit {}

    /** HLT, or waiting for SIPI: nothing to run until {@link Vcpu#hasWork()}. */
    record Halted() implements VcpuExit {}

    /** Triple fault (SDM volume 3, 6.15 "Double Fault"): a PC resets. */
    record Shutdown(String reason) implements VcpuExit {}

    /** A breakpoint of the debugger or the end of a single step. */
    record Debug() implements VcpuExit {}

    /** The accelerator cannot go on; the VM must stop. */
    record Failure(String reason) implements VcpuExit {}
}
