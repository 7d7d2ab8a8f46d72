package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Decimal adjustment (SDM volume 2, AAA to DAS). Flags the manuals leave open are those of the
 * addition or subtraction that does the adjustment, as on AMD's Zen.
 */
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
        int adjustment = (low ? 6 : 0) + (high ? 0x60 : 0);
        int al = old + sign * adjustment;
        // DAS borrows out of AL even where the high digit needs no adjustment.
        boolean cf = high || low && sign < 0 && old < 6;
        int operand = sign < 0 ? adjustment : ~adjustment;
        boolean of = ((old ^ operand) & (old ^ al) & 0x80) != 0;
        c.reg(Cpu.RAX, 1, al);
        Flags.set(c, al, 1, cf, of, low);
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
        int old = (int) c.r[Cpu.RAX] & 0xffff;
        boolean adjust = (old & 15) > 9 || Flags.af(c);
        int adjustment = adjust ? 0x106 : 0;
        int ax = old + sign * adjustment;
        int operand = sign < 0 ? adjustment : ~adjustment;
        boolean of = ((old ^ operand) & (old ^ ax) & 0x8000) != 0;
        c.reg(Cpu.RAX, 2, ax & 0xff0f);
        Flags.set(c, ax, 2, adjust, of, adjust);
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
        int product = (ax >> 8 & 0xff) * ((int) i.immediate & 0xff);
        int al = ax + product;
        c.reg(Cpu.RAX, 2, al & 0xff);
        Flags.add(c, ax, product, al, 1);
    }
}
