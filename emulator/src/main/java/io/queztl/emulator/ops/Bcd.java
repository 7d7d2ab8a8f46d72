package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Decimal adjustment (SDM volume 2, AAA to DAS). */
public final class Bcd {
    private Bcd() {}

    /** DAA. */
    public static void daa(Cpu c, Insn i) {
        adjustPacked(c, 1);
    }

    /** DAS. */
    public static void das(Cpu c, Insn i) {
        adjustPacked(c, -1);
    }

    private static void adjustPacked(Cpu c, int sign) {
        int old = (int) c.r[Cpu.RAX] & 0xff;
        boolean oldCf = Flags.cf(c);
        boolean low = (old & 15) > 9 || Flags.af(c);
        boolean high = old > 0x99 || oldCf;
        int al = old;
        boolean cf = high;
        if (low) {
            al += 6 * sign;
            // DAS borrows out of AL even where the high digit needs no adjustment.
            cf |= sign < 0 && al < 0;
        }
        if (high) {
            al += 0x60 * sign;
        }
        c.reg(Cpu.RAX, 1, al);
        Flags.set(c, al, 1, cf, false, low);
    }

    /** AAA. */
    public static void aaa(Cpu c, Insn i) {
        adjustUnpacked(c, 1);
    }

    /** AAS. */
    public static void aas(Cpu c, Insn i) {
        adjustUnpacked(c, -1);
    }

    private static void adjustUnpacked(Cpu c, int sign) {
        int ax = (int) c.r[Cpu.RAX] & 0xffff;
        boolean adjust = (ax & 15) > 9 || Flags.af(c);
        if (adjust) {
            ax += 0x106 * sign;
        }
        ax &= 0xff0f;
        c.reg(Cpu.RAX, 2, ax);
        Flags.set(c, ax, 1, adjust, false, adjust);
    }

    /** AAM; #DE if the base is 0. */
    public static void aam(Cpu c, Insn i) {
        int base = (int) i.immediate & 0xff;
        if (base == 0) {
            throw c.de();
        }
        int al = (int) c.r[Cpu.RAX] & 0xff;
        c.reg(Cpu.RAX, 2, (al / base) << 8 | al % base);
        Flags.set(c, al % base, 1, false, false, false);
    }

    /** AAD. */
    public static void aad(Cpu c, Insn i) {
        int ax = (int) c.r[Cpu.RAX];
        int al = (ax & 0xff) + (ax >> 8 & 0xff) * ((int) i.immediate & 0xff) & 0xff;
        c.reg(Cpu.RAX, 2, al);
        Flags.set(c, al, 1, false, false, false);
    }
}
