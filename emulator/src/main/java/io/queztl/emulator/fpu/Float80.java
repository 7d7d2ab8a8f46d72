package io.queztl.emulator.fpu;

import static io.queztl.emulator.fpu.Unpacked.FINITE;
import static io.queztl.emulator.fpu.Unpacked.INFINITE;
import static io.queztl.emulator.fpu.Unpacked.QUIET;
import static io.queztl.emulator.fpu.Unpacked.SIGNALING;
import static io.queztl.emulator.fpu.Unpacked.UNSUPPORTED;
import static io.queztl.emulator.fpu.Unpacked.ZERO;

/**
 * The 80-bit double extended-precision format as the x87 unit computes with it (SDM volume 1,
 * chapters 4 and 8). An operand is two values: sign and exponent (bit 15, bits 14:0) and the 64-bit
 * significand. Results go to {@link FloatStatus#signExponent} and {@link FloatStatus#significand},
 * exceptions to {@link FloatStatus#flags}.
 */
public final class Float80 {
    /** Results of {@link #compare}. */
    public static final int LESS = -1, EQUAL = 0, GREATER = 1, UNORDERED = 2;

    static final int BIAS = 16383;
    static final int MIN = -16382;
    static final int MAX = 16383;
    static final int EXPONENT = 0x7FFF;
    private static final int SIGN = 0x8000;
    private static final long INTEGER_BIT = 1L << 63;
    private static final long QUIET_BIT = 1L << 62;
    private static final int FULL = 64;

    private static final long BCD_LIMIT = 1_000_000_000_000_000_000L;

    private Float80() {}

    // --- taking apart, putting together
    // ---------------------------------------------------------------

    static void unpack(Unpacked u, int signExponent, long significand) {
        u.sign = (signExponent & SIGN) != 0;
        u.hi = significand;
        u.lo = 0;
        u.denormal = false;
        int e = signExponent & EXPONENT;
        if (e == EXPONENT) {
            if (significand >= 0) {
                u.kind = UNSUPPORTED;
            } else if (significand << 1 == 0) {
                u.kind = INFINITE;
            } else {
                u.kind = (significand & QUIET_BIT) != 0 ? QUIET : SIGNALING;
            }
        } else if (e != 0) {
            u.kind = significand < 0 ? FINITE : UNSUPPORTED;
            u.exponent = e - BIAS;
        } else if (significand == 0) {
            u.kind = ZERO;
        } else {
            int zeros = Long.numberOfLeadingZeros(significand);
            u.finite(u.sign, MIN - zeros, significand << zeros, 0);
            u.denormal = true;
        }
    }

    private static void unpack(FloatStatus s, int aSe, long aSig, int bSe, long bSig) {
        unpack(s.a, aSe, aSig);
        unpack(s.b, bSe, bSig);
        s.b.denormal |= s.denormalOperand;
    }

    /** Rounds {@code s.r} to {@code digits} bits and stores it as the result. */
    static void pack(FloatStatus s, int digits) {
        Unpacked r = s.r;
        int sign = r.sign ? SIGN : 0;
        switch (r.kind) {
            case ZERO -> {
                s.signExponent = sign;
                s.significand = 0;
            }
            case FINITE -> {
                long sig = SoftFloat.round(s, digits, MIN, MAX) << FULL - digits;
                s.signExponent = sign | s.field;
                s.significand = sig;
            }
            case INFINITE -> {
                s.signExponent = sign | EXPONENT;
                s.significand = INTEGER_BIT;
            }
            default -> {
                s.signExponent = sign | EXPONENT;
                s.significand = r.hi | QUIET_BIT | INTEGER_BIT;
            }
        }
    }

    private static void result(FloatStatus s, int signExponent, long significand) {
        s.signExponent = signExponent;
        s.significand = significand;
    }

    /** Stores the default NaN as the result and raises INVALID. */
    static void invalid(FloatStatus s) {
        s.raise(FloatStatus.INVALID);
        indefinite(s);
    }

    /** Stores the default NaN as the result. */
    public static void indefinite(FloatStatus s) {
        result(s, SIGN | EXPONENT, INTEGER_BIT | QUIET_BIT);
    }

    /**
     * If a or b is a NaN or unsupported, stores the result and returns true. Of two NaNs a quiet
     * one wins, then the larger significand, then the positive one (SDM volume 1, table 4-7).
     */
    static boolean nan(FloatStatus s) {
        Unpacked a = s.a;
        Unpacked b = s.b;
        if (a.kind < QUIET && b.kind < QUIET) {
            return false;
        }
        if (a.kind == UNSUPPORTED || b.kind == UNSUPPORTED) {
            invalid(s);
            return true;
        }
        if (a.kind == SIGNALING || b.kind == SIGNALING) {
            s.raise(FloatStatus.INVALID);
        }
        boolean first;
        if (!b.isNan()) {
            first = true;
        } else if (!a.isNan()) {
            first = false;
        } else if (a.kind != b.kind) {
            first = a.kind == QUIET;
        } else if (a.hi != b.hi) {
            first = SoftFloat.below(b.hi, a.hi);
        } else {
            first = !a.sign;
        }
        Unpacked n = first ? a : b;
        result(s, (n.sign ? SIGN : 0) | EXPONENT, n.hi | QUIET_BIT);
        return true;
    }

    /** The same for the only operand. */
    static boolean nanOnly(FloatStatus s) {
        Unpacked a = s.a;
        if (a.kind < QUIET) {
            return false;
        }
        if (a.kind == UNSUPPORTED) {
            invalid(s);
            return true;
        }
        if (a.kind == SIGNALING) {
            s.raise(FloatStatus.INVALID);
        }
        result(s, (a.sign ? SIGN : 0) | EXPONENT, a.hi | QUIET_BIT);
        return true;
    }

    // --- arithmetic, rounded as the precision control says
    // ----------------------------------------------

    /** a + b. */
    public static void add(FloatStatus s, int aSe, long aSig, int bSe, long bSig) {
        unpack(s, aSe, aSig, bSe, bSig);
        if (!nan(s)) {
            SoftFloat.add(s, false);
            pack(s, s.precision);
        }
    }

    /** a - b. */
    public static void sub(FloatStatus s, int aSe, long aSig, int bSe, long bSig) {
        unpack(s, aSe, aSig, bSe, bSig);
        if (!nan(s)) {
            SoftFloat.add(s, true);
            pack(s, s.precision);
        }
    }

    /** a × b. */
    public static void mul(FloatStatus s, int aSe, long aSig, int bSe, long bSig) {
        unpack(s, aSe, aSig, bSe, bSig);
        if (!nan(s)) {
            SoftFloat.multiply(s);
            pack(s, s.precision);
        }
    }

    /** a / b. */
    public static void div(FloatStatus s, int aSe, long aSig, int bSe, long bSig) {
        unpack(s, aSe, aSig, bSe, bSig);
        if (!nan(s)) {
            SoftFloat.divide(s);
            pack(s, s.precision);
        }
    }

    /** √a. */
    public static void sqrt(FloatStatus s, int se, long sig) {
        unpack(s.a, se, sig);
        if (!nanOnly(s)) {
            SoftFloat.squareRoot(s);
            pack(s, s.precision);
        }
    }

    /**
     * The relation of a to b; the result registers are left alone.
     *
     * @param signaling quiet NaNs are invalid too (FCOM, not FUCOM)
     */
    public static int compare(
            FloatStatus s, int aSe, long aSig, int bSe, long bSig, boolean signaling) {
        unpack(s, aSe, aSig, bSe, bSig);
        int most = Math.max(s.a.kind, s.b.kind);
        if (most >= QUIET) {
            if (signaling || most > QUIET) {
                s.raise(FloatStatus.INVALID);
            }
            return UNORDERED;
        }
        s.denormals();
        return SoftFloat.compare(s.a, s.b);
    }

    // --- loading from and storing to other formats
    // --------------------------------------------------------

    /** A binary32 operand of arithmetic: raises nothing yet, keeps signaling NaNs. */
    public static void operand32(FloatStatus s, int x) {
        Float32.unpack(s, s.b, x);
        operand(s);
    }

    /** A binary64 operand of arithmetic: raises nothing yet, keeps signaling NaNs. */
    public static void operand64(FloatStatus s, long x) {
        Float64.unpack(s, s.b, x);
        operand(s);
    }

    private static void operand(FloatStatus s) {
        Unpacked u = s.b;
        s.denormalOperand = u.denormal;
        int sign = u.sign ? SIGN : 0;
        switch (u.kind) {
            case ZERO -> result(s, sign, 0);
            case FINITE -> result(s, sign | u.exponent + BIAS, u.hi);
            default -> result(s, sign | EXPONENT, u.hi);
        }
    }

    /** FLD of a binary32. */
    public static void load32(FloatStatus s, int x) {
        operand32(s, x);
        finishLoad(s);
    }

    /** FLD of a binary64. */
    public static void load64(FloatStatus s, long x) {
        operand64(s, x);
        finishLoad(s);
    }

    private static void finishLoad(FloatStatus s) {
        if (s.b.denormal) {
            s.raise(FloatStatus.DENORMAL);
            s.denormalOperand = false;
        } else if (s.b.kind == SIGNALING) {
            s.raise(FloatStatus.INVALID);
            s.significand |= QUIET_BIT;
        }
    }

    /** FST to binary32. */
    public static int toFloat32(FloatStatus s, int se, long sig) {
        prepareStore(s, se, sig);
        return Float32.pack(s);
    }

    /** FST to binary64. */
    public static long toFloat64(FloatStatus s, int se, long sig) {
        prepareStore(s, se, sig);
        return Float64.pack(s);
    }

    private static void prepareStore(FloatStatus s, int se, long sig) {
        unpack(s.a, se, sig);
        if (s.a.kind == UNSUPPORTED) {
            s.invalid();
            return;
        }
        if (s.a.kind == SIGNALING) {
            s.raise(FloatStatus.INVALID);
        }
        s.r.copy(s.a, s.a.sign);
    }

    /** From a signed integer, exactly. */
    public static void fromInteger(FloatStatus s, long n) {
        SoftFloat.fromMagnitude(s.r, n < 0, Math.abs(n));
        pack(s, FULL);
    }

    /** To a signed integer of 16, 32 or 64 bits; see {@link SoftFloat#toInteger}. */
    public static long toInteger(FloatStatus s, int se, long sig, int bits, int rounding) {
        unpack(s.a, se, sig);
        return SoftFloat.toInteger(s, s.a, bits, rounding);
    }

    /** FBLD: 18 decimal digits, four bits each, and a sign; digits above 9 count as they are. */
    public static void fromBcd(FloatStatus s, long low, int high) {
        long n = (high >>> 4 & 15) * 10 + (high & 15);
        for (int shift = 60; shift >= 0; shift -= 4) {
            n = n * 10 + (low >>> shift & 15);
        }
        SoftFloat.fromMagnitude(s.r, (high & SIGN) != 0, n);
        pack(s, FULL);
    }

    /**
     * FBSTP: the low 16 digits are returned, sign and upper two digits go to {@code
     * s.signExponent}.
     */
    public static long toBcd(FloatStatus s, int se, long sig) {
        unpack(s.a, se, sig);
        long n = SoftFloat.toInteger(s, s.a, 64, s.rounding);
        boolean sign = s.a.sign;
        if ((s.flags & FloatStatus.INVALID) != 0 || n <= -BCD_LIMIT || n >= BCD_LIMIT) {
            s.flags = FloatStatus.INVALID;
            s.roundedUp = false;
            s.signExponent = 0xFFFF;
            return 3L << 62;
        }
        n = Math.abs(n);
        long low = 0;
        for (int shift = 0; shift < 64; shift += 4) {
            long q = n / 10;
            low |= n - q * 10 << shift;
            n = q;
        }
        s.signExponent = (sign ? SIGN : 0) | (int) (n / 10) << 4 | (int) (n % 10);
        return low;
    }

    // --- the rest of the exact operations
    // -----------------------------------------------------------------

    /** FRNDINT. */
    public static void roundToIntegral(FloatStatus s, int se, long sig) {
        unpack(s.a, se, sig);
        if (nanOnly(s)) {
            return;
        }
        if (s.a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        if (SoftFloat.roundToIntegral(s, s.rounding)) {
            s.raise(FloatStatus.PRECISION);
        }
        pack(s, FULL);
    }

    /** FSCALE: a × 2^trunc(b). */
    public static void scale(FloatStatus s, int aSe, long aSig, int bSe, long bSig) {
        unpack(s, aSe, aSig, bSe, bSig);
        if (nan(s)) {
            return;
        }
        Unpacked a = s.a;
        Unpacked b = s.b;
        if (b.kind == INFINITE && a.kind == (b.sign ? INFINITE : ZERO)) {
            invalid(s);
            return;
        }
        s.denormals();
        if (b.kind == INFINITE && a.kind != (b.sign ? ZERO : INFINITE)) {
            if (b.sign) {
                s.r.zero(a.sign);
            } else {
                s.r.infinity(a.sign);
            }
        } else {
            s.r.copy(a, a.sign);
            if (a.kind == FINITE && b.kind == FINITE && b.exponent >= 0) {
                int n = b.exponent > 16 ? 1 << 17 : (int) (b.hi >>> 63 - b.exponent);
                s.r.exponent += b.sign ? -n : n;
            }
        }
        pack(s, FULL);
    }

    /** FXTRACT, first half: the exponent of a as a number. */
    public static void exponent(FloatStatus s, int se, long sig) {
        unpack(s.a, se, sig);
        if (nanOnly(s)) {
            return;
        }
        if (s.a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        switch (s.a.kind) {
            case ZERO -> {
                s.raise(FloatStatus.ZERO_DIVIDE);
                result(s, SIGN | EXPONENT, INTEGER_BIT);
            }
            case INFINITE -> result(s, EXPONENT, INTEGER_BIT);
            default -> fromInteger(s, s.a.exponent);
        }
    }

    /** FXTRACT, second half: the significand of a, with an exponent of 0; raises nothing. */
    public static void significand(FloatStatus s, int se, long sig) {
        int flags = s.flags;
        unpack(s.a, se, sig);
        if (!nanOnly(s)) {
            if (s.a.kind == FINITE) {
                result(s, se & SIGN | BIAS, s.a.hi);
            } else {
                result(s, se, sig);
            }
        }
        s.flags = flags;
    }

    /**
     * FPREM (quotient truncated) or FPREM1 (quotient to nearest): a - b × quotient, exactly. If the
     * exponents differ by 64 or more, only a part is done and {@code s.incomplete} set.
     */
    public static void remainder(
            FloatStatus s, int aSe, long aSig, int bSe, long bSig, boolean nearest) {
        s.quotient = 0;
        unpack(s, aSe, aSig, bSe, bSig);
        if (nan(s)) {
            return;
        }
        Unpacked a = s.a;
        Unpacked b = s.b;
        if (a.kind == INFINITE || b.kind == ZERO) {
            invalid(s);
            return;
        }
        s.denormals();
        int d = a.exponent - b.exponent;
        if (a.kind == ZERO || b.kind == INFINITE || d < (nearest ? -1 : 0)) {
            s.r.copy(a, a.sign);
            pack(s, FULL);
            return;
        }
        long divisor = b.hi;
        int exponent = b.exponent;
        int steps = d;
        if (d >= 64) {
            // The SDM leaves this number, 32 to 63, to the implementation.
            steps = d & 31 | 32;
            exponent += d - steps;
            s.incomplete = true;
        }
        long rest;
        boolean sign = a.sign;
        long q = 0;
        if (steps < 0) { // |b| / 4 < |a| < |b|: halves are exact because bit 0 moves to lo
            halfRemainder(s, sign, divisor);
            return;
        }
        rest = a.hi;
        boolean carry = false;
        for (int k = steps; ; k--) {
            q <<= 1;
            if (carry || !SoftFloat.below(rest, divisor)) {
                rest -= divisor;
                q |= 1;
            }
            if (k == 0) {
                break;
            }
            carry = rest < 0;
            rest <<= 1;
        }
        if (nearest && !s.incomplete) {
            int half = rest < 0 ? 1 : Long.compareUnsigned(rest << 1, divisor);
            if (half > 0 || half == 0 && (q & 1) != 0) {
                rest = divisor - rest;
                sign = !sign;
                q++;
            }
        }
        s.quotient = s.incomplete ? 0 : (int) q & 7;
        if (rest == 0) {
            s.r.zero(a.sign);
        } else {
            int zeros = Long.numberOfLeadingZeros(rest);
            s.r.finite(sign, exponent - zeros, rest << zeros, 0);
        }
        pack(s, FULL);
    }

    /** FPREM1 where |b| / 4 < |a| < |b| and the exponents differ by 1. */
    private static void halfRemainder(FloatStatus s, boolean sign, long divisor) {
        Unpacked a = s.a;
        if (!SoftFloat.below(divisor, a.hi)) { // at most half of b
            s.r.copy(a, sign);
        } else {
            s.quotient = 1;
            // b - a, in units of a's last place: 2 × divisor - a.hi.
            s.a.sign = false;
            SoftFloat.addFinite(s, s.b, false, s.a, true);
            s.r.sign = !sign;
        }
        pack(s, FULL);
    }

    // --- classes
    // --------------------------------------------------------------------------------------

    /** FXAM's answer as C3, C2 and C0 of the status word (0x4000, 0x400, 0x100), without C1. */
    public static int examine(int signExponent, long significand) {
        int e = signExponent & EXPONENT;
        if (e == EXPONENT) {
            return significand >= 0 ? 0 : significand << 1 == 0 ? 0x500 : 0x100;
        }
        if (e == 0) {
            return significand == 0 ? 0x4000 : 0x4400;
        }
        return significand < 0 ? 0x400 : 0;
    }

    /** The tag of a register that is not empty: 0 valid, 1 zero, 2 special. */
    public static int tag(int signExponent, long significand) {
        int e = signExponent & EXPONENT;
        if (e == 0) {
            return significand == 0 ? 1 : 2;
        }
        return e == EXPONENT || significand >= 0 ? 2 : 0;
    }
}
