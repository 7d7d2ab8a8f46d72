package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;

/** Hardware task switches with 16- and 32-bit TSS (SDM volume 3, 7.3). */
final class TaskSwitch {
    /** The task is entered by JMP: the old one is no longer busy. */
    static final int JUMP = 0;

    /** By CALL or an event: the new task is nested in the old one. */
    static final int CALL = 1;

    /** By IRET with RFLAGS.NT: back along the link. */
    static final int IRET = 2;

    static final int NO_ERROR_CODE = GuestException.NO_ERROR_CODE;

    /** DR6.BT. */
    private static final long DEBUG_TASK = 1 << 15;

    private TaskSwitch() {}

    /** Switches to the task of a task gate. */
    static void throughGate(Cpu c, long gate, int how) {
        switchTo(c, Descriptors.gateSelector(gate), how);
    }

    /** IRET with RFLAGS.NT set: back to the task that this one is nested in. */
    static void returnToLink(Cpu c) {
        int link = (int) c.mem.loadSystem(c.base[Cpu.TR], 2);
        instruction(c, link, IRET, 10);
    }

    /** Switches to the task of a TSS by JMP or CALL. */
    static void switchTo(Cpu c, int selector, int how) {
        instruction(c, selector, how, 13);
    }

    private static void instruction(Cpu c, int selector, int how, int vector) {
        begin(c, selector, how, vector);
        try {
            finish(c, how, NO_ERROR_CODE);
        } catch (GuestException e) {
            // The new task's fault: its RIP is that of its next instruction.
            Delivery.exception(c, e.vector, e.errorCode);
        }
    }

    /** Switches to the task of a task gate in the IDT. */
    static void event(Cpu c, long gate, int errorCode, boolean software) {
        begin(c, Descriptors.gateSelector(gate), CALL, 13);
        try {
            finish(c, CALL, errorCode);
        } catch (GuestException e) {
            if (!software) {
                throw e;
            }
            Delivery.exception(c, e.vector, e.errorCode);
        }
    }

    /**
     * Checks the new TSS, saves the old task and loads TR: the point of no return.
     *
     * @param vector the fault if the selector does not name a fit TSS
     */
    private static void begin(Cpu c, int selector, int how, int vector) {
        int code = selector & 0xfffc;
        if ((selector & 4) != 0 || Descriptors.isNull(selector)) {
            throw c.fault(vector, code);
        }
        long d = Descriptors.load(c, selector, vector);
        int a = Descriptors.attributes(d);
        int wanted = how == IRET ? Descriptors.TSS16_BUSY : Descriptors.TSS16;
        if ((Descriptors.typeAndS(a) & ~8) != wanted) {
            throw c.fault(vector, code);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(code);
        }
        boolean wide = (a & 8) != 0;
        if ((Descriptors.limit(d) & 0xffff_ffffL) < (wide ? 0x67 : 0x2b)) {
            throw c.ts(code);
        }
        long base = Descriptors.base(d);
        // Touch all that will be read or written while faults still belong to the old task.
        boolean oldWide = (c.attributes[Cpu.TR] & 8) != 0;
        checkRange(c, c.base[Cpu.TR], oldWide ? 0x60 : 0x2a, true);
        checkRange(c, base, wide ? 0x68 : 0x2c, how == CALL);

        if (how != CALL) {
            Descriptors.clearBusy(c, c.selector[Cpu.TR]);
        }
        int flags = c.rflags();
        if (how == IRET) {
            flags &= ~Flags.NT;
        }
        save(c, oldWide, flags);
        int oldTask = c.selector[Cpu.TR];
        if (how == CALL) {
            c.mem.storeSystem(base, 2, oldTask);
        }
        if (how != IRET) {
            boolean ignored = Descriptors.markBusy(c, selector);
            d |= 2L << 40;
        }
        c.cr0 |= 8;
        Descriptors.set(c, Cpu.TR, selector & 0xffff, d);
    }

    private static void finish(Cpu c, int how, int errorCode) {
        boolean wide = (c.attributes[Cpu.TR] & 8) != 0;
        load(c, c.base[Cpu.TR], wide, how);
        if (errorCode != NO_ERROR_CODE) {
            int size = wide ? 4 : 2;
            Segmentation.poke(c, -size, size, errorCode);
            Segmentation.moveStack(c, -size);
        }
        Segmentation.checkTarget(c, c.rip);
    }

    private static void checkRange(Cpu c, long base, int bytes, boolean write) {
        if (write) {
            c.mem.checkSystemWrite(base, bytes);
        } else {
            c.mem.loadSystem(base, 1);
            c.mem.loadSystem(base + bytes - 1, 1);
        }
    }

    private static void save(Cpu c, boolean wide, int flags) {
        long base = c.base[Cpu.TR];
        if (wide) {
            c.mem.storeSystem(base + 0x20, 4, c.rip);
            c.mem.storeSystem(base + 0x24, 4, flags);
            for (int k = 0; k < 8; k++) {
                c.mem.storeSystem(base + 0x28 + k * 4, 4, c.r[k]);
            }
            for (int s = 0; s < 6; s++) {
                c.mem.storeSystem(base + 0x48 + s * 4, 2, c.selector[s]);
            }
        } else {
            c.mem.storeSystem(base + 0x0e, 2, c.rip);
            c.mem.storeSystem(base + 0x10, 2, flags);
            for (int k = 0; k < 8; k++) {
                c.mem.storeSystem(base + 0x12 + k * 2, 2, c.r[k]);
            }
            for (int s = 0; s < 4; s++) {
                c.mem.storeSystem(base + 0x22 + s * 2, 2, c.selector[s]);
            }
        }
    }

    private static int selectorAt(Cpu c, long base, boolean wide, int segment) {
        return wide
                ? (int) c.mem.loadSystem(base + 0x48 + segment * 4, 2)
                : segment >= 4 ? 0 : (int) c.mem.loadSystem(base + 0x22 + segment * 2, 2);
    }

    private static void load(Cpu c, long base, boolean wide, int how) {
        long rip;
        int flags;
        // Read everything of the TSS under the old page tables' mapping of it, then switch CR3.
        int es = selectorAt(c, base, wide, Cpu.ES);
        int cs = selectorAt(c, base, wide, Cpu.CS);
        int ss = selectorAt(c, base, wide, Cpu.SS);
        int ds = selectorAt(c, base, wide, Cpu.DS);
        int fs = selectorAt(c, base, wide, Cpu.FS);
        int gs = selectorAt(c, base, wide, Cpu.GS);
        int ldt;
        boolean trap = false;
        if (wide) {
            rip = c.mem.loadSystem(base + 0x20, 4);
            flags = (int) c.mem.loadSystem(base + 0x24, 4);
            for (int k = 0; k < 8; k++) {
                c.r[k] = c.mem.loadSystem(base + 0x28 + k * 4, 4);
            }
            ldt = (int) c.mem.loadSystem(base + 0x60, 2);
            trap = (c.mem.loadSystem(base + 0x64, 2) & 1) != 0;
            long cr3 = c.mem.loadSystem(base + 0x1c, 4);
            if ((c.cr0 & 1L << 31) != 0 && cr3 != c.cr3) {
                c.cr3 = cr3;
                c.mem.latchPdptes(cr3);
                c.mem.flushNonGlobal();
            }
        } else {
            rip = c.mem.loadSystem(base + 0x0e, 2);
            flags = (int) c.mem.loadSystem(base + 0x10, 2);
            for (int k = 0; k < 8; k++) {
                c.reg(k, 4, 0xffff_0000L | c.mem.loadSystem(base + 0x12 + k * 2, 2));
            }
            ldt = (int) c.mem.loadSystem(base + 0x2a, 2);
        }
        if (how == CALL) {
            flags |= Flags.NT;
        }
        // All segments are invalid until each is loaded; a fault from here on is the new task's.
        for (int s = 0; s < 6; s++) {
            Descriptors.setNull(c, s, selectorAt(s, es, cs, ss, ds, fs, gs), 0);
        }
        Descriptors.setNull(c, Cpu.LDTR, ldt, 0);
        c.rip = rip;
        c.rflags(flags);
        c.dr[7] &= ~0x155L;
        if (trap) {
            c.pendingDebug |= DEBUG_TASK;
            c.attend(Cpu.ATTENTION_DEBUG);
        }
        if ((flags & Flags.VM) != 0) {
            loadLdt(c, ldt);
            for (int s = 0; s < 6; s++) {
                Descriptors.setVirtual8086(c, s, c.selector[s]);
            }
            c.updateMode();
            return;
        }
        int cpl = cs & 3;
        Descriptors.setNull(c, Cpu.SS, ss, cpl);
        c.updateMode();
        loadLdt(c, ldt);
        loadCode(c, cs);
        long ssd = Descriptors.stackDescriptor(c, ss, cpl, 10);
        Descriptors.set(c, Cpu.SS, ss, Descriptors.markAccessed(c, ss, ssd));
        c.updateMode();
        loadTaskData(c, Cpu.ES, es, cpl);
        loadTaskData(c, Cpu.DS, ds, cpl);
        loadTaskData(c, Cpu.FS, fs, cpl);
        loadTaskData(c, Cpu.GS, gs, cpl);
        c.updateMode();
    }

    private static int selectorAt(int s, int es, int cs, int ss, int ds, int fs, int gs) {
        return switch (s) {
            case Cpu.ES -> es;
            case Cpu.CS -> cs;
            case Cpu.SS -> ss;
            case Cpu.DS -> ds;
            case Cpu.FS -> fs;
            default -> gs;
        };
    }

    private static void loadLdt(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            return;
        }
        if ((selector & 4) != 0) {
            throw c.ts(selector & 0xfffc);
        }
        long d = Descriptors.load(c, selector, 10);
        int a = Descriptors.attributes(d);
        if (Descriptors.typeAndS(a) != Descriptors.LDT || !Descriptors.isPresent(a)) {
            throw c.ts(selector & 0xfffc);
        }
        Descriptors.set(c, Cpu.LDTR, selector, d);
    }

    private static void loadCode(Cpu c, int selector) {
        int code = selector & 0xfffc;
        if (Descriptors.isNull(selector)) {
            throw c.ts(0);
        }
        long d = Descriptors.load(c, selector, 10);
        int a = Descriptors.attributes(d);
        int dpl = Descriptors.dpl(a);
        int rpl = selector & 3;
        if (!Descriptors.isCode(a) || (Descriptors.isConforming(a) ? dpl > rpl : dpl != rpl)) {
            throw c.ts(code);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(code);
        }
        Descriptors.set(c, Cpu.CS, selector, Descriptors.markAccessed(c, selector, d));
    }

    private static void loadTaskData(Cpu c, int segment, int selector, int cpl) {
        if (Descriptors.isNull(selector)) {
            return;
        }
        long d = SegmentLoad.dataDescriptor(c, selector, cpl, 10);
        Descriptors.set(c, segment, selector, Descriptors.markAccessed(c, selector, d));
    }
}
