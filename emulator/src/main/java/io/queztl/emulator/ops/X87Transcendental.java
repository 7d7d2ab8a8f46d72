package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.fpu.FloatStatus;
import io.queztl.emulator.fpu.Transcendental;

/** x87 transcendental instructions (SDM volume 1, 8.3.7–8.3.10). */
public final class X87Transcendental {
    private X87Transcendental() {}

    private static X87 start(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        return x;
    }

    // --- ST(0) only
    // -------------------------------------------------------------------------------------

    /** True if ST(0) is there; otherwise the stack fault is dealt with. */
    private static boolean operand(X87 x) {
        if (!X87Stack.isEmpty(x, x.top)) {
            return true;
        }
        if (X87Stack.stackFault(x, false)) {
            X87Stack.setIndefinite(x, x.top);
        }
        return false;
    }

    private static void finish(X87 x) {
        if (X87Stack.finish(x)) {
            X87Stack.setResult(x, x.top);
        }
    }

    /** F2XM1. */
    public static void f2xm1(Cpu c, Insn i) {
        X87 x = start(c, i);
        if (operand(x)) {
            Transcendental.f2xm1(x.floatStatus, x.signExponent[x.top], x.significand[x.top]);
            finish(x);
        }
    }

    /** FSIN. */
    public static void fsin(Cpu c, Insn i) {
        X87 x = start(c, i);
        x.status &= ~X87Stack.C2;
        if (operand(x)) {
            Transcendental.fsin(x.floatStatus, x.signExponent[x.top], x.significand[x.top]);
            finishReduced(x);
        }
    }

    /** FCOS. */
    public static void fcos(Cpu c, Insn i) {
        X87 x = start(c, i);
        x.status &= ~X87Stack.C2;
        if (operand(x)) {
            Transcendental.fcos(x.floatStatus, x.signExponent[x.top], x.significand[x.top]);
            finishReduced(x);
        }
    }

    /** Out of range, only C2 is set. */
    private static boolean outOfRange(X87 x) {
        if (!x.floatStatus.incomplete) {
            return false;
        }
        x.status = x.status & ~X87Stack.C1 | X87Stack.C2;
        return true;
    }

    private static void finishReduced(X87 x) {
        if (!outOfRange(x)) {
            finish(x);
        }
    }

    // --- ST(0) and a push
    // -------------------------------------------------------------------------------

    /** True if ST(0) is there and ST(7) empty; otherwise the stack fault is dealt with. */
    private static boolean operandAndRoom(X87 x) {
        x.status &= ~X87Stack.C2;
        boolean underflow = X87Stack.isEmpty(x, x.top);
        if (!underflow && X87Stack.isEmpty(x, X87Stack.st(x, 7))) {
            return true;
        }
        if (X87Stack.stackFault(x, !underflow)) {
            X87Stack.setIndefinite(x, x.top);
            X87Stack.setIndefinite(x, X87Stack.push(x));
        }
        return false;
    }

    /** FPTAN: the tangent replaces ST(0), then 1 is pushed; a NaN is pushed itself. */
    public static void fptan(Cpu c, Insn i) {
        X87 x = start(c, i);
        if (!operandAndRoom(x)) {
            return;
        }
        FloatStatus s = x.floatStatus;
        Transcendental.fptan(s, x.signExponent[x.top], x.significand[x.top]);
        if (!outOfRange(x) && X87Stack.finish(x)) {
            X87Stack.setResult(x, x.top);
            int top = X87Stack.push(x);
            if ((s.signExponent & 0x7fff) == 0x7fff) {
                X87Stack.setResult(x, top);
            } else {
                X87Stack.set(x, top, 0x3FFF, 1L << 63);
            }
        }
    }

    /** FSINCOS: the sine replaces ST(0), then the cosine is pushed. */
    public static void fsincos(Cpu c, Insn i) {
        X87 x = start(c, i);
        if (!operandAndRoom(x)) {
            return;
        }
        FloatStatus s = x.floatStatus;
        int se = x.signExponent[x.top];
        long sig = x.significand[x.top];
        Transcendental.fcos(s, se, sig);
        int cosine = s.signExponent;
        long cosineSignificand = s.significand;
        Transcendental.fsin(s, se, sig);
        if (!outOfRange(x) && X87Stack.finish(x)) {
            X87Stack.setResult(x, x.top);
            X87Stack.set(x, X87Stack.push(x), cosine, cosineSignificand);
        }
    }

    // --- ST(1) and ST(0), then a pop
    // ----------------------------------------------------------------------

    private static boolean operands(X87 x) {
        int b = X87Stack.st(x, 1);
        if (!X87Stack.isEmpty(x, x.top) && !X87Stack.isEmpty(x, b)) {
            return true;
        }
        if (X87Stack.stackFault(x, false)) {
            X87Stack.setIndefinite(x, b);
            X87Stack.pop(x);
        }
        return false;
    }

    private static void finishPop(X87 x) {
        if (X87Stack.finish(x)) {
            X87Stack.setResult(x, X87Stack.st(x, 1));
            X87Stack.pop(x);
        }
    }

    /** FYL2X: ST(1) = ST(1) × log2(ST(0)), then pop. */
    public static void fyl2x(Cpu c, Insn i) {
        X87 x = start(c, i);
        if (operands(x)) {
            int b = X87Stack.st(x, 1);
            Transcendental.fyl2x(
                    x.floatStatus,
                    x.signExponent[x.top],
                    x.significand[x.top],
                    x.signExponent[b],
                    x.significand[b]);
            finishPop(x);
        }
    }

    /** FYL2XP1: ST(1) = ST(1) × log2(ST(0) + 1), then pop. */
    public static void fyl2xp1(Cpu c, Insn i) {
        X87 x = start(c, i);
        if (operands(x)) {
            int b = X87Stack.st(x, 1);
            Transcendental.fyl2xp1(
                    x.floatStatus,
                    x.signExponent[x.top],
                    x.significand[x.top],
                    x.signExponent[b],
                    x.significand[b]);
            finishPop(x);
        }
    }

    /** FPATAN: ST(1) = the angle of the point (ST(0), ST(1)), then pop. */
    public static void fpatan(Cpu c, Insn i) {
        X87 x = start(c, i);
        if (operands(x)) {
            int b = X87Stack.st(x, 1);
            Transcendental.fpatan(
                    x.floatStatus,
                    x.signExponent[b],
                    x.significand[b],
                    x.signExponent[x.top],
                    x.significand[x.top]);
            finishPop(x);
        }
    }
}
