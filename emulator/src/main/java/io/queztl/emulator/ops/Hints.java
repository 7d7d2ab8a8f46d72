package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import java.lang.invoke.VarHandle;

/** Hints, fences and cache control: what changes no register. */
public final class Hints {
    private Hints() {}

    /** NOP, prefetches, ENDBR: operands are not accessed. */
    public static void nop(Cpu c, Insn i) {}

    /** MFENCE. */
    public static void fence(Cpu c, Insn i) {
        VarHandle.fullFence();
    }

    /** LFENCE: loads are in order anyway; nothing runs ahead that it would have to hold back. */
    public static void loadFence(Cpu c, Insn i) {
        VarHandle.acquireFence();
    }

    /** SFENCE: stores are in order anyway, the weakly ordered ones too. */
    public static void storeFence(Cpu c, Insn i) {
        VarHandle.releaseFence();
    }

    /** CLFLUSH, CLFLUSHOPT, CLWB: there is no cache, but the address is checked as for a load. */
    public static void flushLine(Cpu c, Insn i) {
        c.mem.checkRead(Operands.address(c, i, 1, false), 1);
    }
}
