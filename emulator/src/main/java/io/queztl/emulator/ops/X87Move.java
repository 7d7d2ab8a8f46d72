package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.fpu.Float80;
import io.queztl.emulator.fpu.FloatStatus;

/**
 * x87 loads, stores, exchanges, conditional moves and constants (SDM volume 1, 8.3.3 and 8.3.4).
 */
public final class X87Move {
    private X87Move() {}

    // --- loads
    // ----------------------------------------------------------------------------------------

    /** Pushes the result of a conversion. */
    private static void pushResult(X87 x) {
        if (!X87Stack.isEmpty(x, X87Stack.st(x, 7))) {
            if (X87Stack.stackFault(x, true)) {
                X87Stack.setIndefinite(x, X87Stack.push(x));
            }
        } else {
            X87Stack.finish(x);
            // A denormal operand is loaded even if that exception is not masked.
            FloatStatus s = x.floatStatus;
            if ((s.flags & s.unmasked & FloatStatus.INVALID) == 0) {
                X87Stack.setResult(x, X87Stack.push(x));
            }
        }
    }

    private static void push(X87 x, int signExponent, long significand) {
        x.floatStatus.signExponent = signExponent;
        x.floatStatus.significand = significand;
        pushResult(x);
    }

    /** FLD of a binary32. */
    public static void fld4(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        int value = (int) c.mem.load32(Operands.address(c, i, 4, false));
        X87Stack.record(c, x, i);
        Float80.load32(x.floatStatus, value);
        pushResult(x);
    }

    /** FLD of a binary64. */
    public static void fld8(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        long value = c.mem.load64(Operands.address(c, i, 8, false));
        X87Stack.record(c, x, i);
        Float80.load64(x.floatStatus, value);
        pushResult(x);
    }

    /** FLD of an 80-bit number, as it is. */
    public static void fld10(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        long linear = Operands.address(c, i, 10, false);
        c.mem.checkRead(linear, 10);
        long significand = c.mem.load64(linear);
        int signExponent = (int) c.mem.load16(linear + 8) & 0xffff;
        X87Stack.record(c, x, i);
        push(x, signExponent, significand);
    }

    /** FILD of 16 bits. */
    public static void fild2(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        fild(c, x, i, (short) c.mem.load16(Operands.address(c, i, 2, false)));
    }

    /** FILD of 32 bits. */
    public static void fild4(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        fild(c, x, i, (int) c.mem.load32(Operands.address(c, i, 4, false)));
    }

    /** FILD of 64 bits. */
    public static void fild8(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        fild(c, x, i, c.mem.load64(Operands.address(c, i, 8, false)));
    }

    private static void fild(Cpu c, X87 x, Insn i, long value) {
        X87Stack.record(c, x, i);
        Float80.fromInteger(x.floatStatus, value);
        pushResult(x);
    }

    /** FBLD. */
    public static void fbld(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        long linear = Operands.address(c, i, 10, false);
        c.mem.checkRead(linear, 10);
        long low = c.mem.load64(linear);
        int high = (int) c.mem.load16(linear + 8);
        X87Stack.record(c, x, i);
        Float80.fromBcd(x.floatStatus, low, high);
        pushResult(x);
    }

    /** FLD ST(i). */
    public static void fldRegister(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        int from = X87Stack.st(x, i.modrm & 7);
        if (X87Stack.isEmpty(x, from)) {
            if (X87Stack.stackFault(x, false)) {
                X87Stack.setIndefinite(x, X87Stack.push(x));
            }
            return;
        }
        push(x, x.signExponent[from], x.significand[from]);
    }

    // --- constants
    // ------------------------------------------------------------------------------------

    /** Significands of log2(10), log2(e), π, log10(2), ln(2), cut off at 64 bits. */
    private static final long[] CONSTANT = {
        0xD49A784BCD1B8AFEL,
        0xB8AA3B295C17F0BBL,
        0xC90FDAA22168C234L,
        0x9A209A84FBCFF798L,
        0xB17217F7D1CF79ABL
    };

    private static final int[] CONSTANT_EXPONENT = {0x4000, 0x3FFF, 0x4000, 0x3FFD, 0x3FFE};

    /** Whether the next bit of the constant is 1, so that rounding to nearest goes up. */
    private static final boolean[] CONSTANT_ABOVE_HALF = {false, true, true, true, true};

    /** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: chosen by the low bits of ModRM. */
    public static void constant(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        X87Stack.record(c, x, i);
        int n = i.modrm & 7;
        if (n == 0) {
            push(x, 0x3FFF, 1L << 63);
        } else if (n == 6) {
            push(x, 0, 0);
        } else {
            int rounding = x.floatStatus.rounding;
            boolean up =
                    rounding == FloatStatus.UP
                            || rounding == FloatStatus.NEAREST && CONSTANT_ABOVE_HALF[n - 1];
            push(x, CONSTANT_EXPONENT[n - 1], CONSTANT[n - 1] + (up ? 1 : 0));
        }
    }

    // --- stores to memory
    // -----------------------------------------------------------------------------

    /** What keeps a result from being stored in memory, beyond what does for a register. */
    private static final int NOT_STORED =
            FloatStatus.INVALID | FloatStatus.OVERFLOW | FloatStatus.UNDERFLOW;

    private static void store(Cpu c, Insn i, int size, int kind, boolean pop) {
        X87 x = X87Stack.begin(c);
        FloatStatus s = x.floatStatus;
        int a = x.top;
        boolean underflow = X87Stack.isEmpty(x, a);
        int se = underflow ? 0xFFFF : x.signExponent[a];
        long sig = underflow ? 3L << 62 : x.significand[a];
        long value =
                switch (kind) {
                    case REAL ->
                            size == 4
                                    ? Float80.toFloat32(s, se, sig)
                                    : Float80.toFloat64(s, se, sig);
                    case INTEGER -> Float80.toInteger(s, se, sig, size * 8, s.rounding);
                    default -> Float80.toInteger(s, se, sig, size * 8, FloatStatus.TOWARD_ZERO);
                };
        boolean keep = underflow ? !X87Stack.unmasked(x) : (s.flags & s.unmasked & NOT_STORED) == 0;
        if (!keep) {
            // What was not stored was not rounded either.
            s.flags &= ~FloatStatus.PRECISION;
            s.roundedUp = false;
        }
        long linear = Operands.address(c, i, size, true);
        if (keep) {
            c.mem.store(linear, size, value);
        } else {
            c.mem.checkWrite(linear, size);
        }
        X87Stack.record(c, x, i);
        if (underflow) {
            X87Stack.stackFault(x, false);
        } else {
            X87Stack.finish(x);
        }
        if (keep && pop) {
            X87Stack.pop(x);
        }
    }

    private static final int REAL = 0, INTEGER = 1, TRUNCATED = 2;

    /** FST to a binary32. */
    public static void fst4(Cpu c, Insn i) {
        store(c, i, 4, REAL, false);
    }

    /** FSTP to a binary32. */
    public static void fstp4(Cpu c, Insn i) {
        store(c, i, 4, REAL, true);
    }

    /** FST to a binary64. */
    public static void fst8(Cpu c, Insn i) {
        store(c, i, 8, REAL, false);
    }

    /** FSTP to a binary64. */
    public static void fstp8(Cpu c, Insn i) {
        store(c, i, 8, REAL, true);
    }

    /** FIST of 16 bits. */
    public static void fist2(Cpu c, Insn i) {
        store(c, i, 2, INTEGER, false);
    }

    /** FISTP of 16 bits. */
    public static void fistp2(Cpu c, Insn i) {
        store(c, i, 2, INTEGER, true);
    }

    /** FIST of 32 bits. */
    public static void fist4(Cpu c, Insn i) {
        store(c, i, 4, INTEGER, false);
    }

    /** FISTP of 32 bits. */
    public static void fistp4(Cpu c, Insn i) {
        store(c, i, 4, INTEGER, true);
    }

    /** FISTP of 64 bits. */
    public static void fistp8(Cpu c, Insn i) {
        store(c, i, 8, INTEGER, true);
    }

    /** FISTTP of 16 bits. */
    public static void fisttp2(Cpu c, Insn i) {
        store(c, i, 2, TRUNCATED, true);
    }

    /** FISTTP of 32 bits. */
    public static void fisttp4(Cpu c, Insn i) {
        store(c, i, 4, TRUNCATED, true);
    }

    /** FISTTP of 64 bits. */
    public static void fisttp8(Cpu c, Insn i) {
        store(c, i, 8, TRUNCATED, true);
    }

    /** FSTP to 80 bits, as it is. */
    public static void fstp10(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        int a = x.top;
        boolean underflow = X87Stack.isEmpty(x, a);
        if (underflow) {
            Float80.indefinite(x.floatStatus);
        } else {
            x.floatStatus.signExponent = x.signExponent[a];
            x.floatStatus.significand = x.significand[a];
        }
        store10(c, x, i, underflow, !underflow || !X87Stack.unmasked(x), x.floatStatus.significand);
    }

    /** FBSTP. */
    public static void fbstp(Cpu c, Insn i) {
        X87 x = X87Stack.begin(c);
        FloatStatus s = x.floatStatus;
        int a = x.top;
        boolean underflow = X87Stack.isEmpty(x, a);
        long low =
                Float80.toBcd(
                        s,
                        underflow ? 0xFFFF : x.signExponent[a],
                        underflow ? 3L << 62 : x.significand[a]);
        boolean keep = underflow ? !X87Stack.unmasked(x) : (s.flags & s.unmasked & NOT_STORED) == 0;
        store10(c, x, i, underflow, keep, low);
    }

    /** Stores 10 bytes, the upper two from the result's sign and exponent, and pops. */
    private static void store10(Cpu c, X87 x, Insn i, boolean underflow, boolean keep, long low) {
        long linear = Operands.address(c, i, 10, true);
        c.mem.checkWrite(linear, 10);
        if (keep) {
            c.mem.store64(linear, low);
            c.mem.store16(linear + 8, x.floatStatus.signExponent);
        }
        X87Stack.record(c, x, i);
        if (underflow) {
            X87Stack.stackFault(x, false);
        } else {
            X87Stack.finish(x);
        }
        if (keep) {
            X87Stack.pop(x);
        }
    }

    // --- between registers
    // ------------------------------------------------------------------------------

    /** FST ST(i). */
    public static void fstRegister(Cpu c, Insn i) {
        storeRegister(c, i, false);
    }

    /** FSTPNCE ST(i), not in the SDM: FSTP, but an empty ST(0) is no exception. */
    public static void fstpnce(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        X87Stack.condition1(x, false);
        if (!X87Stack.isEmpty(x, a)) {
            X87Stack.set(x, X87Stack.st(x, i.modrm & 7), x.signExponent[a], x.significand[a]);
        }
        X87Stack.pop(x);
    }

    /** FSTP ST(i). */
    public static void fstpRegister(Cpu c, Insn i) {
        storeRegister(c, i, true);
    }

    private static void storeRegister(Cpu c, Insn i, boolean pop) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        int to = X87Stack.st(x, i.modrm & 7);
        if (X87Stack.isEmpty(x, a)) {
            if (!X87Stack.stackFault(x, false)) {
                return;
            }
            X87Stack.setIndefinite(x, to);
        } else {
            X87Stack.condition1(x, false);
            X87Stack.set(x, to, x.signExponent[a], x.significand[a]);
        }
        if (pop) {
            X87Stack.pop(x);
        }
    }

    /** FXCH ST(i). */
    public static void fxch(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        int b = X87Stack.st(x, i.modrm & 7);
        boolean emptyA = X87Stack.isEmpty(x, a);
        boolean emptyB = X87Stack.isEmpty(x, b);
        if (emptyA || emptyB) {
            if (!X87Stack.stackFault(x, false)) {
                return;
            }
            if (emptyA) {
                X87Stack.setIndefinite(x, a);
            }
            if (emptyB) {
                X87Stack.setIndefinite(x, b);
            }
        } else {
            X87Stack.condition1(x, false);
        }
        int se = x.signExponent[a];
        long sig = x.significand[a];
        X87Stack.set(x, a, x.signExponent[b], x.significand[b]);
        X87Stack.set(x, b, se, sig);
    }

    /** FCMOVcc: DA for the conditions, DB for their opposites; ModRM.reg 0–3 is B, E, BE, U. */
    public static void fcmov(Cpu c, Insn i) {
        X87 x = X87Stack.waiting(c);
        X87Stack.record(c, x, i);
        int a = x.top;
        int b = X87Stack.st(x, i.modrm & 7);
        if (X87Stack.isEmpty(x, a) || X87Stack.isEmpty(x, b)) {
            if (X87Stack.stackFault(x, false)) {
                X87Stack.setIndefinite(x, a);
            }
            return;
        }
        boolean condition =
                switch (i.modrm >> 3 & 3) {
                    case 0 -> Flags.cf(c);
                    case 1 -> Flags.zf(c);
                    case 2 -> Flags.cf(c) || Flags.zf(c);
                    default -> Flags.pf(c);
                };
        if (condition == (i.row.opcode == 0xDA)) {
            X87Stack.set(x, a, x.signExponent[b], x.significand[b]);
        }
    }
}
