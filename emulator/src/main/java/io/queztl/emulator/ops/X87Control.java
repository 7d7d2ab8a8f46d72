package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;

/**
 * x87 control instructions and the environment in memory (SDM volume 1, 8.3.11 and 8.1.10). The
 * environment has 28 bytes, or 14 with an operand size of 16 bits:
 *
 * <pre>
 *   0  0 FCW     4  2 FSW     8  4 FTW
 *  12  6 FIP    16  8 FCS, FOP above it    20 10 FDP    24 12 FDS
 * </pre>
 */
public final class X87Control {
    private static final int WORD = 0xffff;
    private static final int RESERVED = 0xffff_0000;

    private X87Control() {}

    // --- words
    // ----------------------------------------------------------------------------------------

    /** FLDCW. */
    public static void fldcw(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        control(x, (int) c.mem.load16(Operands.address(c, i, 2, false)));
        X87Stack.summarize(x);
    }

    /** Bit 6 always reads as 1, bits 7, 13, 14 and 15 as 0. */
    private static void control(X87 x, int value) {
        x.control = value & 0x1F3F | 0x40;
    }

    /** FNSTCW. */
    public static void fnstcw(Cpu c, Insn i) {
        X87 x = X87Stack.available(c);
        c.mem.store16(Operands.address(c, i, 2, true), x.control);
    }

    /** FNSTSW to memory. */
    public static void fnstsw(Cpu c, Insn i) {
        X87 x = X87Stack.available(c);
        c.mem.store16(Operands.address(c, i, 2, true), X87Stack.statusWord(x));
    }

    /** FNSTSW AX. */
    public static void fnstswAx(Cpu c, Insn i) {
        X87 x = X87Stack.available(c);
        c.reg(Cpu.RAX, 2, X87Stack.statusWord(x));
    }

    /** FNCLEX. */
    public static void fnclex(Cpu c, Insn i) {
        X87 x = X87Stack.available(c);
        x.status &= 0x7F00;
    }

    /** FNINIT. */
    public static void fninit(Cpu c, Insn i) {
        X87Stack.initialize(X87Stack.available(c));
    }

    /** FNENI, FNDISI, FNSETPM: 8087 and 80287 instructions that do nothing now. */
    public static void ignored(Cpu c, Insn i) {
        X87Stack.available(c);
    }

    /** FNOP. */
    public static void fnop(Cpu c, Insn i) {
        X87Stack.record(c, X87Stack.waiting(c), i);
    }

    /** FWAIT: #NM if TS and MP are set. */
    public static void fwait(Cpu c, Insn i) {
        if ((c.cr0 & 0xA) == 0xA) {
            throw c.nm();
        }
        X87Stack.raisePending(c, c.x87);
    }

    // --- the stack
    // ------------------------------------------------------------------------------------

    /** FDECSTP. */
    public static void fdecstp(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        X87Stack.condition1(x, false);
        x.top = x.top - 1 & 7;
    }

    /** FINCSTP. */
    public static void fincstp(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        X87Stack.condition1(x, false);
        x.top = x.top + 1 & 7;
    }

    /** FFREE ST(i). */
    public static void ffree(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        X87Stack.condition1(x, false);
        x.empty |= 1 << X87Stack.st(x, i.modrm & 7);
    }

    /** FFREEP ST(i), not in the SDM. */
    public static void ffreep(Cpu c, Insn i) {
        ffree(c, i);
        X87Stack.pop(c.x87);
    }

    // --- the environment
    // ------------------------------------------------------------------------------

    private static int environmentSize(Insn i) {
        return i.operandSize == 2 ? 14 : 28;
    }

    /**
     * Checks all of an area, so that no fault comes halfway: the first word and then, as CPUs do,
     * the last byte, which is what CR2 reports of a second page.
     */
    private static long area(Cpu c, Insn i, int size, boolean write) {
        long linear = Operands.address(c, i, size, write);
        check(c, linear, i.operandSize == 2 ? 2 : 4, write);
        check(c, linear + size - 1, 1, write);
        return linear;
    }

    private static void check(Cpu c, long linear, int size, boolean write) {
        if (write) {
            c.mem.checkWrite(linear, size);
        } else {
            c.mem.checkRead(linear, size);
        }
    }

    private static void storeEnvironment(Cpu c, X87 x, Insn i, long to) {
        int ip = (int) x.lastInstruction;
        int dp = (int) x.lastData;
        if (!c.protectedMode) {
            ip += x.lastInstructionSelector << 4;
            dp += x.lastDataSelector << 4;
        }
        if (i.operandSize == 2) {
            c.mem.store16(to, x.control);
            c.mem.store16(to + 2, X87Stack.statusWord(x));
            c.mem.store16(to + 4, X87Stack.tagWord(x));
            c.mem.store16(to + 6, ip);
            c.mem.store16(to + 10, dp);
            if (c.protectedMode) {
                c.mem.store16(to + 8, x.lastInstructionSelector);
                c.mem.store16(to + 12, x.lastDataSelector);
            } else {
                c.mem.store16(to + 8, ip >>> 4 & 0xF000 | x.lastOpcode);
                c.mem.store16(to + 12, dp >>> 4 & 0xF000);
            }
            return;
        }
        c.mem.store32(to, RESERVED | x.control);
        c.mem.store32(to + 4, RESERVED | X87Stack.statusWord(x));
        c.mem.store32(to + 8, RESERVED | X87Stack.tagWord(x));
        if (c.protectedMode) {
            c.mem.store32(to + 12, ip);
            c.mem.store32(to + 16, x.lastOpcode << 16 | x.lastInstructionSelector & WORD);
            c.mem.store32(to + 20, dp);
            c.mem.store32(to + 24, RESERVED | x.lastDataSelector & WORD);
        } else {
            c.mem.store32(to + 12, RESERVED | ip & WORD);
            c.mem.store32(to + 16, ip >>> 4 & 0xFFF_F000 | x.lastOpcode);
            c.mem.store32(to + 20, RESERVED | dp & WORD);
            c.mem.store32(to + 24, dp >>> 4 & 0xFFF_F000);
        }
    }

    private static void loadEnvironment(Cpu c, X87 x, Insn i, long from) {
        int step = i.operandSize == 2 ? 2 : 4;
        int status = (int) c.mem.load16(from + step);
        int tags = (int) c.mem.load16(from + 2 * step);
        control(x, (int) c.mem.load16(from));
        x.status = status & ~0x3800;
        x.top = status >> 11 & 7;
        X87Stack.summarize(x);
        int empty = 0;
        for (int n = 0; n < 8; n++) {
            if ((tags >> 2 * n & 3) == 3) {
                empty |= 1 << n;
            }
        }
        x.empty = empty;
        long ip = c.mem.load(from + 3 * step, step);
        long ipHigh = c.mem.load(from + 4 * step, step);
        long dp = c.mem.load(from + 5 * step, step);
        long dpHigh = c.mem.load(from + 6 * step, step);
        if (c.protectedMode) {
            x.lastInstruction = ip;
            x.lastInstructionSelector = (int) ipHigh & WORD;
            x.lastData = dp;
            x.lastDataSelector = (int) dpHigh & WORD;
            if (step == 4) {
                x.lastOpcode = (int) (ipHigh >> 16) & 0x7ff;
            }
        } else {
            x.lastInstruction = ip & WORD | (ipHigh & 0xFFF_F000) << 4;
            x.lastInstructionSelector = 0;
            x.lastData = dp & WORD | (dpHigh & 0xFFF_F000) << 4;
            x.lastDataSelector = 0;
            x.lastOpcode = (int) ipHigh & 0x7ff;
        }
    }

    /** FNSTENV: afterwards all exceptions are masked. */
    public static void fnstenv(Cpu c, Insn i) {
        X87 x = X87Stack.available(c);
        long to = area(c, i, environmentSize(i), true);
        storeEnvironment(c, x, i, to);
        x.control |= 0x3f;
        X87Stack.summarize(x);
    }

    /** FLDENV. */
    public static void fldenv(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        long from = area(c, i, environmentSize(i), false);
        loadEnvironment(c, x, i, from);
    }

    /** FNSAVE: environment and registers in stack order, then FNINIT. */
    public static void fnsave(Cpu c, Insn i) {
        X87 x = X87Stack.available(c);
        int size = environmentSize(i);
        long to = area(c, i, size + 80, true);
        storeEnvironment(c, x, i, to);
        to += size;
        for (int n = 0; n < 8; n++) {
            int register = X87Stack.st(x, n);
            c.mem.store64(to, x.significand[register]);
            c.mem.store16(to + 8, x.signExponent[register]);
            to += 10;
        }
        X87Stack.initialize(x);
    }

    /** FRSTOR. */
    public static void frstor(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        int size = environmentSize(i);
        long from = area(c, i, size + 80, false);
        loadEnvironment(c, x, i, from);
        from += size;
        for (int n = 0; n < 8; n++) {
            int register = X87Stack.st(x, n);
            x.significand[register] = c.mem.load64(from);
            x.signExponent[register] = (int) c.mem.load16(from + 8) & WORD;
            from += 10;
        }
    }
}
