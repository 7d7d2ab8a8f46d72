package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Descriptor-table registers, LDTR and TR, and instructions that inspect descriptors. */
public final class SystemSegments {
    private SystemSegments() {}

    /** CR4.UMIP: #GP(0) for SGDT, SIDT, SLDT, STR and SMSW outside CPL 0. */
    static void checkUmip(Cpu c) {
        if ((c.cr4 & 1 << 11) != 0 && c.cpl > 0) {
            throw c.gp(0);
        }
    }

    /** SGDT m. */
    public static void sgdt(Cpu c, Insn i) {
        checkUmip(c);
        storeTable(c, i, c.gdtBase, c.gdtLimit);
    }

    /** SIDT m. */
    public static void sidt(Cpu c, Insn i) {
        checkUmip(c);
        storeTable(c, i, c.idtBase, c.idtLimit);
    }

    private static void storeTable(Cpu c, Insn i, long base, int limit) {
        int size = c.mode64 ? 8 : 4;
        long linear = Operands.address(c, i, size + 2, true);
        c.mem.checkWrite(linear, size + 2);
        c.mem.store16(linear, limit);
        c.mem.store(linear + 2, size, base);
    }

    /** LGDT m. */
    public static void lgdt(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        long linear = Operands.address(c, i, c.mode64 ? 10 : 6, false);
        int limit = (int) c.mem.load16(linear);
        c.gdtBase = loadBase(c, i, linear + 2);
        c.gdtLimit = limit;
    }

    /** LIDT m. */
    public static void lidt(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        long linear = Operands.address(c, i, c.mode64 ? 10 : 6, false);
        int limit = (int) c.mem.load16(linear);
        c.idtBase = loadBase(c, i, linear + 2);
        c.idtLimit = limit;
    }

    private static long loadBase(Cpu c, Insn i, long linear) {
        if (c.mode64) {
            long base = c.mem.load64(linear);
            if (!Segmentation.canonical(c, base)) {
                throw c.gp(0);
            }
            return base;
        }
        long base = c.mem.load32(linear);
        return i.operandSize == 2 ? base & 0xff_ffff : base;
    }

    /** SLDT r/m. */
    public static void sldt(Cpu c, Insn i) {
        checkUmip(c);
        Operands.write(c, i, 1, c.selector[Cpu.LDTR]);
    }

    /** STR r/m. */
    public static void str(Cpu c, Insn i) {
        checkUmip(c);
        Operands.write(c, i, 1, c.selector[Cpu.TR]);
    }

    /** LLDT r/m16. */
    public static void lldt(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        int selector = (int) Operands.read(c, i, 1) & 0xffff;
        if (Descriptors.isNull(selector)) {
            Descriptors.setNull(c, Cpu.LDTR, selector, 0);
            return;
        }
        loadSystem(c, Cpu.LDTR, selector, Descriptors.LDT, Descriptors.LDT);
    }

    /** LTR r/m16. */
    public static void ltr(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        int selector = (int) Operands.read(c, i, 1) & 0xffff;
        if (Descriptors.isNull(selector)) {
            throw c.gp(0);
        }
        int second = Segmentation.longMode(c) ? Descriptors.TSS32 : Descriptors.TSS16;
        loadSystem(c, Cpu.TR, selector, Descriptors.TSS32, second);
    }

    private static void loadSystem(Cpu c, int segment, int selector, int type, int otherType) {
        int code = selector & 0xfffc;
        if ((selector & 4) != 0) {
            throw c.gp(code);
        }
        long d = Descriptors.load(c, selector, 13);
        int a = Descriptors.attributes(d);
        int t = Descriptors.typeAndS(a);
        if (t != type && t != otherType) {
            throw c.gp(code);
        }
        long base = Descriptors.base(d);
        if (Segmentation.longMode(c)) {
            long upper = Descriptors.loadUpper(c, selector, 13);
            base |= upper << 32;
            if ((upper >>> 40 & 0x1f) != 0) {
                throw c.gp(code);
            }
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(code);
        }
        if (!Segmentation.canonical(c, base)) {
            throw c.gp(0);
        }
        if (segment == Cpu.TR) {
            if (!Descriptors.markBusy(c, selector)) {
                throw c.gp(code);
            }
            d |= 2L << 40;
        }
        Descriptors.set(c, segment, selector, d);
        c.base[segment] = base;
        c.effectiveBase[segment] = base;
    }

    // --- inspection
    // -----------------------------------------------------------------------------------

    /** Legacy types for which LAR and LSL succeed, then the same for long mode. */
    private static final int LAR_TYPES = 0x1a3e, LAR_LONG_TYPES = 0x1a04;

    private static final int LSL_TYPES = 0x0a0e, LSL_LONG_TYPES = 0x0a04;

    private static int lookup(Cpu c, int selector) {
        return Descriptors.isNull(selector) || Descriptors.address(c, selector, 8) == -1 ? 0 : 1;
    }

    private static boolean visible(Cpu c, int selector, int a) {
        if (Descriptors.isCode(a) && Descriptors.isConforming(a)) {
            return true;
        }
        int dpl = Descriptors.dpl(a);
        return c.cpl <= dpl && (selector & 3) <= dpl;
    }

    private static void zf(Cpu c, boolean on) {
        int flags = Flags.arithmetic(c);
        Flags.arithmetic(c, on ? flags | Flags.ZF : flags & ~Flags.ZF);
    }

    /** LAR r, r/m16. */
    public static void lar(Cpu c, Insn i) {
        int selector = (int) Operands.read(c, i, 2) & 0xffff;
        long d = inspect(c, selector, Segmentation.longMode(c) ? LAR_LONG_TYPES : LAR_TYPES);
        if (d != 0) {
            c.reg(i.reg, i.operandSize, d >>> 32 & 0xff_ff00);
        }
        zf(c, d != 0);
    }

    /** LSL r, r/m16. */
    public static void lsl(Cpu c, Insn i) {
        int selector = (int) Operands.read(c, i, 2) & 0xffff;
        long d = inspect(c, selector, Segmentation.longMode(c) ? LSL_LONG_TYPES : LSL_TYPES);
        if (d != 0) {
            c.reg(i.reg, i.operandSize, Descriptors.limit(d) & 0xffff_ffffL);
        }
        zf(c, d != 0);
    }

    /** The descriptor if it can be seen and, for a system one, its type is in the mask; else 0. */
    private static long inspect(Cpu c, int selector, int systemTypes) {
        if (lookup(c, selector) == 0) {
            return 0;
        }
        long d = Descriptors.load(c, selector, 13);
        int a = Descriptors.attributes(d);
        if ((a & Segmentation.NOT_SYSTEM) == 0 && (systemTypes >> (a & 15) & 1) == 0) {
            return 0;
        }
        return visible(c, selector, a) ? d : 0;
    }

    /** VERR r/m16. */
    public static void verr(Cpu c, Insn i) {
        verify(c, i, false);
    }

    /** VERW r/m16. */
    public static void verw(Cpu c, Insn i) {
        verify(c, i, true);
    }

    private static void verify(Cpu c, Insn i, boolean write) {
        int selector = (int) Operands.read(c, i, 1) & 0xffff;
        long d = inspect(c, selector, 0);
        int a = Descriptors.attributes(d);
        boolean ok =
                d != 0
                        && (write
                                ? Descriptors.isWritableData(a)
                                : !Descriptors.isCode(a) || (a & Segmentation.READABLE) != 0);
        zf(c, ok);
    }

    /** ARPL r/m16, r16. */
    public static void arpl(Cpu c, Insn i) {
        long a = Operands.read(c, i, 1);
        long rpl = c.r[i.reg] & 3;
        boolean less = (a & 3) < rpl;
        if (less) {
            Operands.write(c, i, 1, a & ~3L | rpl);
        }
        zf(c, less);
    }
}
