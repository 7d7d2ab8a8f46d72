package io.queztl.emulator.oracle;

import static io.queztl.testkit.oracle.CaseLayout.AFTER;
import static io.queztl.testkit.oracle.CaseLayout.CR2;
import static io.queztl.testkit.oracle.CaseLayout.CRASHED;
import static io.queztl.testkit.oracle.CaseLayout.ERROR;
import static io.queztl.testkit.oracle.CaseLayout.FXSAVE;
import static io.queztl.testkit.oracle.CaseLayout.RFLAGS;
import static io.queztl.testkit.oracle.CaseLayout.RIP;
import static io.queztl.testkit.oracle.CaseLayout.SIGNAL;
import static io.queztl.testkit.oracle.CaseLayout.TRAP;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.YMM_HIGH;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.cpu.X87;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Compares what the software CPU left with what the host CPU left. */
final class Comparison {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final String[] NAMES = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15"
    };

    /** Arithmetic flags, DF, NT, AC, ID. */
    private static final int COMPARED_FLAGS = 0x8D5 | 1 << 10 | 1 << 14 | 1 << 18 | 1 << 21;

    private static final int BREAKPOINT = 3;
    private static final int PAGE_FAULT = 14;
    private static final int SIGALRM = 14;

    private final UndefinedFlags undefined;

    Comparison(UndefinedFlags undefined) {
        this.undefined = undefined;
    }

    /** Returns what differs, or null if nothing does. */
    @Nullable String compare(Form f, SoftwareRunner soft, MemorySegment m, long before) {
        StringBuilder d = new StringBuilder();
        Cpu c = soft.cpu;
        long s = before + AFTER;
        if (soft.broken != null) {
            return "software CPU threw "
                    + soft.broken
                    + " at "
                    + (soft.broken.getStackTrace().length > 0
                            ? soft.broken.getStackTrace()[0]
                            : "?");
        }
        long signal = m.get(LONG, s + SIGNAL);
        if (signal == CRASHED || signal == SIGALRM) {
            return signal == CRASHED ? "the native process died" : "native code hung";
        }
        int trap = (int) m.get(LONG, s + TRAP);
        long error = m.get(LONG, s + ERROR);
        long cr2 = m.get(LONG, s + CR2);
        long rip = m.get(LONG, s + RIP);
        int fault = trap;
        if (trap == BREAKPOINT) {
            fault = -1;
            rip -= 1;
        } else if (trap == PAGE_FAULT && cr2 == rip && (error & 0x10) != 0) {
            fault = -1; // a branch went there
        }
        if (fault != soft.fault) {
            note(d, "fault", fault, soft.fault);
        } else if (fault == PAGE_FAULT) {
            // The host kernel hides whether kernel addresses are mapped.
            long mask = cr2 < 0 ? ~1L : -1L;
            if ((error & mask) != (soft.errorCode & mask)) {
                note(d, "error code", error, soft.errorCode);
            }
            if (cr2 != c.cr2 && !Exceptions.addressMayDiffer(f)) {
                note(d, "cr2", cr2, c.cr2);
            }
        } else if (fault >= 10 && fault <= 13 || fault == 17) {
            int e = soft.errorCode == GuestException.NO_ERROR_CODE ? 0 : soft.errorCode;
            if (e != (int) error) {
                note(d, "error code", error, e);
            }
        }
        if (rip != c.rip) {
            note(d, "rip", rip, c.rip);
        }
        for (int i = 0; i < 16; i++) {
            long n = m.get(LONG, s + 8 * i);
            if (n != c.r[i] && !Exceptions.registerMayDiffer(f, m, before, i)) {
                note(d, NAMES[i], n, c.r[i]);
            }
        }
        int mask = COMPARED_FLAGS;
        if (fault < 0) {
            mask &= ~undefined.mask(f, m.get(LONG, before + 8));
        }
        int nf = (int) m.get(LONG, s + RFLAGS) & mask;
        int sf = c.rflags() & mask;
        if (nf != sf && !Exceptions.flagsMayDiffer(f, m, before)) {
            note(d, "rflags", nf, sf);
        }
        fp(f, soft, m, before, d);
        if (!soft.windowEquals(m, s + WINDOW) && !Exceptions.memoryMayDiffer(f, soft, m, before)) {
            for (int i = 0; i < WINDOW_BYTES; i++) {
                byte n = m.get(ValueLayout.JAVA_BYTE, s + WINDOW + i);
                if (n != soft.window(i)) {
                    note(d, "memory+0x" + Integer.toHexString(i), n & 0xff, soft.window(i) & 0xff);
                }
            }
        }
        return d.isEmpty() ? null : d.toString();
    }

    private static void fp(
            Form f, SoftwareRunner soft, MemorySegment m, long before, StringBuilder d) {
        long fx = before + AFTER + FXSAVE;
        long high = before + AFTER + YMM_HIGH;
        Cpu c = soft.cpu;
        X87 x = c.x87;
        long first = m.get(LONG, fx);
        if ((first & 0xffff) != (x.control & 0xffff)) {
            note(d, "fcw", first & 0xffff, x.control);
        }
        int nsw = (int) (first >>> 16) & 0xffff;
        if (nsw != soft.statusWord()
                && !Exceptions.statusMayDiffer(f, nsw, soft.statusWord(), m, before)) {
            note(d, "fsw", nsw, soft.statusWord());
        }
        if ((first >>> 32 & 0xff) != (~x.empty & 0xff)) {
            note(d, "valid tags", first >>> 32 & 0xff, ~x.empty & 0xff);
        }
        int mxcsr = m.get(INT, fx + 24);
        if (mxcsr != c.mxcsr && !Exceptions.mxcsrMayDiffer(f, mxcsr, c.mxcsr)) {
            note(d, "mxcsr", mxcsr, c.mxcsr);
        }
        int top = nsw >> 11 & 7;
        for (int i = 0; i < 8; i++) {
            int k = top + i & 7;
            long sig = m.get(LONG, fx + 32 + 16 * i);
            int exp = (int) m.get(LONG, fx + 40 + 16 * i) & 0xffff;
            if ((sig != x.significand[k] || exp != (x.signExponent[k] & 0xffff))
                    && !Exceptions.x87MayDiffer(
                            f, sig, exp, x.significand[k], x.signExponent[k] & 0xffff)) {
                d.append(
                        "  st%d: native %04x.%016x software %04x.%016x%n"
                                .formatted(
                                        i, exp, sig, x.signExponent[k] & 0xffff, x.significand[k]));
            }
        }
        for (int i = 0; i < 16; i++) {
            int v = i * Cpu.VEC_STRIDE;
            for (int h = 0; h < 4; h++) {
                long n =
                        m.get(LONG, h < 2 ? fx + 160 + 16 * i + 8 * h : high + 16 * i + 8 * h - 16);
                if (n != c.vec[v + h] && !Exceptions.vectorMayDiffer(f, n, c.vec[v + h])) {
                    note(d, "ymm" + i + "[" + h + "]", n, c.vec[v + h]);
                }
            }
        }
    }

    private static void note(StringBuilder d, String what, long n, long soft) {
        if (d.length() < 3000) {
            d.append("  %s: native %x software %x%n".formatted(what, n, soft));
        }
    }

    /** The state before, for a report. */
    static String state(Form f, MemorySegment m, long s) {
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < 16; i++) {
            b.append("%s=%x ".formatted(NAMES[i], m.get(LONG, s + 8 * i)));
        }
        b.append("rip=%x rflags=%x".formatted(m.get(LONG, s + RIP), m.get(LONG, s + RFLAGS)));
        long first = m.get(LONG, s + FXSAVE);
        b.append(
                "%n   fcw=%x fsw=%x tags=%x mxcsr=%x"
                        .formatted(
                                first & 0xffff,
                                first >>> 16 & 0xffff,
                                first >>> 32 & 0xff,
                                m.get(INT, s + FXSAVE + 24)));
        if (f.row.x87() || f.row.operands().contains("P")) {
            for (int i = 0; i < 8; i++) {
                b.append(
                        "%n   st%d=%04x.%016x"
                                .formatted(
                                        i,
                                        m.get(LONG, s + FXSAVE + 40 + 16 * i) & 0xffff,
                                        m.get(LONG, s + FXSAVE + 32 + 16 * i)));
            }
        }
        if (f.row.vector()) {
            for (int i = 0; i < 16; i++) {
                if (i == 0 || i == f.modrmReg || i == f.modrmRm) {
                    b.append(
                            "%n   xmm%d=%016x.%016x"
                                    .formatted(
                                            i,
                                            m.get(LONG, s + FXSAVE + 168 + 16 * i),
                                            m.get(LONG, s + FXSAVE + 160 + 16 * i)));
                }
            }
        }
        if (f.memory && f.addressSize != 2) {
            long a =
                    f.displacement
                            + (f.base == Form.NONE ? 0 : m.get(LONG, s + 8 * f.base))
                            + (f.index == Form.NONE ? 0 : m.get(LONG, s + 8 * f.index) << f.scale)
                            + (f.ripRelative ? m.get(LONG, s + RIP) + f.length : 0)
                            + (f.segmentGs ? io.queztl.testkit.oracle.CaseLayout.DATA_ADDRESS : 0);
            a &= f.addressSize == 4 ? 0xffff_ffffL : -1;
            long o = a - io.queztl.testkit.oracle.CaseLayout.WINDOW_ADDRESS;
            b.append("%n   memory operand at %x".formatted(a));
            if (o >= 0 && o <= WINDOW_BYTES - 16) {
                b.append(
                        ": %016x %016x"
                                .formatted(
                                        m.get(LONG, s + WINDOW + o),
                                        m.get(LONG, s + WINDOW + o + 8)));
            }
        }
        return b.toString();
    }
}
