package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** IRET, IRETD and IRETQ (SDM volume 2, IRET; APM volume 3, IRETx). */
public final class Iret {
    private static final int USER_FLAGS = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;

    private Iret() {}

    /** IRET of operand size {@code i.operandSize}. */
    public static void iret(Cpu c, Insn i) {
        int size = i.operandSize;
        c.nmiBlocked = false;
        if ((c.systemFlags & Flags.VM) != 0) {
            fromVirtual8086(c, size);
        } else if (!c.protectedMode) {
            fromReal(c, size);
        } else if ((c.systemFlags & Flags.NT) != 0) {
            if (Segmentation.longMode(c)) {
                throw c.gp(0);
            }
            TaskSwitch.returnToLink(c);
        } else {
            fromProtected(c, size);
        }
    }

    private static void fromReal(Cpu c, int size) {
        long ip = Segmentation.peek(c, 0, size);
        int cs = (int) Segmentation.peek(c, size, size);
        int flags = (int) Segmentation.peek(c, 2 * size, size);
        if (ip > (c.limit[Cpu.CS] & 0xffff_ffffL)) {
            throw c.gp(0);
        }
        Segmentation.moveStack(c, 3L * size);
        FarTransfer.setRealCode(c, cs, ip);
        int mask =
                USER_FLAGS
                        | Flags.IF
                        | Flags.IOPL
                        | (size == 2 ? 0 : Flags.RF | Flags.AC | Flags.ID);
        setFlags(c, flags, mask);
    }

    private static void fromVirtual8086(Cpu c, int size) {
        boolean virtual = c.iopl() < 3;
        if (virtual && (size != 2 || (c.cr4 & 1) == 0)) {
            throw c.gp(0);
        }
        long ip = Segmentation.peek(c, 0, size);
        int cs = (int) Segmentation.peek(c, size, size);
        int flags = (int) Segmentation.peek(c, 2 * size, size);
        if (ip > 0xffff) {
            throw c.gp(0);
        }
        if (virtual) {
            // Virtual-8086 mode extensions: IF stands for VIF.
            if ((flags & Flags.TF) != 0
                    || ((flags & Flags.IF) != 0 && (c.systemFlags & Flags.VIP) != 0)) {
                throw c.gp(0);
            }
            flags = flags & ~Flags.VIF | ((flags & Flags.IF) != 0 ? Flags.VIF : 0);
        }
        Segmentation.moveStack(c, 3L * size);
        FarTransfer.setRealCode(c, cs, ip);
        int mask = USER_FLAGS | (virtual ? Flags.VIF : Flags.IF);
        setFlags(c, flags, mask | (size == 2 ? 0 : Flags.RF | Flags.AC | Flags.ID));
    }

    private static void fromProtected(Cpu c, int size) {
        long offset = Segmentation.peek(c, 0, size);
        int selector = (int) Segmentation.peek(c, size, size) & 0xffff;
        int flags = (int) Segmentation.peek(c, 2 * size, size);
        if (size == 4 && (flags & Flags.VM) != 0 && c.cpl == 0 && !Segmentation.longMode(c)) {
            toVirtual8086(c, offset, selector, flags);
            return;
        }
        long d = FarTransfer.returnCode(c, selector);
        int mask = flagMask(c, size);
        int rpl = selector & 3;
        boolean outer = rpl != c.cpl;
        if (!outer && !c.mode64) {
            FarTransfer.checkOffset(c, d, offset);
            d = Descriptors.markAccessed(c, selector, d);
            Segmentation.moveStack(c, 3L * size);
            FarTransfer.setCode(c, selector, d, rpl, offset);
            setFlags(c, flags, mask);
            return;
        }
        long sp = Segmentation.peek(c, 3 * size, size);
        int ss = (int) Segmentation.peek(c, 4 * size, size) & 0xffff;
        long ssd = FarTransfer.returnStack(c, ss, rpl, d);
        FarTransfer.checkOffset(c, d, offset);
        d = Descriptors.markAccessed(c, selector, d);
        FarTransfer.returnOuter(c, selector, d, offset, ss, ssd, sp);
        setFlags(c, flags, mask);
        if (outer) {
            Descriptors.dropInnerSegments(c, rpl);
            c.updateMode();
        }
    }

    private static int flagMask(Cpu c, int size) {
        int mask = USER_FLAGS;
        if (size != 2) {
            mask |= Flags.RF | Flags.AC | Flags.ID;
        }
        if (c.cpl <= c.iopl()) {
            mask |= Flags.IF;
        }
        if (c.cpl == 0) {
            mask |= Flags.IOPL;
            if (size != 2) {
                mask |= Flags.VIF | Flags.VIP;
            }
        }
        return mask;
    }

    private static void setFlags(Cpu c, int flags, int mask) {
        c.rflags(c.rflags() & ~mask | flags & mask);
    }

    private static void toVirtual8086(Cpu c, long offset, int cs, int flags) {
        if ((offset & 0xffff_ffffL) > 0xffff) {
            throw c.gp(0);
        }
        long sp = Segmentation.peek(c, 12, 4);
        int ss = (int) Segmentation.peek(c, 16, 4);
        int es = (int) Segmentation.peek(c, 20, 4);
        int ds = (int) Segmentation.peek(c, 24, 4);
        int fs = (int) Segmentation.peek(c, 28, 4);
        int gs = (int) Segmentation.peek(c, 32, 4);
        Descriptors.setVirtual8086(c, Cpu.CS, cs);
        Descriptors.setVirtual8086(c, Cpu.SS, ss);
        Descriptors.setVirtual8086(c, Cpu.ES, es);
        Descriptors.setVirtual8086(c, Cpu.DS, ds);
        Descriptors.setVirtual8086(c, Cpu.FS, fs);
        Descriptors.setVirtual8086(c, Cpu.GS, gs);
        c.rflags(flags);
        c.updateMode();
        c.r[Cpu.RSP] = sp & 0xffff_ffffL;
        c.rip = offset;
    }
}
