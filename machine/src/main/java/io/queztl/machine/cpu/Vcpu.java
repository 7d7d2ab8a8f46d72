package io.queztl.machine.cpu;

/**
 * One virtual processor. {@link #run}, the state methods and the debugger's methods are called by
 * its own thread, or by another while it does not run; {@link #kick} and {@link VcpuSignals} by any
 * thread.
 */
public interface Vcpu extends VcpuSignals {
    /** 0 for the bootstrap processor. */
    int index();

    /** Runs guest code until something needs the caller. */
    VcpuExit run();

    /** Makes a running or the next {@link #run} return {@link VcpuExit.Kicked} soon. */
    void kick();

    /**
     * False if {@link #run} would only return {@link VcpuExit.Halted} again. When this changes by
     * what another vCPU does, the thread that called {@link #run} last is unparked.
     */
    boolean hasWork();

    /** A copy of the whole architectural state. */
    CpuState state();

    /** Replaces the whole architectural state. */
    void restore(CpuState state);

    /** Guest instructions executed so far; a repeated string instruction counts as one. */
    long instructions();

    /**
     * Translates a guest-linear address as a supervisor data read would, without side effects.
     *
     * @return the guest-physical address, or -1 if it is not mapped
     */
    long translate(long linear);

    /** Replaces the debugger's breakpoints (linear addresses). */
    void breakpoints(long[] addresses);

    /** If set, {@link #run} returns {@link VcpuExit.Debug} after one instruction. */
    void singleStep(boolean on);
}
