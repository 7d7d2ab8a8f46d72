package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;

/** Near branches, and instructions that do nothing but fault. RIP is the next one on entry. */
public final class Branch {
    private Branch() {}

    /** Goes to an offset in CS, cut to the operand size; #GP(0) if it is outside. */
    private static void go(Cpu c, Insn i, long target) {
        c.rip = checked(c, i, target);
    }

    private static long checked(Cpu c, Insn i, long target) {
        long offset = target & Flags.mask(i.operandSize);
        if (!allowed(c, i, offset)) {
            throw c.gp(0);
        }
        return offset;
    }

    private static boolean allowed(Cpu c, Insn i, long offset) {
        if (i.operandSize != 8) {
            return offset <= (c.limit[Cpu.CS] & 0xffff_ffffL);
        }
        int shift = (c.cr4 & 1 << 12) != 0 ? 7 : 16;
        return offset << shift >> shift == offset;
    }

    /** JMP, relative. */
    public static void jmp(Cpu c, Insn i) {
        go(c, i, c.rip + i.immediate);
    }

    /** JMP to what a register or memory holds. */
    public static void jmpIndirect(Cpu c, Insn i) {
        go(c, i, Operands.read(c, i, 1));
    }

    /** CALL, relative. */
    public static void call(Cpu c, Insn i) {
        call(c, i, c.rip + i.immediate);
    }

    /** CALL of what a register or memory holds. */
    public static void callIndirect(Cpu c, Insn i) {
        call(c, i, Operands.read(c, i, 1));
    }

    private static void call(Cpu c, Insn i, long target) {
        int size = i.operandSize;
        long to = target & Flags.mask(size);
        if (!allowed(c, i, to)) {
            // Faults of the stack come first.
            Stack.checkPush(c, size);
            throw c.gp(0);
        }
        Stack.push(c, c.rip, size);
        c.rip = to;
    }

    /** RET. */
    public static void ret(Cpu c, Insn i) {
        ret(c, i, 0);
    }

    /** RET that drops arguments. */
    public static void retImmediate(Cpu c, Insn i) {
        ret(c, i, i.immediate & 0xffff);
    }

    private static void ret(Cpu c, Insn i, long extra) {
        int size = i.operandSize;
        go(c, i, Stack.top(c, size));
        Stack.move(c, size + extra);
    }

    /** LOOP: the count is CX, ECX or RCX by the address size. */
    public static void loop(Cpu c, Insn i) {
        loop(c, i, true);
    }

    /** LOOPE. */
    public static void loope(Cpu c, Insn i) {
        loop(c, i, Flags.zf(c));
    }

    /** LOOPNE. */
    public static void loopne(Cpu c, Insn i) {
        loop(c, i, !Flags.zf(c));
    }

    private static void loop(Cpu c, Insn i, boolean condition) {
        int size = i.addressSize;
        long count = c.reg(Cpu.RCX, size) - 1;
        if (condition && (count & Flags.mask(size)) != 0) {
            jmp(c, i);
        }
        c.reg(Cpu.RCX, size, count);
    }

    /** JCXZ, JECXZ, JRCXZ by the address size. */
    public static void jcxz(Cpu c, Insn i) {
        if (c.reg(Cpu.RCX, i.addressSize) == 0) {
            jmp(c, i);
        }
    }

    /** BOUND: #BR if the index is outside the signed bounds. */
    public static void bound(Cpu c, Insn i) {
        int size = i.size;
        long address = Operands.address(c, i, size * 2, false);
        long index = Flags.signExtend(c.reg(i.r1, size), size);
        long lower = Flags.signExtend(c.mem.load(address, size), size);
        long upper = Flags.signExtend(c.mem.load(address + size, size), size);
        if (index < lower || index > upper) {
            throw c.fault(5, GuestException.NO_ERROR_CODE);
        }
    }

    /** UD0, UD1, UD2. */
    public static void undefined(Cpu c, Insn i) {
        throw c.ud();
    }

    /** JO. */
    public static void jo(Cpu c, Insn i) {
        if (Flags.of(c)) {
            jmp(c, i);
        }
    }

    /** JNO. */
    public static void jno(Cpu c, Insn i) {
        if (!Flags.of(c)) {
            jmp(c, i);
        }
    }

    /** JB. */
    public static void jb(Cpu c, Insn i) {
        if (Flags.cf(c)) {
            jmp(c, i);
        }
    }

    /** JAE. */
    public static void jae(Cpu c, Insn i) {
        if (!Flags.cf(c)) {
            jmp(c, i);
        }
    }

    /** JE. */
    public static void je(Cpu c, Insn i) {
        if (Flags.zf(c)) {
            jmp(c, i);
        }
    }

    /** JNE. */
    public static void jne(Cpu c, Insn i) {
        if (!Flags.zf(c)) {
            jmp(c, i);
        }
    }

    /** JBE. */
    public static void jbe(Cpu c, Insn i) {
        if (Flags.cf(c) || Flags.zf(c)) {
            jmp(c, i);
        }
    }

    /** JA. */
    public static void ja(Cpu c, Insn i) {
        if (!Flags.cf(c) && !Flags.zf(c)) {
            jmp(c, i);
        }
    }

    /** JS. */
    public static void js(Cpu c, Insn i) {
        if (Flags.sf(c)) {
            jmp(c, i);
        }
    }

    /** JNS. */
    public static void jns(Cpu c, Insn i) {
        if (!Flags.sf(c)) {
            jmp(c, i);
        }
    }

    /** JP. */
    public static void jp(Cpu c, Insn i) {
        if (Flags.pf(c)) {
            jmp(c, i);
        }
    }

    /** JNP. */
    public static void jnp(Cpu c, Insn i) {
        if (!Flags.pf(c)) {
            jmp(c, i);
        }
    }

    /** JL. */
    public static void jl(Cpu c, Insn i) {
        if (Flags.sf(c) != Flags.of(c)) {
            jmp(c, i);
        }
    }

    /** JGE. */
    public static void jge(Cpu c, Insn i) {
        if (Flags.sf(c) == Flags.of(c)) {
            jmp(c, i);
        }
    }

    /** JLE. */
    public static void jle(Cpu c, Insn i) {
        if (Flags.zf(c) || Flags.sf(c) != Flags.of(c)) {
            jmp(c, i);
        }
    }

    /** JG. */
    public static void jg(Cpu c, Insn i) {
        if (!Flags.zf(c) && Flags.sf(c) == Flags.of(c)) {
            jmp(c, i);
        }
    }
}
