package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import java.util.Arrays;

/** The state after power-on, INIT and SIPI (SDM volume 3, table 10-1). */
public final class Reset {
    private Reset() {}

    /** Power-on: vCPU 0 starts at the reset vector, the others wait for SIPI. */
    public static void powerOn(Cpu c) {
        Arrays.fill(c.vec, 0);
        c.mxcsr = 0x1f80;
        Arrays.fill(c.x87.significand, 0);
        Arrays.fill(c.x87.signExponent, 0);
        c.x87.control = 0x40;
        c.x87.status = 0;
        c.x87.top = 0;
        c.x87.empty = 0;
        c.x87.lastOpcode = 0;
        c.x87.lastInstruction = 0;
        c.x87.lastInstructionSelector = 0;
        c.x87.lastData = 0;
        c.x87.lastDataSelector = 0;
        c.xcr0 = 1;
        c.pkru = 0;
        c.cr0 = 0x6000_0010;
        c.msrs.star = 0;
        c.msrs.lstar = 0;
        c.msrs.cstar = 0;
        c.msrs.fmask = 0;
        c.msrs.kernelGsBase = 0;
        c.msrs.tscAux = 0;
        c.msrs.sysenterCs = 0;
        c.msrs.sysenterEsp = 0;
        c.msrs.sysenterEip = 0;
        c.msrs.pat = 0x0007_0406_0007_0406L;
        c.msrs.tscOffset = 0;
        c.msrs.tscAdjust = 0;
        c.msrs.others.clear();
        MsrAccess.powerOn(c);
        core(c);
        c.waitForSipi = c.index != 0;
    }

    /** INIT: as power-on, but caches, FPU, vector registers and most MSRs keep their values. */
    public static void init(Cpu c) {
        c.cr0 = c.cr0 & 0x6000_0000 | 0x10;
        core(c);
        c.waitForSipi = c.index != 0;
    }

    private static void core(Cpu c) {
        Arrays.fill(c.r, 0);
        c.r[Cpu.RDX] = Cpuid.SIGNATURE;
        Flags.arithmetic(c, 0);
        c.systemFlags = 2;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            segment(c, s, 0, 0x93);
        }
        segment(c, Cpu.CS, 0xf000, 0x9b);
        c.base[Cpu.CS] = 0xffff_0000L;
        segment(c, Cpu.LDTR, 0, 0x82);
        segment(c, Cpu.TR, 0, 0x8b);
        c.gdtBase = 0;
        c.gdtLimit = 0xffff;
        c.idtBase = 0;
        c.idtLimit = 0xffff;
        c.cr2 = 0;
        c.cr3 = 0;
        c.cr4 = 0;
        c.efer = 0;
        Arrays.fill(c.dr, 0);
        c.dr[6] = 0xffff_0ff0L;
        c.dr[7] = 0x400;
        c.rip = 0xfff0;
        c.halted = false;
        c.unhalted = false;
        c.nmiBlocked = false;
        c.interruptShadow = false;
        c.debugShadow = false;
        c.pendingDebug = 0;
        c.updateMode();
        c.mem.flushAll();
    }

    private static void segment(Cpu c, int segment, int selector, int attributes) {
        c.selector[segment] = selector;
        c.base[segment] = (long) selector << 4;
        c.limit[segment] = 0xffff;
        c.attributes[segment] = attributes;
    }

    /** SIPI: starts a vCPU that waits for it, in real mode at {@code vector << 12}. */
    public static void startup(Cpu c, int vector) {
        c.selector[Cpu.CS] = (vector & 0xff) << 8;
        c.base[Cpu.CS] = (vector & 0xffL) << 12;
        c.rip = 0;
        c.waitForSipi = false;
        c.halted = false;
        c.updateMode();
    }
}
