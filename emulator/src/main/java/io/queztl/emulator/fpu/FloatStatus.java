package io.queztl.emulator.fpu;

/**
 * What floating-point arithmetic is told (rounding, precision, masks, denormal handling) and what
 * it tells (exception flags, the direction of rounding, 80-bit results). One object serves one
 * vCPU's SSE unit, another its x87 unit; nothing here allocates after construction.
 *
 * <p>For SSE: {@code begin(mxcsr)}, one or more operations, then {@code raised()} gives the flags
 * to add to MXCSR and {@code trapped()} says whether one of them is unmasked. For x87 the same with
 * {@code beginX87(control)}.
 */
public final class FloatStatus {
    /** Exception flags, as bits 5:0 of MXCSR and of the x87 status word. */
    public static final int INVALID = 1,
            DENORMAL = 2,
            ZERO_DIVIDE = 4,
            OVERFLOW = 8,
            UNDERFLOW = 16,
            PRECISION = 32;

    /** Rounding modes, as the RC fields encode them. */
    public static final int NEAREST = 0, DOWN = 1, UP = 2, TOWARD_ZERO = 3;

    /** Flags that are known before anything is computed (SDM volume 1, 4.9.2). */
    private static final int BEFORE_COMPUTATION = INVALID | DENORMAL | ZERO_DIVIDE;

    private static final int MXCSR_DEFAULT = 0x1F80;
    private static final int MXCSR_CONTROL = 0xFFC0;
    private static final int X87_CONTROL = 0xF3F;

    /** Rounding mode. */
    public int rounding;

    /** Bits of significand of x87 results: 24, 53 or 64. */
    int precision = 64;

    /** Exceptions that are not masked. */
    public int unmasked;

    /** Denormal operands count as zero. */
    boolean denormalsAreZero;

    /** Tiny results become zero. */
    boolean flushToZero;

    /** All masked, round to nearest, denormals as IEEE 754 says: Java's arithmetic will do. */
    boolean plain;

    /**
     * Flags raised since the last {@code begin}; with sticky MXCSR flags where those do not matter.
     */
    public int flags;

    /** The last rounding increased the magnitude: x87 C1. */
    public boolean roundedUp;

    /** Significand of the last 80-bit result. */
    public long significand;

    /** Sign (bit 15) and exponent (bits 14:0) of the last 80-bit result. */
    public int signExponent;

    /**
     * The second operand of the next x87 operation was a denormal of a smaller format, so that its
     * 80-bit form does not show it. Cleared by {@link #beginX87}.
     */
    public boolean denormalOperand;

    /** C2, C1 and C0 material of the partial remainder: low three bits of the quotient. */
    public int quotient;

    /** C2: the reduction is not complete, or the operand is out of range. */
    public boolean incomplete;

    final Unpacked a = new Unpacked();
    final Unpacked b = new Unpacked();
    final Unpacked c = new Unpacked();
    final Unpacked r = new Unpacked();
    final Unpacked t = new Unpacked();

    /** Exponent field that goes with the significand {@link SoftFloat#round} returned. */
    int field;

    private int control = -1;

    /** Starts SSE operations under an MXCSR value. */
    public void begin(int mxcsr) {
        int now = mxcsr & MXCSR_CONTROL;
        if (now != control) {
            control = now;
            rounding = now >> 13 & 3;
            unmasked = ~(now >> 7) & 0x3f;
            denormalsAreZero = (now & 0x40) != 0;
            flushToZero = (now & 0x8000) != 0;
            plain = now == MXCSR_DEFAULT;
        }
        // Sticky flags spare the check for them; where exceptions may trap only new ones count.
        flags = plain ? mxcsr & 0x3f : 0;
    }

    /** Starts an x87 operation under a control word. */
    public void beginX87(int controlWord) {
        int now = controlWord & X87_CONTROL | 1 << 16;
        if (now != control) {
            control = now;
            rounding = now >> 10 & 3;
            unmasked = ~now & 0x3f;
            int pc = now >> 8 & 3;
            precision = pc == 0 ? 24 : pc == 2 ? 53 : 64;
        }
        flags = 0;
        roundedUp = false;
        denormalOperand = false;
        incomplete = false;
    }

    /**
     * The flags to set: after an unmasked exception that is known before computing, those that come
     * of computing are left out.
     */
    public int raised() {
        return (flags & unmasked & BEFORE_COMPUTATION) != 0 ? flags & BEFORE_COMPUTATION : flags;
    }

    /** True if one of the flags raised is unmasked. */
    public boolean trapped() {
        return (flags & unmasked) != 0;
    }

    /** True if an unmasked exception keeps the result of an x87 operation from being stored. */
    public boolean suppressed() {
        return (flags & unmasked & BEFORE_COMPUTATION) != 0;
    }

    void raise(int flag) {
        flags |= flag;
    }

    /** Raises DENORMAL if one of the first two operands is denormal. */
    void denormals() {
        if (a.denormal || b.denormal) {
            flags |= DENORMAL;
        }
    }

    /** Invalid operation: the result is the default NaN. */
    void invalid() {
        flags |= INVALID;
        r.indefinite();
    }
}
