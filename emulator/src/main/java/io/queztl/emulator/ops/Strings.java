package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.mmu.Mmu;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * String instructions. The repeated forms work in runs: as many elements as lie in the current
 * pages, moved at once where both sides are RAM and DF is clear, else one element. RSI, RDI and RCX
 * are exact after every run, so that a fault or an interrupt between runs finds an instruction that
 * can be restarted; to give way to an interrupt RIP is set back to the instruction itself.
 */
public final class Strings {
    private static final int PAGE = 4096;

    private Strings() {}

    /** Moves an index register by one element, up or down as DF says. */
    static void advance(Cpu c, int register, int addressSize, long bytes) {
        long step = (c.systemFlags & Flags.DF) == 0 ? bytes : -bytes;
        c.reg(register, addressSize, c.r[register] + step);
    }

    private static long offset(Cpu c, Insn i, int register) {
        return Moves.truncate(c.r[register], i.addressSize);
    }

    private static long source(Cpu c, Insn i, int size) {
        return Moves.linear(c, i.segment, offset(c, i, Cpu.RSI), size, false);
    }

    private static long destination(Cpu c, Insn i, int size, boolean write) {
        return Moves.linear(c, Cpu.ES, offset(c, i, Cpu.RDI), size, write);
    }

    // --- one element
    // ------------------------------------------------------------------------------

    private static void move(Cpu c, Insn i, int size) {
        long value = c.mem.load(source(c, i, size), size);
        c.mem.store(destination(c, i, size, true), size, value);
        advance(c, Cpu.RSI, i.addressSize, size);
        advance(c, Cpu.RDI, i.addressSize, size);
    }

    private static void store(Cpu c, Insn i, int size) {
        c.mem.store(destination(c, i, size, true), size, c.r[Cpu.RAX]);
        advance(c, Cpu.RDI, i.addressSize, size);
    }

    private static void load(Cpu c, Insn i, int size) {
        c.reg(Cpu.RAX, size, c.mem.load(source(c, i, size), size));
        advance(c, Cpu.RSI, i.addressSize, size);
    }

    private static void compare(Cpu c, Insn i, int size) {
        long a = c.mem.load(source(c, i, size), size);
        long b = c.mem.load(destination(c, i, size, false), size);
        Flags.sub(c, a, b, a - b, size);
        advance(c, Cpu.RSI, i.addressSize, size);
        advance(c, Cpu.RDI, i.addressSize, size);
    }

    private static void scan(Cpu c, Insn i, int size) {
        long a = c.r[Cpu.RAX];
        long b = c.mem.load(destination(c, i, size, false), size);
        Flags.sub(c, a, b, a - b, size);
        advance(c, Cpu.RDI, i.addressSize, size);
    }

    // --- runs
    // -------------------------------------------------------------------------------------

    /**
     * How many elements, from the one at a linear address on, lie in its page, within the segment
     * and before the offset wraps; 0 if a run is not possible there.
     */
    private static long run(
            Cpu c, Insn i, int segment, int register, long linear, int size, long count) {
        long n = Math.min(count, (PAGE - (linear & PAGE - 1)) / size);
        if (!c.mode64 || i.addressSize != 8) {
            long offset = offset(c, i, register);
            long last = Flags.mask(i.addressSize);
            if (!c.mode64) {
                if ((c.attributes[segment] & 0xC) == 4) {
                    return 0; // expand-down: checked element by element
                }
                last = Math.min(last, c.limit[segment] & 0xffff_ffffL);
            }
            n = Math.min(n, (last - offset + 1) / size);
        }
        return n;
    }

    /** True if repeated forms may do several elements before looking up. */
    private static boolean runs(Cpu c) {
        return (c.systemFlags & Flags.DF) == 0 && (c.attention & Cpu.ATTENTION_DEBUG) == 0;
    }

    private static void advance(Cpu c, Insn i, int register, long bytes) {
        c.reg(register, i.addressSize, c.r[register] + bytes);
    }

    /** Moves a run; returns its length in elements, 0 if it did nothing. */
    private static long moveRun(Cpu c, Insn i, int size, long count) {
        Mmu mem = c.mem;
        long from = source(c, i, size);
        long to = destination(c, i, size, true);
        long n = run(c, i, i.segment, Cpu.RSI, from, size, count);
        n = run(c, i, Cpu.ES, Cpu.RDI, to, size, n);
        if (n < 2) {
            return 0;
        }
        long a = mem.readOffset(from, size);
        long b = mem.writeOffset(to, size);
        if (a < 0 || b < 0) {
            return 0;
        }
        long bytes = n * size;
        boolean smp = c.shared.smp;
        if (smp) {
            VarHandle.releaseFence();
        }
        if (b > a && b < a + bytes) {
            // The destination overtakes the source: later elements read what earlier ones wrote.
            for (long k = 0; k < bytes; k += size) {
                mem.ramStore(b + k, size, mem.ramLoad(a + k, size));
            }
        } else {
            MemorySegment.copy(mem.ram, a, mem.ram, b, bytes);
        }
        if (smp) {
            VarHandle.acquireFence();
        }
        advance(c, i, Cpu.RSI, bytes);
        advance(c, i, Cpu.RDI, bytes);
        return n;
    }

    private static long storeRun(Cpu c, Insn i, int size, long count) {
        Mmu mem = c.mem;
        long to = destination(c, i, size, true);
        long n = run(c, i, Cpu.ES, Cpu.RDI, to, size, count);
        if (n < 2) {
            return 0;
        }
        long b = mem.writeOffset(to, size);
        if (b < 0) {
            return 0;
        }
        long bytes = n * size;
        if (c.shared.smp) {
            VarHandle.releaseFence();
        }
        long value = c.reg(Cpu.RAX, size);
        if (value == (value & 0xff) * (Flags.mask(size) / 0xff)) {
            mem.ram.asSlice(b, bytes).fill((byte) value);
        } else {
            for (long k = 0; k < bytes; k += size) {
                mem.ramStore(b + k, size, value);
            }
        }
        advance(c, i, Cpu.RDI, bytes);
        return n;
    }

    /** Compares until a pair differs (or, with {@code untilEqual}, is equal). */
    private static long compareRun(Cpu c, Insn i, int size, long count, boolean untilEqual) {
        Mmu mem = c.mem;
        long from = source(c, i, size);
        long to = destination(c, i, size, false);
        long n = run(c, i, i.segment, Cpu.RSI, from, size, count);
        n = run(c, i, Cpu.ES, Cpu.RDI, to, size, n);
        if (n < 2) {
            return 0;
        }
        long first = mem.readOffset(from, size);
        long second = mem.readOffset(to, size);
        if (first < 0 || second < 0) {
            return 0;
        }
        long k = 0;
        long a;
        long b;
        do {
            a = mem.ramLoad(first + k * size, size);
            b = mem.ramLoad(second + k * size, size);
            k++;
        } while (k < n && (a == b) != untilEqual);
        VarHandle.acquireFence();
        Flags.sub(c, a, b, a - b, size);
        advance(c, i, Cpu.RSI, k * size);
        advance(c, i, Cpu.RDI, k * size);
        return k;
    }

    private static long scanRun(Cpu c, Insn i, int size, long count, boolean untilEqual) {
        Mmu mem = c.mem;
        long to = destination(c, i, size, false);
        long n = run(c, i, Cpu.ES, Cpu.RDI, to, size, count);
        if (n < 2) {
            return 0;
        }
        long at = mem.readOffset(to, size);
        if (at < 0) {
            return 0;
        }
        long a = c.reg(Cpu.RAX, size);
        long k = 0;
        long b;
        do {
            b = mem.ramLoad(at + k * size, size);
            k++;
        } while (k < n && (a == b) != untilEqual);
        VarHandle.acquireFence();
        Flags.sub(c, a, b, a - b, size);
        advance(c, i, Cpu.RDI, k * size);
        return k;
    }

    // --- repetition
    // -------------------------------------------------------------------------------

    /** Takes finished elements off RCX; true if the instruction must stop here for now. */
    private static boolean done(Cpu c, Insn i, long left) {
        c.reg(Cpu.RCX, i.addressSize, left);
        if (left != 0 && c.attention != 0) {
            c.rip = c.nextRip(i.offset);
            return true;
        }
        return false;
    }

    private static void repeatMove(Cpu c, Insn i, int size) {
        long count = offset(c, i, Cpu.RCX);
        while (count != 0) {
            long n = runs(c) ? moveRun(c, i, size, count) : 0;
            if (n == 0) {
                move(c, i, size);
                n = 1;
            }
            count -= n;
            if (done(c, i, count)) {
                return;
            }
        }
    }

    private static void repeatStore(Cpu c, Insn i, int size) {
        long count = offset(c, i, Cpu.RCX);
        while (count != 0) {
            long n = runs(c) ? storeRun(c, i, size, count) : 0;
            if (n == 0) {
                store(c, i, size);
                n = 1;
            }
            count -= n;
            if (done(c, i, count)) {
                return;
            }
        }
    }

    private static void repeatLoad(Cpu c, Insn i, int size) {
        long count = offset(c, i, Cpu.RCX);
        while (count != 0) {
            load(c, i, size);
            if (done(c, i, --count)) {
                return;
            }
        }
    }

    private static void repeatCompare(Cpu c, Insn i, int size, boolean untilEqual) {
        long count = offset(c, i, Cpu.RCX);
        while (count != 0) {
            long n = runs(c) ? compareRun(c, i, size, count, untilEqual) : 0;
            if (n == 0) {
                compare(c, i, size);
                n = 1;
            }
            count -= n;
            if (Flags.zf(c) == untilEqual) {
                c.reg(Cpu.RCX, i.addressSize, count);
                return;
            }
            if (done(c, i, count)) {
                return;
            }
        }
    }

    private static void repeatScan(Cpu c, Insn i, int size, boolean untilEqual) {
        long count = offset(c, i, Cpu.RCX);
        while (count != 0) {
            long n = runs(c) ? scanRun(c, i, size, count, untilEqual) : 0;
            if (n == 0) {
                scan(c, i, size);
                n = 1;
            }
            count -= n;
            if (Flags.zf(c) == untilEqual) {
                c.reg(Cpu.RCX, i.addressSize, count);
                return;
            }
            if (done(c, i, count)) {
                return;
            }
        }
    }

    // --- what table rows name
    // ---------------------------------------------------------------------

    /** MOVSB. */
    public static void movsByte(Cpu c, Insn i) {
        move(c, i, 1);
    }

    /** REP MOVSB. */
    public static void repMovsByte(Cpu c, Insn i) {
        repeatMove(c, i, 1);
    }

    /** MOVSW, MOVSD, MOVSQ. */
    public static void movs(Cpu c, Insn i) {
        move(c, i, i.operandSize);
    }

    /** REP MOVSW, MOVSD, MOVSQ. */
    public static void repMovs(Cpu c, Insn i) {
        repeatMove(c, i, i.operandSize);
    }

    /** STOSB. */
    public static void stosByte(Cpu c, Insn i) {
        store(c, i, 1);
    }

    /** REP STOSB. */
    public static void repStosByte(Cpu c, Insn i) {
        repeatStore(c, i, 1);
    }

    /** STOSW, STOSD, STOSQ. */
    public static void stos(Cpu c, Insn i) {
        store(c, i, i.operandSize);
    }

    /** REP STOSW, STOSD, STOSQ. */
    public static void repStos(Cpu c, Insn i) {
        repeatStore(c, i, i.operandSize);
    }

    /** LODSB. */
    public static void lodsByte(Cpu c, Insn i) {
        load(c, i, 1);
    }

    /** REP LODSB. */
    public static void repLodsByte(Cpu c, Insn i) {
        repeatLoad(c, i, 1);
    }

    /** LODSW, LODSD, LODSQ. */
    public static void lods(Cpu c, Insn i) {
        load(c, i, i.operandSize);
    }

    /** REP LODSW, LODSD, LODSQ. */
    public static void repLods(Cpu c, Insn i) {
        repeatLoad(c, i, i.operandSize);
    }

    /** CMPSB. */
    public static void cmpsByte(Cpu c, Insn i) {
        compare(c, i, 1);
    }

    /** REPE CMPSB. */
    public static void repeCmpsByte(Cpu c, Insn i) {
        repeatCompare(c, i, 1, false);
    }

    /** REPNE CMPSB. */
    public static void repneCmpsByte(Cpu c, Insn i) {
        repeatCompare(c, i, 1, true);
    }

    /** CMPSW, CMPSD, CMPSQ. */
    public static void cmps(Cpu c, Insn i) {
        compare(c, i, i.operandSize);
    }

    /** REPE CMPSW, CMPSD, CMPSQ. */
    public static void repeCmps(Cpu c, Insn i) {
        repeatCompare(c, i, i.operandSize, false);
    }

    /** REPNE CMPSW, CMPSD, CMPSQ. */
    public static void repneCmps(Cpu c, Insn i) {
        repeatCompare(c, i, i.operandSize, true);
    }

    /** SCASB. */
    public static void scasByte(Cpu c, Insn i) {
        scan(c, i, 1);
    }

    /** REPE SCASB. */
    public static void repeScasByte(Cpu c, Insn i) {
        repeatScan(c, i, 1, false);
    }

    /** REPNE SCASB. */
    public static void repneScasByte(Cpu c, Insn i) {
        repeatScan(c, i, 1, true);
    }

    /** SCASW, SCASD, SCASQ. */
    public static void scas(Cpu c, Insn i) {
        scan(c, i, i.operandSize);
    }

    /** REPE SCASW, SCASD, SCASQ. */
    public static void repeScas(Cpu c, Insn i) {
        repeatScan(c, i, i.operandSize, false);
    }

    /** REPNE SCASW, SCASD, SCASQ. */
    public static void repneScas(Cpu c, Insn i) {
        repeatScan(c, i, i.operandSize, true);
    }
}
