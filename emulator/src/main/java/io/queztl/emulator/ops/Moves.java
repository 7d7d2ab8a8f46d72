package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Moves, exchanges and conversions. */
public final class Moves {
    private Moves() {}

    /** The low {@code size} (2, 4, 8) bytes of an address. */
    static long truncate(long address, int size) {
        return address & Flags.mask(size);
    }

    /** The linear address of an access that no ModRM byte describes. */
    static long linear(Cpu c, int segment, long offset, int size, boolean write) {
        return c.mode64
                ? c.effectiveBase[segment] + offset
                : Segmentation.linear(c, segment, offset, size, write);
    }

    /** MOV, MOVZX, MOVNTI: values come zero-extended. */
    public static long mov(Cpu c, long b, int size) {
        return b;
    }

    /** MOVSX, MOVSXD. */
    public static long movsx(Cpu c, long b, int size) {
        return Flags.signExtend(b, size);
    }

    /** MOVBE. */
    public static long movbe(Cpu c, long b, int size) {
        return Long.reverseBytes(b) >>> 64 - size * 8;
    }

    /** LEA. */
    public static void lea(Cpu c, Insn i) {
        c.reg(i.r1, i.size, i.effectiveAddress(c));
    }

    /** XLAT. */
    public static void xlat(Cpu c, Insn i) {
        long offset = truncate(c.r[Cpu.RBX] + (c.r[Cpu.RAX] & 0xff), i.addressSize);
        c.reg(Cpu.RAX, 1, c.mem.load8(linear(c, i.segment, offset, 1, false)));
    }

    /** CBW, CWDE, CDQE. */
    public static void cbw(Cpu c, Insn i) {
        int size = i.operandSize;
        c.reg(Cpu.RAX, size, Flags.signExtend(c.r[Cpu.RAX], size / 2));
    }

    /** CWD, CDQ, CQO. */
    public static void cwd(Cpu c, Insn i) {
        int size = i.operandSize;
        c.reg(Cpu.RDX, size, Flags.signExtend(c.r[Cpu.RAX], size) >> 63);
    }

    // --- exchanges
    // --------------------------------------------------------------------------------

    /** XCHG; with memory it is locked without a prefix. */
    public static void xchg(Cpu c, Insn i) {
        int size = i.size;
        long b = c.reg(i.r2, size);
        if (i.mem) {
            c.reg(i.r2, size, Atomics.exchange(c, Operands.address(c, i, size, true), size, b));
        } else {
            c.reg(i.r2, size, c.reg(i.r1, size));
            c.reg(i.r1, size, b);
        }
    }

    /** XCHG with the accumulator; 90 without REX.B is NOP. */
    public static void xchgAccumulator(Cpu c, Insn i) {
        if (i.r1 != Cpu.RAX) {
            int size = i.size;
            long b = c.reg(Cpu.RAX, size);
            c.reg(Cpu.RAX, size, c.reg(i.r1, size));
            c.reg(i.r1, size, b);
        }
    }

    /** F3 90 is PAUSE; with another register it is XCHG still. */
    public static void pause(Cpu c, Insn i) {
        if (i.r1 == Cpu.RAX) {
            SpinWait.pause(c);
        } else {
            xchgAccumulator(c, i);
        }
    }

    /** XADD. */
    public static void xadd(Cpu c, Insn i) {
        int size = i.size;
        long b = c.reg(i.r2, size);
        long a;
        if (i.mem) {
            long linear = Operands.address(c, i, size, true);
            if (i.lock) {
                a = Atomics.add(c, linear, size, b);
            } else {
                c.mem.checkWrite(linear, size);
                a = c.mem.load(linear, size);
                c.mem.store(linear, size, a + b);
            }
            c.reg(i.r2, size, a);
        } else {
            a = c.reg(i.r1, size);
            c.reg(i.r2, size, a);
            c.reg(i.r1, size, a + b);
        }
        Flags.add(c, a, b, a + b, size);
    }

    /** CMPXCHG. */
    public static void cmpxchg(Cpu c, Insn i) {
        int size = i.size;
        long b = c.reg(i.r2, size);
        long expected = c.reg(Cpu.RAX, size);
        long a;
        if (i.mem) {
            long linear = Operands.address(c, i, size, true);
            a = compareAndExchange(c, i, linear, size, expected, b);
        } else {
            a = c.reg(i.r1, size);
            // A register that differs keeps its upper half too.
            if (a == expected) {
                c.reg(i.r1, size, b);
            }
        }
        if (a != expected) {
            c.reg(Cpu.RAX, size, a);
        }
        Flags.sub(c, expected, a, expected - a, size);
    }

    private static long compareAndExchange(
            Cpu c, Insn i, long linear, int size, long expected, long update) {
        if (i.lock) {
            return Atomics.compareAndExchange(c, linear, size, expected, update);
        }
        c.mem.checkWrite(linear, size);
        long a = c.mem.load(linear, size);
        c.mem.store(linear, size, a == expected ? update : a);
        return a;
    }

    /** CMPXCHG8B: EDX:EAX with memory, ECX:EBX to it. */
    public static void cmpxchg8b(Cpu c, Insn i) {
        long[] r = c.r;
        long expected = r[Cpu.RDX] << 32 | r[Cpu.RAX] & 0xffff_ffffL;
        long update = r[Cpu.RCX] << 32 | r[Cpu.RBX] & 0xffff_ffffL;
        long linear = Operands.address(c, i, 8, true);
        long a = compareAndExchange(c, i, linear, 8, expected, update);
        if (a != expected) {
            r[Cpu.RAX] = a & 0xffff_ffffL;
            r[Cpu.RDX] = a >>> 32;
        }
        setZf(c, a == expected);
    }

    /** CMPXCHG16B: RDX:RAX with memory, RCX:RBX to it; #GP(0) unless it is aligned. */
    public static void cmpxchg16b(Cpu c, Insn i) {
        long linear = Operands.address(c, i, 16, true);
        if ((linear & 15) != 0) {
            throw c.gp(0);
        }
        boolean exclusive = i.lock && c.shared.smp;
        c.mem.checkWrite(linear, 16);
        if (exclusive) {
            c.shared.exclusive.begin(c);
        }
        try {
            long[] r = c.r;
            long low = c.mem.load64(linear);
            long high = c.mem.load64(linear + 8);
            boolean equal = low == r[Cpu.RAX] && high == r[Cpu.RDX];
            if (equal) {
                c.mem.store64(linear, r[Cpu.RBX]);
                c.mem.store64(linear + 8, r[Cpu.RCX]);
            } else {
                r[Cpu.RAX] = low;
                r[Cpu.RDX] = high;
            }
            setZf(c, equal);
        } finally {
            if (exclusive) {
                c.shared.exclusive.end(c);
            }
        }
    }

    private static void setZf(Cpu c, boolean zf) {
        Flags.arithmetic(c, Flags.arithmetic(c) & ~Flags.ZF | (zf ? Flags.ZF : 0));
    }

    // --- conditional moves: the source is read, and the upper half cleared, whatever the condition
    // -

    /** CMOVO. */
    public static long cmovo(Cpu c, long a, long b, int size) {
        return Flags.of(c) ? b : a;
    }

    /** CMOVNO. */
    public static long cmovno(Cpu c, long a, long b, int size) {
        return !Flags.of(c) ? b : a;
    }

    /** CMOVB. */
    public static long cmovb(Cpu c, long a, long b, int size) {
        return Flags.cf(c) ? b : a;
    }

    /** CMOVAE. */
    public static long cmovae(Cpu c, long a, long b, int size) {
        return !Flags.cf(c) ? b : a;
    }

    /** CMOVE. */
    public static long cmove(Cpu c, long a, long b, int size) {
        return Flags.zf(c) ? b : a;
    }

    /** CMOVNE. */
    public static long cmovne(Cpu c, long a, long b, int size) {
        return !Flags.zf(c) ? b : a;
    }

    /** CMOVBE. */
    public static long cmovbe(Cpu c, long a, long b, int size) {
        return (Flags.cf(c) || Flags.zf(c)) ? b : a;
    }

    /** CMOVA. */
    public static long cmova(Cpu c, long a, long b, int size) {
        return (!Flags.cf(c) && !Flags.zf(c)) ? b : a;
    }

    /** CMOVS. */
    public static long cmovs(Cpu c, long a, long b, int size) {
        return Flags.sf(c) ? b : a;
    }

    /** CMOVNS. */
    public static long cmovns(Cpu c, long a, long b, int size) {
        return !Flags.sf(c) ? b : a;
    }

    /** CMOVP. */
    public static long cmovp(Cpu c, long a, long b, int size) {
        return Flags.pf(c) ? b : a;
    }

    /** CMOVNP. */
    public static long cmovnp(Cpu c, long a, long b, int size) {
        return !Flags.pf(c) ? b : a;
    }

    /** CMOVL. */
    public static long cmovl(Cpu c, long a, long b, int size) {
        return Flags.sf(c) != Flags.of(c) ? b : a;
    }

    /** CMOVGE. */
    public static long cmovge(Cpu c, long a, long b, int size) {
        return Flags.sf(c) == Flags.of(c) ? b : a;
    }

    /** CMOVLE. */
    public static long cmovle(Cpu c, long a, long b, int size) {
        return (Flags.zf(c) || Flags.sf(c) != Flags.of(c)) ? b : a;
    }

    /** CMOVG. */
    public static long cmovg(Cpu c, long a, long b, int size) {
        return (!Flags.zf(c) && Flags.sf(c) == Flags.of(c)) ? b : a;
    }
}
