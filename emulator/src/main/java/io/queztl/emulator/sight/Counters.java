package io.queztl.emulator.sight;

/**
 * What one vCPU has done so far. Plain fields that its thread alone writes, on slow paths; whoever
 * reads them while it runs may see old values.
 */
public final class Counters {
    /** Instructions that the interpreter ran; all others were translated. */
    public long interpreted;

    /** Basic blocks decoded to be kept. */
    public long decodedBlocks;

    /** Instructions in them. */
    public long decodedInstructions;

    /** TLB entries made for loads (index 0) and stores (1); each is a page walk. */
    public final long[] fills = new long[2];

    /** TLB entries made for instruction fetches. */
    public long fetchFills;

    /** Exceptions by vector, the nested ones not counted. */
    public final long[] faults = new long[32];

    /** External interrupts. */
    public long interrupts;

    /** NMIs. */
    public long nmis;

    /** Accesses to I/O ports. */
    public long ports;

    /** Accesses to memory-mapped devices, the local APIC among them. */
    public long devices;

    /** Times that the vCPU's thread left guest code, by {@link Exit}. */
    public final long[] exits = new long[Exit.values().length];

    /** Why a vCPU's thread left guest code. */
    public enum Exit {
        /** Another thread asked for it. */
        KICKED,
        /** HLT, or the wait for SIPI. */
        HALTED,
        /** Triple fault. */
        SHUTDOWN,
        /** Breakpoint or single step. */
        DEBUG,
        /** The CPU could not go on. */
        FAILURE
    }

    /** Counts an exception. */
    public void fault(int vector) {
        faults[vector & 31]++;
    }
}
