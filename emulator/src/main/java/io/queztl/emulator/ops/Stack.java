package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;

/**
 * Stack instructions. The stack pointer is RSP, ESP or SP by the stack segment, and changes only
 * once all accesses went well, so that an instruction that faults can be restarted.
 */
public final class Stack {
    private Stack() {}

    /** Pushes the low {@code size} bytes of a value. */
    public static void push(Cpu c, long value, int size) {
        long sp = c.r[Cpu.RSP] - size;
        if (c.mode64 && certainlyCanonical(sp)) {
            c.mem.store(sp, size, value);
            c.r[Cpu.RSP] = sp;
        } else {
            pushSlow(c, value, size);
        }
    }

    /** True if a linear address is canonical with 48 bits, and so with 57. */
    private static boolean certainlyCanonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    /** Raises the fault that pushing {@code size} bytes would raise. */
    static void checkPush(Cpu c, int size) {
        c.mem.checkWrite(linear(c, c.r[Cpu.RSP] - size & c.stackMask, size, true), size);
    }

    /** The linear address of a stack access; #SS(0) where it is not allowed. */
    private static long linear(Cpu c, long pointer, int size, boolean write) {
        return c.mode64 && certainlyCanonical(pointer)
                ? pointer
                : Segmentation.linear(c, Cpu.SS, pointer, size, write);
    }

    private static void pushSlow(Cpu c, long value, int size) {
        put(c, c.r[Cpu.RSP] - size, value, size);
        move(c, -size);
    }

    /** Pops {@code size} bytes, zero-extended. */
    public static long pop(Cpu c, int size) {
        long value = top(c, size);
        move(c, size);
        return value;
    }

    /** Reads the top of the stack, zero-extended. */
    static long top(Cpu c, int size) {
        return get(c, c.r[Cpu.RSP], size);
    }

    private static long get(Cpu c, long pointer, int size) {
        return c.mem.load(linear(c, pointer & c.stackMask, size, false), size);
    }

    private static void put(Cpu c, long pointer, long value, int size) {
        c.mem.store(linear(c, pointer & c.stackMask, size, true), size, value);
    }

    /** Adds to the stack pointer. */
    static void move(Cpu c, long bytes) {
        pointer(c, c.r[Cpu.RSP] + bytes);
    }

    private static void pointer(Cpu c, long value) {
        long mask = c.stackMask;
        // A 32-bit pointer is zero-extended as any 32-bit result; a 16-bit one keeps what is above.
        c.r[Cpu.RSP] = mask == 0xffff ? c.r[Cpu.RSP] & ~mask | value & mask : value & mask;
    }

    // --- PUSH and POP
    // -----------------------------------------------------------------------------

    /** PUSH register. */
    public static void pushRegister(Cpu c, Insn i) {
        push(c, c.r[i.r1], i.size);
    }

    /** POP register. */
    public static void popRegister(Cpu c, Insn i) {
        int size = i.size;
        long value = pop(c, size);
        c.reg(i.r1, size, value);
    }

    /** PUSH immediate. */
    public static void pushImmediate(Cpu c, Insn i) {
        push(c, i.immediate, i.operandSize);
    }

    /** PUSH register or memory. */
    public static void pushOperand(Cpu c, Insn i) {
        push(c, Operands.read(c, i, 1), i.size);
    }

    /** POP to register or memory; an address with RSP is computed after the increment. */
    public static void popOperand(Cpu c, Insn i) {
        long old = c.r[Cpu.RSP];
        long value = pop(c, i.size);
        try {
            Operands.write(c, i, 1, value);
        } catch (GuestException e) {
            c.r[Cpu.RSP] = old;
            throw e;
        }
    }

    /** PUSH ES. */
    public static void pushEs(Cpu c, Insn i) {
        push(c, c.selector[Cpu.ES], i.operandSize);
    }

    /** PUSH CS. */
    public static void pushCs(Cpu c, Insn i) {
        push(c, c.selector[Cpu.CS], i.operandSize);
    }

    /** PUSH SS. */
    public static void pushSs(Cpu c, Insn i) {
        push(c, c.selector[Cpu.SS], i.operandSize);
    }

    /** PUSH DS. */
    public static void pushDs(Cpu c, Insn i) {
        push(c, c.selector[Cpu.DS], i.operandSize);
    }

    /** PUSH FS. */
    public static void pushFs(Cpu c, Insn i) {
        push(c, c.selector[Cpu.FS], i.operandSize);
    }

    /** PUSH GS. */
    public static void pushGs(Cpu c, Insn i) {
        push(c, c.selector[Cpu.GS], i.operandSize);
    }

    /** PUSHA, PUSHAD. */
    public static void pusha(Cpu c, Insn i) {
        int size = i.operandSize;
        long sp = c.r[Cpu.RSP];
        for (int n = 0; n < 8; n++) {
            put(c, sp - (n + 1) * size, c.r[n], size);
        }
        move(c, -8 * size);
    }

    /** POPA, POPAD: the stored stack pointer is skipped. */
    public static void popa(Cpu c, Insn i) {
        int size = i.operandSize;
        long sp = c.r[Cpu.RSP];
        // The first round only finds the faults.
        for (int n = 0; n < 8; n++) {
            long ignored = get(c, sp + n * size, size);
        }
        for (int n = 0; n < 8; n++) {
            if (7 - n != Cpu.RSP) {
                c.reg(7 - n, size, get(c, sp + n * size, size));
            }
        }
        move(c, 8 * size);
    }

    // --- flags
    // ------------------------------------------------------------------------------------

    private static boolean vm86(Cpu c) {
        return (c.systemFlags & Flags.VM) != 0;
    }

    /**
     * True in virtual-8086 mode where PUSHF and POPF work on VIF; #GP(0) where they may not run.
     */
    private static boolean virtualInterrupts(Cpu c, int size) {
        if (!vm86(c) || c.iopl() == 3) {
            return false;
        }
        if ((c.cr4 & 1) == 0 || size != 2) {
            throw c.gp(0);
        }
        return true;
    }

    /** PUSHF, PUSHFD, PUSHFQ: VM and RF are pushed as 0. */
    public static void pushf(Cpu c, Insn i) {
        int size = i.operandSize;
        int flags = c.rflags();
        if (virtualInterrupts(c, size)) {
            flags &= ~Flags.IF;
            flags |= Flags.IOPL | ((flags & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        push(c, flags & ~(Flags.VM | Flags.RF), size);
    }

    /** POPF, POPFD, POPFQ: IOPL changes at CPL 0 only, IF where CPL allows I/O. */
    public static void popf(Cpu c, Insn i) {
        int size = i.operandSize;
        boolean virtual = virtualInterrupts(c, size);
        int value = (int) top(c, size);
        int old = c.rflags();
        int mask = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;
        if (size != 2) {
            mask |= Flags.AC | Flags.ID;
        }
        if (virtual) {
            boolean on = (value & Flags.IF) != 0;
            if (on && (old & Flags.VIP) != 0 || (value & Flags.TF) != 0) {
                throw c.gp(0);
            }
            old = on ? old | Flags.VIF : old & ~Flags.VIF;
        } else if (c.cpl <= c.iopl()) {
            mask |= Flags.IF;
        }
        if (c.cpl == 0) {
            mask |= Flags.IOPL;
        }
        move(c, size);
        c.rflags(old & ~(mask | Flags.RF) | value & mask);
    }

    // --- frames
    // -----------------------------------------------------------------------------------

    /** ENTER, with 0 to 31 outer frame pointers. */
    public static void enter(Cpu c, Insn i) {
        int size = i.operandSize;
        int level = i.immediate2 & 31;
        long sp = c.r[Cpu.RSP] - size;
        long bp = c.r[Cpu.RBP];
        put(c, sp, bp, size);
        long frame = sp;
        for (int n = 1; n < level; n++) {
            bp -= size;
            sp -= size;
            put(c, sp, get(c, bp, size), size);
        }
        if (level > 0) {
            sp -= size;
            put(c, sp, frame, size);
        }
        sp -= i.immediate & 0xffff;
        // The new top of the stack must be writable.
        c.mem.checkWrite(linear(c, sp & c.stackMask, size, true), size);
        pointer(c, sp);
        c.reg(Cpu.RBP, size, frame & c.stackMask);
    }

    /** LEAVE. */
    public static void leave(Cpu c, Insn i) {
        int size = i.operandSize;
        long bp = c.r[Cpu.RBP];
        long value = get(c, bp, size);
        pointer(c, bp + size);
        c.reg(Cpu.RBP, size, value);
    }
}
