package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.sight.Events;

/**
 * Delivery of interrupts and exceptions through the IVT or IDT in every mode (SDM volume 3, chapter
 * 6 and 20.3; APM volume 2, chapter 8). Nothing of the register state changes until all checks of
 * one delivery have passed, so a fault leaves the interrupted state as it was.
 */
public final class Delivery {
    /** What an event comes from. */
    public enum Source {
        /** INT n: the gate's DPL is checked. */
        SOFTWARE,
        /** INT3 and INTO: as {@link #SOFTWARE}, but never redirected in virtual-8086 mode. */
        TRAP_INSTRUCTION,
        /** INT1. */
        INT1,
        /** INTR or NMI. */
        EXTERNAL,
        /** A fault, trap or abort of the CPU. */
        EXCEPTION,
        /** #DB as a trap: RFLAGS.RF is pushed as it is. */
        DEBUG_TRAP
    }

    /** A fault while #DF was being delivered: the CPU shuts down. Stackless. */
    public static final class TripleFault extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private static final TripleFault INSTANCE = new TripleFault();

        private TripleFault() {
            super("triple fault", null, false, false);
        }
    }

    private static final int NMI = 2, DOUBLE_FAULT = 8, PAGE_FAULT = 14;

    /** Vectors that are faults: RFLAGS.RF is set in the image that they push. */
    private static final int FAULTS =
            3
                    | 1 << 5
                    | 1 << 6
                    | 1 << 7
                    | 0x1f << 10
                    | 1 << 16
                    | 1 << 17
                    | 1 << 19
                    | 1 << 20
                    | 1 << 21;

    /** Divide error, #TS, #NP, #SS, #GP and #CP. */
    private static final int CONTRIBUTORY = 1 | 0xf << 10 | 1 << 21;

    /** Exceptions whose error code has an EXT bit. */
    private static final int WITH_EXT = 0xf << 10;

    private Delivery() {}

    /**
     * Delivers a fault or trap of the CPU; {@code c.rip} is what the handler will find. Faults
     * during delivery become what SDM volume 3, table 6-5 says.
     *
     * @param errorCode or {@link GuestException#NO_ERROR_CODE}
     * @throws TripleFault if #DF cannot be delivered
     */
    public static void exception(Cpu c, int vector, int errorCode) {
        c.counters.fault(vector);
        Events.fault(c.index, vector, c.rip, errorCode, c.cr2);
        deliverNested(c, vector, errorCode, Source.EXCEPTION);
    }

    /** Delivers an external interrupt that was acknowledged. */
    public static void interrupt(Cpu c, int vector) {
        c.counters.interrupts++;
        deliverNested(c, vector, GuestException.NO_ERROR_CODE, Source.EXTERNAL);
    }

    /** Delivers an NMI; more are held back until IRET. */
    public static void nmi(Cpu c) {
        c.counters.nmis++;
        c.nmiBlocked = true;
        deliverNested(c, NMI, GuestException.NO_ERROR_CODE, Source.EXTERNAL);
    }

    /** Delivers #DB as a trap; DR6 is set already. */
    static void debugTrap(Cpu c) {
        c.counters.fault(1);
        deliverNested(c, 1, GuestException.NO_ERROR_CODE, Source.DEBUG_TRAP);
    }

    private static void deliverNested(Cpu c, int vector, int errorCode, Source source) {
        while (true) {
            try {
                deliver(c, vector, errorCode, source);
                return;
            } catch (GuestException e) {
                int next = e.vector;
                int code = e.errorCode;
                if ((WITH_EXT >> next & 1) != 0 && next < 32) {
                    code |= 1;
                }
                boolean exception = source == Source.EXCEPTION;
                source = Source.EXCEPTION;
                if (exception && vector == DOUBLE_FAULT) {
                    throw TripleFault.INSTANCE;
                }
                boolean first = exception && (CONTRIBUTORY >> vector & 1) != 0 && vector < 32;
                boolean second = (CONTRIBUTORY >> next & 1) != 0;
                boolean page = exception && vector == PAGE_FAULT;
                if (first && second || page && (second || next == PAGE_FAULT)) {
                    vector = DOUBLE_FAULT;
                    errorCode = 0;
                } else {
                    vector = next;
                    errorCode = code;
                }
            }
        }
    }

    /**
     * Delivers one event; {@code c.rip} is the return address.
     *
     * @param errorCode or {@link GuestException#NO_ERROR_CODE}
     * @throws GuestException if a check fails; the register state is unchanged then
     */
    public static void deliver(Cpu c, int vector, int errorCode, Source source) {
        if ((c.cr0 & 1) == 0) {
            real(c, vector);
        } else if (Segmentation.longMode(c)) {
            longMode(c, vector, errorCode, source);
        } else {
            legacy(c, vector, errorCode, source);
        }
        if (vector == 1 && source == Source.EXCEPTION) {
            c.dr[7] &= ~(1L << 13);
        }
        c.halted = false;
        c.interruptShadow = false;
        c.debugShadow = false;
    }

    private static int pushedFlags(Cpu c, int vector, Source source) {
        int flags = c.rflags();
        if (source == Source.EXCEPTION && vector < 32 && (FAULTS >> vector & 1) != 0) {
            flags |= Flags.RF;
        }
        return flags;
    }

    // --- real mode
    // ----------------------------------------------------------------------------------

    private static void real(Cpu c, int vector) {
        if (vector * 4 + 3 > (c.idtLimit & 0xffff)) {
            throw c.gp(vector * 8 + 2);
        }
        long entry = c.mem.loadSystem(c.idtBase + vector * 4L & 0xffff_ffffL, 4);
        pushReal(c, c.rflags());
        c.selector[Cpu.CS] = (int) (entry >>> 16);
        c.base[Cpu.CS] = entry >>> 16 << 4;
        clearFlags(c, Flags.IF | Flags.TF | Flags.AC | Flags.RF);
        c.updateMode();
        c.rip = entry & 0xffff;
    }

    private static void pushReal(Cpu c, int flags) {
        Segmentation.poke(c, -2, 2, flags);
        Segmentation.poke(c, -4, 2, c.selector[Cpu.CS]);
        Segmentation.poke(c, -6, 2, c.rip);
        Segmentation.moveStack(c, -6);
    }

    private static void clearFlags(Cpu c, int flags) {
        c.systemFlags &= ~flags;
    }

    /**
     * INT n in virtual-8086 mode redirected to the program's own IVT (CR4.VME; SDM volume 3,
     * 20.3.3).
     */
    static void redirected(Cpu c, int vector) {
        long entry = c.mem.load(vector * 4L, 4);
        int flags = c.rflags();
        boolean virtual = c.iopl() < 3;
        if (virtual) {
            flags = flags & ~Flags.IF | Flags.IOPL;
            flags |= (c.systemFlags & Flags.VIF) != 0 ? Flags.IF : 0;
        }
        pushReal(c, flags);
        clearFlags(c, Flags.TF | Flags.RF | Flags.AC | (virtual ? Flags.VIF : Flags.IF));
        FarTransfer.setRealCode(c, (int) (entry >>> 16), entry & 0xffff);
    }

    // --- protected mode
    // -----------------------------------------------------------------------------

    private static int gateError(int vector) {
        return vector * 8 + 2;
    }

    private static void checkGate(Cpu c, long gate, int vector, Source source) {
        int a = Descriptors.attributes(gate);
        if ((source == Source.SOFTWARE || source == Source.TRAP_INSTRUCTION)
                && Descriptors.dpl(a) < c.cpl) {
            throw c.gp(gateError(vector));
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(gateError(vector));
        }
    }

    /** Reads and checks the code segment of a gate. */
    private static long handlerCode(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            throw c.gp(0);
        }
        long d = Descriptors.load(c, selector, 13);
        int a = Descriptors.attributes(d);
        boolean wrongSize =
                Segmentation.longMode(c)
                        && (a & (Segmentation.LONG | Segmentation.BIG)) != Segmentation.LONG;
        if (!Descriptors.isCode(a) || Descriptors.dpl(a) > c.cpl || wrongSize) {
            throw c.gp(selector & 0xfffc);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(selector & 0xfffc);
        }
        return d;
    }

    private static void legacy(Cpu c, int vector, int errorCode, Source source) {
        if (vector * 8 + 7 > (c.idtLimit & 0xffff)) {
            throw c.gp(gateError(vector));
        }
        long gate = c.mem.loadSystem(c.idtBase + vector * 8L & 0xffff_ffffL, 8);
        int type = Descriptors.typeAndS(Descriptors.attributes(gate));
        if (type != Descriptors.TASK_GATE && (type & ~9) != Descriptors.INTERRUPT_GATE16) {
            throw c.gp(gateError(vector));
        }
        checkGate(c, gate, vector, source);
        if (type == Descriptors.TASK_GATE) {
            TaskSwitch.event(c, gate, errorCode, source.ordinal() <= Source.INT1.ordinal());
            return;
        }
        int size = (type & 8) != 0 ? 4 : 2;
        boolean interruptGate = (type & 1) == 0;
        long offset = Descriptors.gateOffset(gate) & Flags.mask(size);
        int selector = Descriptors.gateSelector(gate);
        long d = handlerCode(c, selector);
        int a = Descriptors.attributes(d);
        int flags = pushedFlags(c, vector, source);
        boolean v86 = (c.systemFlags & Flags.VM) != 0;
        int dpl = Descriptors.dpl(a);
        if (!Descriptors.isConforming(a) && dpl < c.cpl) {
            if (v86 && dpl != 0) {
                throw c.gp(selector & 0xfffc);
            }
            inner(c, selector, d, dpl, offset, size, flags, errorCode, v86);
        } else {
            if (v86) {
                throw c.gp(selector & 0xfffc);
            }
            FarTransfer.checkOffset(c, d, offset);
            d = Descriptors.markAccessed(c, selector, d);
            Segmentation.poke(c, -size, size, flags);
            Segmentation.poke(c, -2 * size, size, c.selector[Cpu.CS]);
            Segmentation.poke(c, -3 * size, size, c.rip);
            int words = 3;
            if (errorCode != GuestException.NO_ERROR_CODE) {
                Segmentation.poke(c, -4 * size, size, errorCode);
                words = 4;
            }
            Segmentation.moveStack(c, -(long) words * size);
            FarTransfer.setCode(c, selector, d, c.cpl, offset);
        }
        clearHandlerFlags(c, interruptGate);
    }

    private static void clearHandlerFlags(Cpu c, boolean interruptGate) {
        clearFlags(c, Flags.TF | Flags.VM | Flags.RF | Flags.NT | (interruptGate ? Flags.IF : 0));
        c.updateMode();
    }

    private static void inner(
            Cpu c,
            int selector,
            long d,
            int dpl,
            long offset,
            int size,
            int flags,
            int errorCode,
            boolean v86) {
        long stack = Descriptors.stackOf(c, dpl);
        int ss = (int) (stack >>> 32);
        long ssd = Descriptors.stackDescriptor(c, ss, dpl, 10);
        FarTransfer.checkOffset(c, d, offset);
        long sp = stack & 0xffff_ffffL;
        if (v86) {
            sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.selector[Cpu.GS]);
            sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.selector[Cpu.FS]);
            sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.selector[Cpu.DS]);
            sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.selector[Cpu.ES]);
        }
        sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.selector[Cpu.SS]);
        sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.r[Cpu.RSP]);
        sp = FarTransfer.pushInner(c, ss, ssd, sp, size, flags);
        sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.selector[Cpu.CS]);
        sp = FarTransfer.pushInner(c, ss, ssd, sp, size, c.rip);
        if (errorCode != GuestException.NO_ERROR_CODE) {
            sp = FarTransfer.pushInner(c, ss, ssd, sp, size, errorCode);
        }
        d = Descriptors.markAccessed(c, selector, d);
        ssd = Descriptors.markAccessed(c, ss, ssd);
        if (v86) {
            c.systemFlags &= ~Flags.VM;
            Descriptors.setNull(c, Cpu.GS, 0, 0);
            Descriptors.setNull(c, Cpu.FS, 0, 0);
            Descriptors.setNull(c, Cpu.DS, 0, 0);
            Descriptors.setNull(c, Cpu.ES, 0, 0);
        }
        FarTransfer.enterInnerStack(c, ss, ssd, sp);
        FarTransfer.setCode(c, selector, d, dpl, offset);
    }

    // --- long mode
    // ----------------------------------------------------------------------------------

    private static void longMode(Cpu c, int vector, int errorCode, Source source) {
        if (vector * 16 + 15 > (c.idtLimit & 0xffff)) {
            throw c.gp(gateError(vector));
        }
        long gate = c.mem.loadSystem(c.idtBase + vector * 16L, 8);
        long upper = c.mem.loadSystem(c.idtBase + vector * 16L + 8, 8);
        int type = Descriptors.typeAndS(Descriptors.attributes(gate));
        if ((type & ~1) != Descriptors.INTERRUPT_GATE32) {
            throw c.gp(gateError(vector));
        }
        checkGate(c, gate, vector, source);
        int selector = Descriptors.gateSelector(gate);
        long d = handlerCode(c, selector);
        int a = Descriptors.attributes(d);
        int cpl = Descriptors.isConforming(a) ? c.cpl : Descriptors.dpl(a);
        boolean inner = cpl < c.cpl;
        int ist = (int) (gate >>> 32) & 7;
        long sp =
                ist != 0
                        ? Descriptors.stackOf64(c, 0x1c + ist * 8)
                        : inner ? Descriptors.stackOf64(c, 4 + cpl * 8) : c.r[Cpu.RSP];
        long offset = Descriptors.gateOffset(gate) | upper << 32;
        FarTransfer.checkOffset(c, d, offset);
        int flags = pushedFlags(c, vector, source);
        sp &= -16L;
        boolean user = cpl == 3;
        sp = push(c, sp, c.selector[Cpu.SS], user);
        sp = push(c, sp, c.r[Cpu.RSP], user);
        sp = push(c, sp, flags, user);
        sp = push(c, sp, c.selector[Cpu.CS], user);
        sp = push(c, sp, c.rip, user);
        if (errorCode != GuestException.NO_ERROR_CODE) {
            sp = push(c, sp, errorCode, user);
        }
        d = Descriptors.markAccessed(c, selector, d);
        if (inner) {
            Descriptors.setNull(c, Cpu.SS, cpl, cpl);
        }
        c.r[Cpu.RSP] = sp;
        clearFlags(c, Flags.TF | Flags.VM | Flags.RF | Flags.NT | ((type & 1) == 0 ? Flags.IF : 0));
        FarTransfer.setCode(c, selector, d, cpl, offset);
    }

    private static long push(Cpu c, long sp, long value, boolean user) {
        if (!user) {
            return FarTransfer.push64(c, sp, value);
        }
        sp -= 8;
        if (!Segmentation.canonical(c, sp) || !Segmentation.canonical(c, sp + 7)) {
            throw c.ss(0);
        }
        c.mem.store64(sp, value);
        return sp;
    }
}
