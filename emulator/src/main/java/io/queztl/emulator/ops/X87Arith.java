package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.fpu.Float80;
import io.queztl.emulator.fpu.FloatStatus;

/**
 * x87 arithmetic and comparison (SDM volume 1, 8.3.5 and 8.3.6). The eight operations of the D8,
 * DC, DE, DA groups differ only in ModRM.reg, so one method serves all eight.
 *
 * <p>Comparisons set the condition codes even if an unmasked exception comes with them, as AMD's
 * CPUs do; the SDM leaves them alone then.
 */
public final class X87Arith {
    private static final int COM = 2, COMP = 3;
    private static final int UNORDERED = X87Stack.C3 | X87Stack.C2 | X87Stack.C0;

    private X87Arith() {}

    // --- the eight operations
    // -----------------------------------------------------------------------

    /** Operation 0–7 on ST(0), a, and another operand, b: add, mul, -, -, sub, subr, div, divr. */
    private static void operate(
            FloatStatus s, int operation, int aSe, long aSig, int bSe, long bSig) {
        switch (operation) {
            case 0 -> Float80.add(s, aSe, aSig, bSe, bSig);
            case 1 -> Float80.mul(s, aSe, aSig, bSe, bSig);
            case 4 -> Float80.sub(s, aSe, aSig, bSe, bSig);
            case 5 -> Float80.sub(s, bSe, bSig, aSe, aSig);
            case 6 -> Float80.div(s, aSe, aSig, bSe, bSig);
            default -> Float80.div(s, bSe, bSig, aSe, aSig);
        }
    }

    /** With a binary32 in memory. */
    public static void real4(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        int value = (int) c.mem.load32(Operands.address(c, i, 4, false));
        X87Stack.record(c, x, i);
        Float80.operand32(x.floatStatus, value);
        withMemory(x, i);
    }

    /** With a binary64 in memory. */
    public static void real8(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        long value = c.mem.load64(Operands.address(c, i, 8, false));
        X87Stack.record(c, x, i);
        Float80.operand64(x.floatStatus, value);
        withMemory(x, i);
    }

    /** With a 16-bit integer in memory. */
    public static void integer2(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        short value = (short) c.mem.load16(Operands.address(c, i, 2, false));
        X87Stack.record(c, x, i);
        Float80.fromInteger(x.floatStatus, value);
        withMemory(x, i);
    }

    /** With a 32-bit integer in memory. */
    public static void integer4(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        int value = (int) c.mem.load32(Operands.address(c, i, 4, false));
        X87Stack.record(c, x, i);
        Float80.fromInteger(x.floatStatus, value);
        withMemory(x, i);
    }

    private static void withMemory(X87 x, Insn i) {
        FloatStatus s = x.floatStatus;
        int operation = i.modrm >> 3 & 7;
        int a = x.top;
        if (operation == COM || operation == COMP) {
            compareMemory(x, a, s.signExponent, s.significand, operation == COMP);
            return;
        }
        if (X87Stack.isEmpty(x, a)) {
            if (X87Stack.stackFault(x, false)) {
                X87Stack.setIndefinite(x, a);
            }
            return;
        }
        operate(s, operation, x.signExponent[a], x.significand[a], s.signExponent, s.significand);
        if (X87Stack.finish(x)) {
            X87Stack.setResult(x, a);
        }
    }

    /** ST(0) = ST(0) op ST(i). */
    public static void toTop(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        withRegister(x, i, x.top);
    }

    /** ST(i) = ST(0) op ST(i). */
    public static void toRegister(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        withRegister(x, i, X87Stack.st(x, i.modrm & 7));
    }

    /** ST(i) = ST(0) op ST(i), then pop. */
    public static void toRegisterPop(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        if (withRegister(x, i, X87Stack.st(x, i.modrm & 7))) {
            X87Stack.pop(x);
        }
    }

    private static boolean withRegister(X87 x, Insn i, int destination) {
        int a = x.top;
        int b = X87Stack.st(x, i.modrm & 7);
        if (X87Stack.isEmpty(x, a) || X87Stack.isEmpty(x, b)) {
            boolean masked = X87Stack.stackFault(x, false);
            if (masked) {
                X87Stack.setIndefinite(x, destination);
            }
            return masked;
        }
        operate(
                x.floatStatus,
                i.modrm >> 3 & 7,
                x.signExponent[a],
                x.significand[a],
                x.signExponent[b],
                x.significand[b]);
        boolean keep = X87Stack.finish(x);
        if (keep) {
            X87Stack.setResult(x, destination);
        }
        return keep;
    }

    // --- comparison
    // -----------------------------------------------------------------------------------

    private static int conditions(int relation) {
        return switch (relation) {
            case Float80.LESS -> X87Stack.C0;
            case Float80.GREATER -> 0;
            case Float80.EQUAL -> X87Stack.C3;
            default -> UNORDERED;
        };
    }

    private static void compareMemory(X87 x, int a, int bSe, long bSig, boolean pop) {
        if (X87Stack.isEmpty(x, a)) {
            X87Stack.conditions(x, UNORDERED);
            if (X87Stack.stackFault(x, false) && pop) {
                X87Stack.pop(x);
            }
            return;
        }
        int relation =
                Float80.compare(
                        x.floatStatus, x.signExponent[a], x.significand[a], bSe, bSig, true);
        X87Stack.conditions(x, conditions(relation));
        if (X87Stack.finish(x) && pop) {
            X87Stack.pop(x);
        }
    }

    private static void compareRegister(Cpu c, Insn i, boolean signaling, int pops) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        int b = X87Stack.st(x, i.modrm & 7);
        if (X87Stack.isEmpty(x, a) || X87Stack.isEmpty(x, b)) {
            X87Stack.conditions(x, UNORDERED);
            if (!X87Stack.stackFault(x, false)) {
                return;
            }
        } else {
            int relation =
                    Float80.compare(
                            x.floatStatus,
                            x.signExponent[a],
                            x.significand[a],
                            x.signExponent[b],
                            x.significand[b],
                            signaling);
            X87Stack.conditions(x, conditions(relation));
            if (!X87Stack.finish(x)) {
                return;
            }
        }
        for (int k = 0; k < pops; k++) {
            X87Stack.pop(x);
        }
    }

    /** FCOM ST(i). */
    public static void fcom(Cpu c, Insn i) {
        compareRegister(c, i, true, 0);
    }

    /** FCOMP ST(i). */
    public static void fcomp(Cpu c, Insn i) {
        compareRegister(c, i, true, 1);
    }

    /** FCOMPP. */
    public static void fcompp(Cpu c, Insn i) {
        compareRegister(c, i, true, 2);
    }

    /** FUCOM ST(i). */
    public static void fucom(Cpu c, Insn i) {
        compareRegister(c, i, false, 0);
    }

    /** FUCOMP ST(i). */
    public static void fucomp(Cpu c, Insn i) {
        compareRegister(c, i, false, 1);
    }

    /** FUCOMPP. */
    public static void fucompp(Cpu c, Insn i) {
        compareRegister(c, i, false, 2);
    }

    private static void compareFlags(Cpu c, Insn i, boolean signaling, boolean pop) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        int b = X87Stack.st(x, i.modrm & 7);
        int relation = Float80.UNORDERED;
        boolean keep;
        if (X87Stack.isEmpty(x, a) || X87Stack.isEmpty(x, b)) {
            keep = X87Stack.stackFault(x, false);
        } else {
            relation =
                    Float80.compare(
                            x.floatStatus,
                            x.signExponent[a],
                            x.significand[a],
                            x.signExponent[b],
                            x.significand[b],
                            signaling);
            // C1 stays, unlike with FCOM.
            int c1 = x.status & X87Stack.C1;
            keep = X87Stack.finish(x);
            x.status |= c1;
        }
        Flags.arithmetic(
                c,
                switch (relation) {
                    case Float80.LESS -> Flags.CF;
                    case Float80.GREATER -> 0;
                    case Float80.EQUAL -> Flags.ZF;
                    default -> Flags.ZF | Flags.PF | Flags.CF;
                });
        if (keep && pop) {
            X87Stack.pop(x);
        }
    }

    /** FCOMI. */
    public static void fcomi(Cpu c, Insn i) {
        compareFlags(c, i, true, false);
    }

    /** FCOMIP. */
    public static void fcomip(Cpu c, Insn i) {
        compareFlags(c, i, true, true);
    }

    /** FUCOMI. */
    public static void fucomi(Cpu c, Insn i) {
        compareFlags(c, i, false, false);
    }

    /** FUCOMIP. */
    public static void fucomip(Cpu c, Insn i) {
        compareFlags(c, i, false, true);
    }

    /** FTST: ST(0) against +0. */
    public static void ftst(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        compareMemory(x, x.top, 0, 0, false);
    }

    /** FXAM: the class of ST(0); C1 is its sign, even of an empty register. */
    public static void fxam(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        X87Stack.condition1(x, (x.signExponent[a] & 0x8000) != 0);
        X87Stack.conditions(
                x,
                X87Stack.isEmpty(x, a)
                        ? X87Stack.C3 | X87Stack.C0
                        : Float80.examine(x.signExponent[a], x.significand[a]));
    }

    // --- one operand
    // ----------------------------------------------------------------------------------

    /** FCHS. */
    public static void fchs(Cpu c, Insn i) {
        sign(c, i, 0x8000, -1);
    }

    /** FABS. */
    public static void fabs(Cpu c, Insn i) {
        sign(c, i, 0, 0x7fff);
    }

    private static void sign(Cpu c, Insn i, int flip, int keep) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        if (!X87Stack.isEmpty(x, a)) {
            X87Stack.condition1(x, false);
            x.signExponent[a] = (x.signExponent[a] ^ flip) & keep;
        } else if (X87Stack.stackFault(x, false)) {
            X87Stack.setIndefinite(x, a);
        }
    }

    /**
     * Starts an operation on ST(0): true if ST(0) is there; otherwise the stack fault is dealt
     * with.
     */
    private static boolean operand(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        if (!X87Stack.isEmpty(x, x.top)) {
            return true;
        }
        if (X87Stack.stackFault(x, false)) {
            X87Stack.setIndefinite(x, x.top);
        }
        return false;
    }

    /** Starts an operation on ST(0) and ST(1) with a result in ST(0). */
    private static boolean operands(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        if (!X87Stack.isEmpty(x, x.top) && !X87Stack.isEmpty(x, X87Stack.st(x, 1))) {
            return true;
        }
        if (X87Stack.stackFault(x, false)) {
            X87Stack.setIndefinite(x, x.top);
        }
        return false;
    }

    private static void finishTop(X87 x) {
        if (X87Stack.finish(x)) {
            X87Stack.setResult(x, x.top);
        }
    }

    /** FSQRT. */
    public static void fsqrt(Cpu c, Insn i) {
        if (operand(c, i)) {
            X87 x = c.x87;
            Float80.sqrt(x.floatStatus, x.signExponent[x.top], x.significand[x.top]);
            finishTop(x);
        }
    }

    /** FRNDINT. */
    public static void frndint(Cpu c, Insn i) {
        if (operand(c, i)) {
            X87 x = c.x87;
            Float80.roundToIntegral(x.floatStatus, x.signExponent[x.top], x.significand[x.top]);
            finishTop(x);
        }
    }

    /** FSCALE: ST(0) times 2 to the ST(1). */
    public static void fscale(Cpu c, Insn i) {
        if (operands(c, i)) {
            X87 x = c.x87;
            int b = X87Stack.st(x, 1);
            Float80.scale(
                    x.floatStatus,
                    x.signExponent[x.top],
                    x.significand[x.top],
                    x.signExponent[b],
                    x.significand[b]);
            finishTop(x);
        }
    }

    /** FPREM. */
    public static void fprem(Cpu c, Insn i) {
        remainder(c, i, false);
    }

    /** FPREM1. */
    public static void fprem1(Cpu c, Insn i) {
        remainder(c, i, true);
    }

    private static void remainder(Cpu c, Insn i, boolean nearest) {
        X87 x = c.x87;
        boolean valid = operands(c, i);
        x.status &= ~X87Stack.C2;
        if (!valid) {
            return;
        }
        FloatStatus s = x.floatStatus;
        int b = X87Stack.st(x, 1);
        Float80.remainder(
                s,
                x.signExponent[x.top],
                x.significand[x.top],
                x.signExponent[b],
                x.significand[b],
                nearest);
        if (!X87Stack.finish(x)) {
            return;
        }
        X87Stack.setResult(x, x.top);
        if ((s.signExponent & 0x7fff) == 0x7fff) {
            return; // a NaN: C0 and C3 stay
        }
        int q = s.quotient;
        X87Stack.conditions(
                x,
                (s.incomplete ? X87Stack.C2 : 0)
                        | ((q & 4) != 0 ? X87Stack.C0 : 0)
                        | ((q & 2) != 0 ? X87Stack.C3 : 0));
        X87Stack.condition1(x, (q & 1) != 0);
    }

    /** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
    public static void fxtract(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        boolean underflow = X87Stack.isEmpty(x, a);
        if (underflow || !X87Stack.isEmpty(x, X87Stack.st(x, 7))) {
            if (X87Stack.stackFault(x, !underflow)) {
                X87Stack.setIndefinite(x, a);
                X87Stack.setIndefinite(x, X87Stack.push(x));
            }
            return;
        }
        FloatStatus s = x.floatStatus;
        int se = x.signExponent[a];
        long sig = x.significand[a];
        Float80.exponent(s, se, sig);
        if (X87Stack.finish(x)) {
            X87Stack.setResult(x, a);
            Float80.significand(s, se, sig);
            X87Stack.setResult(x, X87Stack.push(x));
        }
    }
}
