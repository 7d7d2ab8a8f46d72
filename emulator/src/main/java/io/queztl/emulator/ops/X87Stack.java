package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.fpu.Float80;
import io.queztl.emulator.fpu.FloatStatus;

/**
 * What all x87 instructions share: when they fault, the register stack, the status word and the
 * pointers to the last instruction (SDM volume 1, chapter 8).
 *
 * <p>An instruction computes into {@link X87#floatStatus}, which changes nothing that the guest
 * sees, writes its memory operand if it has one, which may fault, and then calls {@link #finish},
 * which sets the status word and says whether the result is to be kept.
 */
final class X87Stack {
    /** Status word bits. */
    static final int STACK_FAULT = 1 << 6,
            SUMMARY = 1 << 7,
            C0 = 1 << 8,
            C1 = 1 << 9,
            C2 = 1 << 10,
            C3 = 1 << 14,
            BUSY = 1 << 15;

    private static final int EXCEPTIONS = 0x3f;
    private static final int MATH_FAULT = 16;

    /** CR0.EM and CR0.TS. */
    private static final long EM_TS = 0xC;

    private static final int NO_ERROR_CODE = -1;

    private X87Stack() {}

    // --- before an instruction
    // ----------------------------------------------------------------------

    /** #NM if the operating system wants it. */
    static X87 available(Cpu c) {
        if ((c.cr0 & EM_TS) != 0) {
            throw c.nm();
        }
        return c.x87;
    }

    /** As {@link #available}, and #MF if an unmasked exception is pending. */
    static X87 waiting(Cpu c) {
        X87 x = available(c);
        raisePending(c, x);
        return x;
    }

    /** #MF if an unmasked exception is pending and CR0.NE is set. */
    static void raisePending(Cpu c, X87 x) {
        if ((x.status & SUMMARY) != 0 && (c.cr0 & 1 << 5) != 0) {
            throw c.fault(MATH_FAULT, NO_ERROR_CODE);
        }
    }

    /** Starts an instruction that computes. */
    static X87 begin(Cpu c) {
        X87 x = waiting(c);
        x.floatStatus.beginX87(x.control);
        return x;
    }

    /**
     * Records where the instruction and its memory operand are. To be called once it cannot fault.
     */
    static void record(Cpu c, X87 x, Insn i) {
        x.lastOpcode = opcode(i) << 8 & 0x700 | i.modrm & 0xff;
        x.lastInstruction = c.nextRip(i.offset);
        x.lastInstructionSelector = c.mode64 ? 0 : c.selector[Cpu.CS];
        if (i.mem) {
            x.lastData = i.effectiveAddress(c);
            x.lastDataSelector = c.mode64 ? 0 : c.selector[i.segment];
        }
    }

    private static int opcode(Insn i) {
        return i.row.opcode;
    }

    // --- the register stack
    // -------------------------------------------------------------------------

    /** Physical number of ST(n). */
    static int st(X87 x, int n) {
        return x.top + n & 7;
    }

    static boolean isEmpty(X87 x, int register) {
        return (x.empty >> register & 1) != 0;
    }

    /** Writes a register and marks it valid. */
    static void set(X87 x, int register, int signExponent, long significand) {
        x.signExponent[register] = signExponent;
        x.significand[register] = significand;
        x.empty &= ~(1 << register);
    }

    /** Writes the last result to a register. */
    static void setResult(X87 x, int register) {
        set(x, register, x.floatStatus.signExponent, x.floatStatus.significand);
    }

    /** Writes the default NaN to a register. */
    static void setIndefinite(X87 x, int register) {
        set(x, register, 0xFFFF, 3L << 62);
    }

    static void pop(X87 x) {
        x.empty |= 1 << x.top;
        x.top = x.top + 1 & 7;
    }

    /** Moves TOP for a push; the new register is still to be written. */
    static int push(X87 x) {
        x.top = x.top - 1 & 7;
        return x.top;
    }

    // --- the status word
    // ----------------------------------------------------------------------------

    /** Recomputes the summary and busy bits from flags and masks. */
    static void summarize(X87 x) {
        if ((x.status & ~x.control & EXCEPTIONS) != 0) {
            x.status |= SUMMARY | BUSY;
        } else {
            x.status &= ~(SUMMARY | BUSY);
        }
    }

    /** Sets C1. */
    static void condition1(X87 x, boolean on) {
        x.status = on ? x.status | C1 : x.status & ~C1;
    }

    /** Sets C3, C2 and C0. */
    static void conditions(X87 x, int bits) {
        x.status = x.status & ~(C3 | C2 | C0) | bits;
    }

    /**
     * Takes over the flags of a computation.
     *
     * @return false if an unmasked exception forbids to store the result in a register
     */
    static boolean finish(X87 x) {
        FloatStatus s = x.floatStatus;
        x.status = x.status & ~C1 | s.raised() | (s.roundedUp && !s.suppressed() ? C1 : 0);
        if (s.trapped()) {
            x.status |= SUMMARY | BUSY;
        }
        return !s.suppressed();
    }

    /**
     * Stack overflow or underflow.
     *
     * @return true if it is masked, so that the default NaN takes the place of the result
     */
    static boolean stackFault(X87 x, boolean overflow) {
        x.status = x.status & ~C1 | FloatStatus.INVALID | STACK_FAULT | (overflow ? C1 : 0);
        if ((x.control & FloatStatus.INVALID) != 0) {
            return true;
        }
        x.status |= SUMMARY | BUSY;
        return false;
    }

    /** True if an operation would fault on the stack and the fault is not masked. */
    static boolean unmasked(X87 x) {
        return (x.control & FloatStatus.INVALID) == 0;
    }

    // --- the environment
    // ----------------------------------------------------------------------------

    /** Status word with TOP. */
    static int statusWord(X87 x) {
        return x.status & ~0x3800 | x.top << 11;
    }

    /** The full tag word: two bits a register, from its contents. */
    static int tagWord(X87 x) {
        int tags = 0;
        for (int n = 0; n < 8; n++) {
            int tag = isEmpty(x, n) ? 3 : Float80.tag(x.signExponent[n], x.significand[n]);
            tags |= tag << 2 * n;
        }
        return tags;
    }

    /** FNINIT; register contents stay. */
    static void initialize(X87 x) {
        x.control = 0x37F;
        x.status = 0;
        x.top = 0;
        x.empty = 0xff;
        x.lastOpcode = 0;
        x.lastInstruction = 0;
        x.lastInstructionSelector = 0;
        x.lastData = 0;
        x.lastDataSelector = 0;
    }
}
