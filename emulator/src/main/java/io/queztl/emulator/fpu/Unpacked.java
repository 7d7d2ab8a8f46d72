package io.queztl.emulator.fpu;

/**
 * A floating-point number taken apart: (-1)^sign × hi:lo / 2^127 × 2^exponent, where bit 63 of
 * {@code hi} is set if the number is finite and not 0. Mutable, so that arithmetic does not
 * allocate.
 */
final class Unpacked {
    /** What a number is. */
    static final int ZERO = 0, FINITE = 1, INFINITE = 2, QUIET = 3, SIGNALING = 4, UNSUPPORTED = 5;

    /** One of the constants above. */
    int kind;

    boolean sign;
    int exponent;
    long hi;
    long lo;

    /** It came from a denormal encoding. */
    boolean denormal;

    boolean isNan() {
        return kind >= QUIET;
    }

    void zero(boolean negative) {
        kind = ZERO;
        sign = negative;
        hi = 0;
        lo = 0;
    }

    void infinity(boolean negative) {
        kind = INFINITE;
        sign = negative;
        hi = 1L << 63;
        lo = 0;
    }

    /** The default NaN, "QNaN floating-point indefinite" (SDM volume 1, 4.8.3.7). */
    void indefinite() {
        kind = QUIET;
        sign = true;
        hi = 3L << 62;
        lo = 0;
    }

    void finite(boolean negative, int exponent, long hi, long lo) {
        kind = FINITE;
        sign = negative;
        this.exponent = exponent;
        this.hi = hi;
        this.lo = lo;
    }

    void copy(Unpacked from, boolean negative) {
        kind = from.kind;
        sign = negative;
        exponent = from.exponent;
        hi = from.hi;
        lo = from.lo;
    }
}
