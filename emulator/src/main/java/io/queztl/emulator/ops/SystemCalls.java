package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;

/**
 * SYSCALL, SYSENTER and their returns, SWAPGS, the FS and GS base instructions, and software
 * interrupts (APM volume 3; SDM volume 2).
 */
public final class SystemCalls {
    private static final int CODE64 = 0xa09b, CODE32 = 0xc09b, DATA32 = 0xc093, DPL3 = 0x60;

    private static final int SYSCALL_ENABLE = 1;

    private SystemCalls() {}

    /** SYSCALL. */
    public static void syscall(Cpu c, Insn i) {
        if ((c.efer & SYSCALL_ENABLE) == 0 || (c.cr0 & 1) == 0) {
            throw c.ud();
        }
        int selector = (int) (c.msrs.star >>> 32) & 0xfffc;
        if (Segmentation.longMode(c)) {
            int flags = c.rflags() & ~Flags.RF;
            c.r[Cpu.RCX] = c.rip;
            c.r[11] = flags;
            long target = c.mode64 ? c.msrs.lstar : c.msrs.cstar;
            Descriptors.setFlat(c, Cpu.CS, selector, CODE64);
            Descriptors.setFlat(c, Cpu.SS, selector + 8, DATA32);
            c.rflags(flags & ~(int) c.msrs.fmask);
            c.rip = target;
        } else {
            c.r[Cpu.RCX] = c.rip & 0xffff_ffffL;
            Descriptors.setFlat(c, Cpu.CS, selector, CODE32);
            Descriptors.setFlat(c, Cpu.SS, selector + 8, DATA32);
            c.rflags(c.rflags() & ~(Flags.VM | Flags.IF | Flags.RF));
            c.rip = c.msrs.star & 0xffff_ffffL;
        }
        c.updateMode();
    }

    /** SYSRET; as AMD has it, a non-canonical RCX faults at the target, with CPL 3. */
    public static void sysret(Cpu c, Insn i) {
        if ((c.efer & SYSCALL_ENABLE) == 0 || !c.protectedMode) {
            throw c.ud();
        }
        ControlRegisters.requireSupervisor(c);
        int selector = (int) (c.msrs.star >>> 48) | 3;
        boolean to64 = i.operandSize == 8;
        int code = to64 ? CODE64 : CODE32;
        Descriptors.setFlat(c, Cpu.CS, to64 ? selector + 16 | 3 : selector, code | DPL3);
        Descriptors.setFlat(c, Cpu.SS, selector + 8 | 3, DATA32 | DPL3);
        c.rip = to64 ? c.r[Cpu.RCX] : c.r[Cpu.RCX] & 0xffff_ffffL;
        if (Segmentation.longMode(c)) {
            c.rflags((int) c.r[11] & 0x3c7fd7);
        } else {
            c.rflags(c.rflags() | Flags.IF);
        }
        c.updateMode();
    }

    /** SYSENTER; AMD CPUs have it in legacy mode only. */
    public static void sysenter(Cpu c, Insn i) {
        if (Segmentation.longMode(c)) {
            throw c.ud();
        }
        int selector = (int) c.msrs.sysenterCs & 0xfffc;
        if ((c.cr0 & 1) == 0 || selector == 0) {
            throw c.gp(0);
        }
        c.rflags(c.rflags() & ~(Flags.VM | Flags.IF | Flags.RF));
        Descriptors.setFlat(c, Cpu.CS, selector, CODE32);
        Descriptors.setFlat(c, Cpu.SS, selector + 8, DATA32);
        c.updateMode();
        c.r[Cpu.RSP] = c.msrs.sysenterEsp & 0xffff_ffffL;
        c.rip = c.msrs.sysenterEip & 0xffff_ffffL;
    }

    /** SYSEXIT. */
    public static void sysexit(Cpu c, Insn i) {
        if (Segmentation.longMode(c)) {
            throw c.ud();
        }
        int selector = (int) c.msrs.sysenterCs & 0xfffc;
        if (!c.protectedMode || c.cpl != 0 || selector == 0) {
            throw c.gp(0);
        }
        Descriptors.setFlat(c, Cpu.CS, selector + 16 | 3, CODE32 | DPL3);
        Descriptors.setFlat(c, Cpu.SS, selector + 24 | 3, DATA32 | DPL3);
        c.updateMode();
        c.r[Cpu.RSP] = c.r[Cpu.RCX] & 0xffff_ffffL;
        c.rip = c.r[Cpu.RDX] & 0xffff_ffffL;
    }

    /** SWAPGS. */
    public static void swapgs(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        long gs = c.base[Cpu.GS];
        setBase(c, Cpu.GS, c.msrs.kernelGsBase);
        c.msrs.kernelGsBase = gs;
    }

    /** Sets the base of FS or GS. */
    static void setBase(Cpu c, int segment, long base) {
        c.base[segment] = base;
        c.effectiveBase[segment] = base;
    }

    private static void checkFsGsBase(Cpu c) {
        if ((c.cr4 & 1 << 16) == 0) {
            throw c.ud();
        }
    }

    private static void readBase(Cpu c, Insn i, int segment) {
        checkFsGsBase(c);
        Operands.write(c, i, 1, c.base[segment]);
    }

    private static void writeBase(Cpu c, Insn i, int segment) {
        checkFsGsBase(c);
        long base = Operands.read(c, i, 1);
        if (!Segmentation.canonical(c, base)) {
            throw c.gp(0);
        }
        setBase(c, segment, base);
    }

    /** RDFSBASE. */
    public static void rdfsbase(Cpu c, Insn i) {
        readBase(c, i, Cpu.FS);
    }

    /** RDGSBASE. */
    public static void rdgsbase(Cpu c, Insn i) {
        readBase(c, i, Cpu.GS);
    }

    /** WRFSBASE. */
    public static void wrfsbase(Cpu c, Insn i) {
        writeBase(c, i, Cpu.FS);
    }

    /** WRGSBASE. */
    public static void wrgsbase(Cpu c, Insn i) {
        writeBase(c, i, Cpu.GS);
    }

    // --- software interrupts
    // --------------------------------------------------------------------------

    /** INT n. */
    public static void intN(Cpu c, Insn i) {
        int vector = (int) i.immediate & 0xff;
        if ((c.systemFlags & Flags.VM) != 0) {
            if ((c.cr4 & 1) != 0 && redirected(c, vector)) {
                Delivery.redirected(c, vector);
                return;
            }
            if (c.iopl() < 3) {
                throw c.gp(0);
            }
        }
        Delivery.deliver(c, vector, GuestException.NO_ERROR_CODE, Delivery.Source.SOFTWARE);
    }

    /** The interrupt redirection bitmap of the TSS lies below its I/O permission bitmap. */
    private static boolean redirected(Cpu c, int vector) {
        long limit = c.limit[Cpu.TR] & 0xffff_ffffL;
        if ((c.attributes[Cpu.TR] & 8) == 0 || limit < 0x67) {
            return false;
        }
        long offset = c.mem.loadSystem(c.base[Cpu.TR] + 0x66, 2) - 32 + (vector >> 3);
        if (offset < 0 || offset > limit) {
            return false;
        }
        return (c.mem.loadSystem(c.base[Cpu.TR] + offset, 1) >> (vector & 7) & 1) == 0;
    }

    /** INT3. */
    public static void int3(Cpu c, Insn i) {
        Delivery.deliver(c, 3, GuestException.NO_ERROR_CODE, Delivery.Source.TRAP_INSTRUCTION);
    }

    /** INT1. */
    public static void int1(Cpu c, Insn i) {
        Delivery.deliver(c, 1, GuestException.NO_ERROR_CODE, Delivery.Source.INT1);
    }

    /** INTO. */
    public static void into(Cpu c, Insn i) {
        if (Flags.of(c)) {
            Delivery.deliver(c, 4, GuestException.NO_ERROR_CODE, Delivery.Source.TRAP_INSTRUCTION);
        }
    }
}
