package io.queztl.vmm.builder;

/** How the life of a VM ended. */
public sealed interface Outcome {
    /** The guest switched itself off: ACPI S5. */
    record PoweredOff() implements Outcome {}

    /** The guest asked for a reset: a reboot, or a kernel panic with {@code panic=-1}. */
    record Reset() implements Outcome {}

    /** The guest's kernel has panicked and has said so by pvpanic. */
    record Panicked() implements Outcome {}

    /** The guest did not pat its watchdog, which is to reset it. */
    record WatchdogExpired() implements Outcome {}

    /**
     * The guest could not go on: a triple fault.
     *
     * @param reason what happened, on which vCPU
     */
    record Crashed(String reason) implements Outcome {}

    /**
     * The guest wrote {@code v} to isa-debug-exit.
     *
     * @param status {@code (v << 1) | 1}, of which a process keeps the low eight bits
     */
    record DebugExit(int status) implements Outcome {}

    /** The VMM was told to stop the VM. */
    record Stopped() implements Outcome {}

    /**
     * The VMM itself cannot go on: an error in Queztl.
     *
     * @param reason what happened, for a bug report
     */
    record Failed(String reason) implements Outcome {}
}
