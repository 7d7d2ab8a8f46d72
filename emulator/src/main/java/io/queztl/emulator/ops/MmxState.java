package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.X87;

/** How MMX instructions share the x87 registers (SDM volume 3, chapter 14). */
public final class MmxState {
    private static final long EMULATION = 1 << 2, TASK_SWITCHED = 1 << 3;

    private MmxState() {}

    /** Throws #UD or #NM if CR0 asks for it, or #MF if an x87 exception is pending. */
    public static void check(Cpu c) {
        if ((c.cr0 & (EMULATION | TASK_SWITCHED)) != 0) {
            throw (c.cr0 & EMULATION) != 0 ? c.ud() : c.nm();
        }
        X87Stack.raisePending(c, c.x87);
    }

    /** Makes all registers valid and TOP 0; to be called once the instruction cannot fault. */
    public static void enter(Cpu c) {
        X87 x = c.x87;
        x.top = 0;
        x.empty = 0;
    }

    /** Reads an MMX register. */
    public static long get(Cpu c, int register) {
        return c.x87.significand[register];
    }

    /** Enters MMX state and writes a register: sign and exponent become all ones. */
    public static void set(Cpu c, int register, long value) {
        enter(c);
        c.x87.significand[register] = value;
        c.x87.signExponent[register] = 0xffff;
    }
}
