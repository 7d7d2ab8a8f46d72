package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Instructions that set or store flags. */
public final class FlagOps {
    private FlagOps() {}

    /** CLC. */
    public static void clc(Cpu c, Insn i) {
        Flags.setCf(c, false);
    }

    /** STC. */
    public static void stc(Cpu c, Insn i) {
        Flags.setCf(c, true);
    }

    /** CMC. */
    public static void cmc(Cpu c, Insn i) {
        Flags.setCf(c, !Flags.cf(c));
    }

    /** CLD. */
    public static void cld(Cpu c, Insn i) {
        c.systemFlag(Flags.DF, false);
    }

    /** STD. */
    public static void std(Cpu c, Insn i) {
        c.systemFlag(Flags.DF, true);
    }

    /** LAHF: SF, ZF, AF, PF and CF to AH. */
    public static void lahf(Cpu c, Insn i) {
        long ah = Flags.arithmetic(c) & 0xff | 2;
        c.r[Cpu.RAX] = c.r[Cpu.RAX] & ~0xff00L | ah << 8;
    }

    /** SAHF. */
    public static void sahf(Cpu c, Insn i) {
        int ah = (int) (c.r[Cpu.RAX] >>> 8);
        Flags.arithmetic(c, ah & Flags.ARITHMETIC & 0xff | (Flags.of(c) ? Flags.OF : 0));
    }

    /** SALC: AL becomes 0 or FF by CF (APM and SDM leave it out; all CPUs have it). */
    public static void salc(Cpu c, Insn i) {
        c.reg(Cpu.RAX, 1, Flags.cf(c) ? 0xff : 0);
    }

    private static void set(Cpu c, Insn i, boolean on) {
        long value = on ? 1 : 0;
        if (i.mem) {
            c.mem.store8(Operands.address(c, i, 1, true), value);
        } else {
            c.reg(i.r1, 1, value);
        }
    }

    /** SETO. */
    public static void seto(Cpu c, Insn i) {
        set(c, i, Flags.of(c));
    }

    /** SETNO. */
    public static void setno(Cpu c, Insn i) {
        set(c, i, !Flags.of(c));
    }

    /** SETB. */
    public static void setb(Cpu c, Insn i) {
        set(c, i, Flags.cf(c));
    }

    /** SETAE. */
    public static void setae(Cpu c, Insn i) {
        set(c, i, !Flags.cf(c));
    }

    /** SETE. */
    public static void sete(Cpu c, Insn i) {
        set(c, i, Flags.zf(c));
    }

    /** SETNE. */
    public static void setne(Cpu c, Insn i) {
        set(c, i, !Flags.zf(c));
    }

    /** SETBE. */
    public static void setbe(Cpu c, Insn i) {
        set(c, i, Flags.cf(c) || Flags.zf(c));
    }

    /** SETA. */
    public static void seta(Cpu c, Insn i) {
        set(c, i, !Flags.cf(c) && !Flags.zf(c));
    }

    /** SETS. */
    public static void sets(Cpu c, Insn i) {
        set(c, i, Flags.sf(c));
    }

    /** SETNS. */
    public static void setns(Cpu c, Insn i) {
        set(c, i, !Flags.sf(c));
    }

    /** SETP. */
    public static void setp(Cpu c, Insn i) {
        set(c, i, Flags.pf(c));
    }

    /** SETNP. */
    public static void setnp(Cpu c, Insn i) {
        set(c, i, !Flags.pf(c));
    }

    /** SETL. */
    public static void setl(Cpu c, Insn i) {
        set(c, i, Flags.sf(c) != Flags.of(c));
    }

    /** SETGE. */
    public static void setge(Cpu c, Insn i) {
        set(c, i, Flags.sf(c) == Flags.of(c));
    }

    /** SETLE. */
    public static void setle(Cpu c, Insn i) {
        set(c, i, Flags.zf(c) || Flags.sf(c) != Flags.of(c));
    }

    /** SETG. */
    public static void setg(Cpu c, Insn i) {
        set(c, i, !Flags.zf(c) && Flags.sf(c) == Flags.of(c));
    }
}
