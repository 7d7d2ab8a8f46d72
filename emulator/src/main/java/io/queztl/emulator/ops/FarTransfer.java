package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Far JMP, CALL and RET in every mode, through call gates and to tasks too (SDM volume 2, CALL, JMP
 * and RET; volume 3, 5.8; APM volume 2, 4.8).
 */
public final class FarTransfer {
    private FarTransfer() {}

    /** Reads the offset of a far pointer in memory; the whole pointer is checked first. */
    static long readOffset(Cpu c, Insn i) {
        return c.mem.load(Operands.address(c, i, i.operandSize + 2, false), i.operandSize);
    }

    /** Reads the selector of a far pointer in memory. */
    static int readSelector(Cpu c, Insn i) {
        return (int)
                c.mem.load(Operands.address(c, i, i.operandSize + 2, false) + i.operandSize, 2);
    }

    /** JMP ptr16:16/32. */
    public static void jmpDirect(Cpu c, Insn i) {
        jmp(c, i.immediate2 & 0xffff, i.immediate & Flags.mask(i.operandSize));
    }

    /** JMP m16:16/32/64. */
    public static void jmpIndirect(Cpu c, Insn i) {
        long offset = readOffset(c, i);
        jmp(c, readSelector(c, i), offset);
    }

    /** CALL ptr16:16/32. */
    public static void callDirect(Cpu c, Insn i) {
        call(c, i.immediate2 & 0xffff, i.immediate & Flags.mask(i.operandSize), i.operandSize);
    }

    /** CALL m16:16/32/64. */
    public static void callIndirect(Cpu c, Insn i) {
        long offset = readOffset(c, i);
        call(c, readSelector(c, i), offset, i.operandSize);
    }

    /** RET far. */
    public static void ret(Cpu c, Insn i) {
        ret(c, i.operandSize, 0);
    }

    /** RET far imm16. */
    public static void retRelease(Cpu c, Insn i) {
        ret(c, i.operandSize, (int) i.immediate & 0xffff);
    }

    // --- JMP
    // ----------------------------------------------------------------------------------------

    private static void jmp(Cpu c, int selector, long offset) {
        if (!c.protectedMode) {
            checkRealTarget(c, offset);
            setRealCode(c, selector, offset);
            return;
        }
        long d = targetDescriptor(c, selector);
        int a = Descriptors.attributes(d);
        if ((a & Segmentation.NOT_SYSTEM) != 0) {
            checkDirectCode(c, selector, a);
            checkOffset(c, d, offset);
            setCode(c, selector, d, c.cpl, offset);
            return;
        }
        switch (checkSystem(c, selector, a)) {
            case Descriptors.CALL_GATE16, Descriptors.CALL_GATE32 -> jmpGate(c, selector, d);
            case Descriptors.TASK_GATE -> TaskSwitch.throughGate(c, d, TaskSwitch.JUMP);
            default -> TaskSwitch.switchTo(c, selector, TaskSwitch.JUMP);
        }
    }

    private static void jmpGate(Cpu c, int selector, long gate) {
        long upper = gateUpper(c, selector);
        int target = Descriptors.gateSelector(gate);
        long d = gateCode(c, target);
        int a = Descriptors.attributes(d);
        if (!Descriptors.isConforming(a) && Descriptors.dpl(a) != c.cpl) {
            throw c.gp(target & 0xfffc);
        }
        long offset = gateOffset(gate, upper, gateSize(c, gate));
        checkOffset(c, d, offset);
        setCode(c, target, d, c.cpl, offset);
    }

    // --- CALL
    // ---------------------------------------------------------------------------------------

    private static void call(Cpu c, int selector, long offset, int size) {
        if (!c.protectedMode) {
            checkRealTarget(c, offset);
            pushReturn(c, size);
            setRealCode(c, selector, offset);
            return;
        }
        long d = targetDescriptor(c, selector);
        int a = Descriptors.attributes(d);
        if ((a & Segmentation.NOT_SYSTEM) != 0) {
            checkDirectCode(c, selector, a);
            checkOffset(c, d, offset);
            d = Descriptors.markAccessed(c, selector, d);
            pushReturn(c, size);
            setCode(c, selector, d, c.cpl, offset);
            return;
        }
        switch (checkSystem(c, selector, a)) {
            case Descriptors.CALL_GATE16, Descriptors.CALL_GATE32 -> callGate(c, selector, d);
            case Descriptors.TASK_GATE -> TaskSwitch.throughGate(c, d, TaskSwitch.CALL);
            default -> TaskSwitch.switchTo(c, selector, TaskSwitch.CALL);
        }
    }

    private static void pushReturn(Cpu c, int size) {
        Segmentation.poke(c, -size, size, c.selector[Cpu.CS]);
        Segmentation.poke(c, -2 * size, size, c.rip);
        Segmentation.moveStack(c, -2L * size);
    }

    private static void callGate(Cpu c, int selector, long gate) {
        long upper = gateUpper(c, selector);
        int size = gateSize(c, gate);
        int target = Descriptors.gateSelector(gate);
        long d = gateCode(c, target);
        int a = Descriptors.attributes(d);
        long offset = gateOffset(gate, upper, size);
        int dpl = Descriptors.dpl(a);
        if (Descriptors.isConforming(a) || dpl == c.cpl) {
            checkOffset(c, d, offset);
            d = Descriptors.markAccessed(c, target, d);
            pushReturn(c, size);
            setCode(c, target, d, c.cpl, offset);
        } else if (size == 8) {
            callInner64(c, target, d, dpl, offset);
        } else {
            callInner(c, gate, target, d, dpl, offset, size);
        }
    }

    private static void callInner64(Cpu c, int target, long d, int dpl, long offset) {
        long sp = Descriptors.stackOf64(c, 4 + dpl * 8);
        checkOffset(c, d, offset);
        sp = push64(c, sp, c.selector[Cpu.SS]);
        sp = push64(c, sp, c.r[Cpu.RSP]);
        sp = push64(c, sp, c.selector[Cpu.CS]);
        sp = push64(c, sp, c.rip);
        d = Descriptors.markAccessed(c, target, d);
        Descriptors.setNull(c, Cpu.SS, dpl, dpl);
        c.r[Cpu.RSP] = sp;
        setCode(c, target, d, dpl, offset);
    }

    private static void callInner(
            Cpu c, long gate, int target, long d, int dpl, long offset, int size) {
        long stack = Descriptors.stackOf(c, dpl);
        int ss = (int) (stack >>> 32);
        long ssd = Descriptors.stackDescriptor(c, ss, dpl, 10);
        checkOffset(c, d, offset);
        long sp = stack & 0xffff_ffffL;
        sp = pushInner(c, ss, ssd, sp, size, c.selector[Cpu.SS]);
        sp = pushInner(c, ss, ssd, sp, size, c.r[Cpu.RSP]);
        int parameters = (int) (gate >>> 32) & 31;
        for (int p = parameters - 1; p >= 0; p--) {
            sp = pushInner(c, ss, ssd, sp, size, Segmentation.peek(c, p * size, size));
        }
        sp = pushInner(c, ss, ssd, sp, size, c.selector[Cpu.CS]);
        sp = pushInner(c, ss, ssd, sp, size, c.rip);
        d = Descriptors.markAccessed(c, target, d);
        ssd = Descriptors.markAccessed(c, ss, ssd);
        enterInnerStack(c, ss, ssd, sp);
        setCode(c, target, d, dpl, offset);
    }

    /** Loads SS:SP of an inner level. */
    static void enterInnerStack(Cpu c, int ss, long descriptor, long sp) {
        Descriptors.set(c, Cpu.SS, ss, descriptor);
        if ((c.attributes[Cpu.SS] & Segmentation.BIG) != 0) {
            c.r[Cpu.RSP] = sp & 0xffff_ffffL;
        } else {
            c.r[Cpu.RSP] = c.r[Cpu.RSP] & ~0xffffL | sp & 0xffff;
        }
    }

    /** Pushes on a stack that is not loaded yet, as a supervisor; returns the new SP. */
    static long pushInner(Cpu c, int ss, long descriptor, long sp, int size, long value) {
        int a = Descriptors.attributes(descriptor);
        long mask = (a & Segmentation.BIG) != 0 ? 0xffff_ffffL : 0xffff;
        sp = sp - size & mask;
        if (!Segmentation.inLimit(Descriptors.limit(descriptor), a, sp, size)) {
            throw c.ss(ss & 0xfffc);
        }
        c.mem.storeSystem(Descriptors.base(descriptor) + sp & 0xffff_ffffL, size, value);
        return sp;
    }

    /** Pushes eight bytes on a long-mode supervisor stack; returns the new RSP. */
    static long push64(Cpu c, long sp, long value) {
        sp -= 8;
        if (!Segmentation.canonical(c, sp) || !Segmentation.canonical(c, sp + 7)) {
            throw c.ss(0);
        }
        c.mem.storeSystem(sp, 8, value);
        return sp;
    }

    // --- RET
    // ----------------------------------------------------------------------------------------

    private static void ret(Cpu c, int size, int release) {
        long offset = Segmentation.peek(c, 0, size);
        int selector = (int) Segmentation.peek(c, size, size) & 0xffff;
        if (!c.protectedMode) {
            checkRealTarget(c, offset);
            Segmentation.moveStack(c, 2L * size + release);
            setRealCode(c, selector, offset);
            return;
        }
        long d = returnCode(c, selector);
        int rpl = selector & 3;
        if (rpl == c.cpl) {
            checkOffset(c, d, offset);
            d = Descriptors.markAccessed(c, selector, d);
            Segmentation.moveStack(c, 2L * size + release);
            setCode(c, selector, d, rpl, offset);
            return;
        }
        long sp = Segmentation.peek(c, 2 * size + release, size);
        int ss = (int) Segmentation.peek(c, 3 * size + release, size) & 0xffff;
        long ssd = returnStack(c, ss, rpl, d);
        checkOffset(c, d, offset);
        d = Descriptors.markAccessed(c, selector, d);
        returnOuter(c, selector, d, offset, ss, ssd, sp);
        Segmentation.moveStack(c, release);
        Descriptors.dropInnerSegments(c, rpl);
        c.updateMode();
    }

    /** Checks the CS that RET and IRET popped; returns its descriptor. */
    static long returnCode(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            throw c.gp(0);
        }
        long d = Descriptors.load(c, selector, 13);
        int a = Descriptors.attributes(d);
        int rpl = selector & 3;
        int dpl = Descriptors.dpl(a);
        if (!Descriptors.isCode(a)
                || rpl < c.cpl
                || (Descriptors.isConforming(a) ? dpl > rpl : dpl != rpl)
                || ambiguous(c, a)) {
            throw c.gp(selector & 0xfffc);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(selector & 0xfffc);
        }
        return d;
    }

    /** Checks the SS that RET and IRET popped; returns its descriptor, or 0 for a null one. */
    static long returnStack(Cpu c, int ss, int rpl, long codeDescriptor) {
        if (Descriptors.isNull(ss)
                && rpl != 3
                && Segmentation.longMode(c)
                && (Descriptors.attributes(codeDescriptor) & Segmentation.LONG) != 0) {
            return 0;
        }
        return Descriptors.markAccessed(c, ss, Descriptors.stackDescriptor(c, ss, rpl, 13));
    }

    /** Loads CS:RIP and SS:RSP of RET and IRET; all was checked. */
    static void returnOuter(Cpu c, int selector, long d, long offset, int ss, long ssd, long sp) {
        int rpl = selector & 3;
        if (ssd == 0) {
            Descriptors.setNull(c, Cpu.SS, ss, rpl);
        } else {
            Descriptors.set(c, Cpu.SS, ss, ssd);
        }
        setCode(c, selector, d, rpl, offset);
        Segmentation.stackPointer(c, sp);
    }

    // --- common
    // -------------------------------------------------------------------------------------

    private static void checkRealTarget(Cpu c, long offset) {
        long limit = (c.systemFlags & Flags.VM) != 0 ? 0xffff : c.limit[Cpu.CS] & 0xffff_ffffL;
        if (offset > limit) {
            throw c.gp(0);
        }
    }

    /** Loads CS:IP in real and virtual-8086 mode. */
    static void setRealCode(Cpu c, int selector, long offset) {
        if ((c.systemFlags & Flags.VM) != 0) {
            Descriptors.setVirtual8086(c, Cpu.CS, selector);
        } else {
            c.selector[Cpu.CS] = selector & 0xffff;
            c.base[Cpu.CS] = (selector & 0xffffL) << 4;
        }
        c.updateMode();
        c.rip = offset;
    }

    private static long targetDescriptor(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            throw c.gp(0);
        }
        return Descriptors.load(c, selector, 13);
    }

    /** True for a code segment with both L and D set, which long mode does not allow. */
    static boolean ambiguous(Cpu c, int attributes) {
        return Segmentation.longMode(c)
                && (attributes & (Segmentation.LONG | Segmentation.BIG))
                        == (Segmentation.LONG | Segmentation.BIG);
    }

    private static void checkDirectCode(Cpu c, int selector, int a) {
        int dpl = Descriptors.dpl(a);
        if (!Descriptors.isCode(a)
                || (Descriptors.isConforming(a)
                        ? dpl > c.cpl
                        : dpl != c.cpl || (selector & 3) > c.cpl)
                || ambiguous(c, a)) {
            throw c.gp(selector & 0xfffc);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(selector & 0xfffc);
        }
    }

    /** Checks that a gate or TSS may be used by far JMP and CALL; returns its type. */
    private static int checkSystem(Cpu c, int selector, int a) {
        int type = a & 15;
        boolean known =
                Segmentation.longMode(c)
                        ? type == Descriptors.CALL_GATE32
                        : type == Descriptors.CALL_GATE16
                                || type == Descriptors.CALL_GATE32
                                || type == Descriptors.TASK_GATE
                                || type == Descriptors.TSS16
                                || type == Descriptors.TSS32;
        int dpl = Descriptors.dpl(a);
        if (!known || dpl < c.cpl || dpl < (selector & 3)) {
            throw c.gp(selector & 0xfffc);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(selector & 0xfffc);
        }
        return type;
    }

    private static int gateSize(Cpu c, long gate) {
        return Segmentation.longMode(c) ? 8 : (Descriptors.attributes(gate) & 8) != 0 ? 4 : 2;
    }

    /** Second half of a 64-bit call gate; 0 outside long mode. */
    private static long gateUpper(Cpu c, int selector) {
        if (!Segmentation.longMode(c)) {
            return 0;
        }
        long upper = Descriptors.loadUpper(c, selector, 13);
        if ((upper >>> 40 & 0x1f) != 0) {
            throw c.gp(selector & 0xfffc);
        }
        return upper;
    }

    private static long gateOffset(long gate, long upper, int size) {
        long offset = Descriptors.gateOffset(gate);
        return size == 2 ? offset & 0xffff : size == 4 ? offset : offset | upper << 32;
    }

    /** Reads and checks the code segment a call gate leads to. */
    private static long gateCode(Cpu c, int target) {
        if (Descriptors.isNull(target)) {
            throw c.gp(0);
        }
        long d = Descriptors.load(c, target, 13);
        int a = Descriptors.attributes(d);
        boolean wrongSize =
                Segmentation.longMode(c)
                        && (a & (Segmentation.LONG | Segmentation.BIG)) != Segmentation.LONG;
        if (!Descriptors.isCode(a) || Descriptors.dpl(a) > c.cpl || wrongSize) {
            throw c.gp(target & 0xfffc);
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(target & 0xfffc);
        }
        return d;
    }

    /** Checks an offset against the code segment it is to run in. */
    static void checkOffset(Cpu c, long codeDescriptor, long offset) {
        boolean wide =
                Segmentation.longMode(c)
                        && (Descriptors.attributes(codeDescriptor) & Segmentation.LONG) != 0;
        boolean inside =
                wide
                        ? Segmentation.canonical(c, offset)
                        : Long.compareUnsigned(
                                        offset, Descriptors.limit(codeDescriptor) & 0xffff_ffffL)
                                <= 0;
        if (!inside) {
            throw c.gp(0);
        }
    }

    /** Loads CS with RPL = {@code cpl} and RIP; SS of that privilege is loaded already. */
    static void setCode(Cpu c, int selector, long descriptor, int cpl, long offset) {
        descriptor = Descriptors.markAccessed(c, selector, descriptor);
        Descriptors.set(c, Cpu.CS, selector & 0xfffc | cpl, descriptor);
        c.updateMode();
        c.rip = offset & c.ripMask;
    }
}
