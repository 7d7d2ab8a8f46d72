package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;

/** DR0–DR7 and the breakpoints they set (SDM volume 3, 18.2). */
public final class DebugRegisters {
    /** DR6 bits. */
    private static final long BREAKPOINTS = 15, ACCESS_DETECTED = 1 << 13;

    /** DR6 bits that are always 1, and what software can change. */
    private static final long DR6_ONES = 0xffff_0ff0L, DR6_WRITABLE = 0xe00f;

    /** DR7 bits that are always 1, and what software can change. */
    private static final long DR7_ONES = 0x400, DR7_WRITABLE = 0xffff_23ffL;

    private static final long GENERAL_DETECT = 1 << 13;

    /** Kinds of breakpoint in DR7.R/W. */
    private static final int EXECUTE = 0, WRITE = 1, IO = 2;

    private DebugRegisters() {}

    private static int number(Cpu c, Insn i) {
        int n = i.reg;
        if (n > 7) {
            throw c.ud();
        }
        if (n == 4 || n == 5) {
            if ((c.cr4 & 8) != 0) {
                throw c.ud();
            }
            n += 2;
        }
        ControlRegisters.requireSupervisor(c);
        if ((c.dr[7] & GENERAL_DETECT) != 0) {
            c.dr[6] |= ACCESS_DETECTED;
            throw c.fault(1, GuestException.NO_ERROR_CODE);
        }
        return n;
    }

    private static int register(Insn i) {
        return i.modrm & 7 | (i.rex & 1) << 3;
    }

    /** MOV r, DRn. */
    public static void movFromDebug(Cpu c, Insn i) {
        int n = number(c, i);
        c.reg(register(i), c.mode64 ? 8 : 4, c.dr[n]);
    }

    /** MOV DRn, r. */
    public static void movToDebug(Cpu c, Insn i) {
        int n = number(c, i);
        long value = c.reg(register(i), c.mode64 ? 8 : 4);
        if (n >= 6) {
            if (value >>> 32 != 0) {
                throw c.gp(0);
            }
            value = n == 6 ? value & DR6_WRITABLE | DR6_ONES : value & DR7_WRITABLE | DR7_ONES;
        }
        c.dr[n] = value;
        changed(c);
    }

    /** To be called after DR0–DR7 changed other than by MOV. */
    public static void changed(Cpu c) {
        c.mem.flushAll();
        if (enabled(c)) {
            c.attend(Cpu.ATTENTION_DEBUG);
        }
    }

    private static boolean enabled(long dr7, int n) {
        return (dr7 >> n * 2 & 3) != 0;
    }

    private static int kind(long dr7, int n) {
        return (int) (dr7 >> 16 + n * 4) & 3;
    }

    /** Bytes that breakpoint {@code n} covers. */
    private static int length(long dr7, int n) {
        int code = (int) (dr7 >> 18 + n * 4) & 3;
        return code == 2 ? 8 : code + 1;
    }

    /** True if any breakpoint is enabled: instructions must run one at a time. */
    public static boolean enabled(Cpu c) {
        return (c.dr[7] & 0xff) != 0;
    }

    /** DR6 bits of the instruction breakpoints at this linear address; 0 for none. */
    public static long instruction(Cpu c, long linear) {
        long dr7 = c.dr[7];
        long hit = 0;
        if ((dr7 & 0xff) != 0) {
            for (int n = 0; n < 4; n++) {
                if (enabled(dr7, n) && kind(dr7, n) == EXECUTE && c.dr[n] == linear) {
                    hit |= 1L << n;
                }
            }
        }
        return hit;
    }

    /** True if a data breakpoint covers part of the page: its accesses must be looked at. */
    public static boolean watchesPage(Cpu c, long linear) {
        long dr7 = c.dr[7];
        for (int n = 0; n < 4; n++) {
            if (enabled(dr7, n) && (kind(dr7, n) & 1) != 0 && (c.dr[n] ^ linear) >>> 12 == 0) {
                return true;
            }
        }
        return false;
    }

    /** Looks at a data access; a hit becomes a #DB trap after the instruction. */
    public static void data(Cpu c, long linear, int size, boolean write) {
        long dr7 = c.dr[7];
        for (int n = 0; n < 4; n++) {
            if (!enabled(dr7, n)) {
                continue;
            }
            int kind = kind(dr7, n);
            if (kind == 3 || kind == WRITE && write) {
                hit(c, n, linear, size, dr7);
            }
        }
    }

    /** Looks at an access of an I/O port; a hit becomes a #DB trap after the instruction. */
    public static void io(Cpu c, int port, int size) {
        long dr7 = c.dr[7];
        if ((dr7 & 0xff) == 0 || (c.cr4 & 8) == 0) {
            return;
        }
        for (int n = 0; n < 4; n++) {
            if (enabled(dr7, n) && kind(dr7, n) == IO) {
                hit(c, n, port, size, dr7);
            }
        }
    }

    private static void hit(Cpu c, int n, long start, int size, long dr7) {
        int length = length(dr7, n);
        long first = c.dr[n] & -length;
        if (start < first + length && first < start + size) {
            c.pendingDebug |= 1L << n;
            c.attend(Cpu.ATTENTION_DEBUG);
        }
    }

    /**
     * Delivers #DB as a trap (or, for instruction breakpoints, a fault) with these DR6 conditions.
     */
    public static void deliver(Cpu c, long conditions) {
        c.dr[6] = c.dr[6] & ~BREAKPOINTS | conditions;
        c.dr[7] &= ~GENERAL_DETECT;
        Delivery.debugTrap(c);
    }
}
