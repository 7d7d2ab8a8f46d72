package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/** The time stamp counter: 1 GHz, the VM's clock in nanoseconds plus an offset. */
public final class TimeStamp {
    private static final int TSD = 1 << 2;

    private TimeStamp() {}

    /** The counter now. */
    public static long read(Cpu c) {
        return c.clock.nanos() + c.msrs.tscOffset;
    }

    private static void result(Cpu c, long value) {
        c.r[Cpu.RAX] = value & 0xffff_ffffL;
        c.r[Cpu.RDX] = value >>> 32;
    }

    private static void check(Cpu c) {
        if ((c.cr4 & TSD) != 0 && c.cpl > 0) {
            throw c.gp(0);
        }
    }

    /** RDTSC. */
    public static void rdtsc(Cpu c, Insn i) {
        check(c);
        result(c, read(c));
    }

    /** RDTSCP. */
    public static void rdtscp(Cpu c, Insn i) {
        check(c);
        result(c, read(c));
        c.r[Cpu.RCX] = c.msrs.tscAux & 0xffff_ffffL;
    }

    /** RDPID. */
    public static void rdpid(Cpu c, Insn i) {
        c.reg(i.rm, c.mode64 ? 8 : 4, c.msrs.tscAux & 0xffff_ffffL);
    }

    /** RDPMC: there are no performance counters. */
    public static void rdpmc(Cpu c, Insn i) {
        throw c.gp(0);
    }
}
