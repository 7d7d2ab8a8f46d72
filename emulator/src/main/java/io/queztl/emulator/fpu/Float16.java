package io.queztl.emulator.fpu;

/** Conversions of IEEE 754 binary16 as VCVTPH2PS and VCVTPS2PH do them (SDM volume 1, 14.4). */
public final class Float16 {
    private static final int DIGITS = 11;
    private static final int MIN = -14;
    private static final int MAX = 15;

    private Float16() {}

    /** The low 16 bits of {@code h} to binary32, exactly; denormals count whatever DAZ says. */
    public static int toFloat32(FloatStatus s, int h) {
        int sign = (h & 0x8000) << 16;
        int e = h >> 10 & 0x1f;
        int f = h & 0x3ff;
        if (e == 0) {
            return sign | Float.floatToRawIntBits(f * 0x1p-24f);
        }
        if (e < 0x1f) {
            return sign | e + 112 << 23 | f << 13;
        }
        if (f != 0 && f < 0x200) {
            s.raise(FloatStatus.INVALID);
        }
        return sign | 0x7F80_0000 | (f != 0 ? 0x40_0000 : 0) | f << 13;
    }

    /** Binary32 to 16 bits; FTZ does not apply. */
    public static int fromFloat32(FloatStatus s, int a, int rounding) {
        if (Float32.isNan(a)) {
            if (Float32.isSignaling(a)) {
                s.raise(FloatStatus.INVALID);
            }
            return a >>> 16 & 0x8000 | 0x7E00 | a >>> 13 & 0x1ff;
        }
        Float32.unpack(s, s.a, a);
        if (s.a.denormal) {
            s.raise(FloatStatus.DENORMAL);
        }
        s.r.copy(s.a, s.a.sign);
        int sign = s.r.sign ? 0x8000 : 0;
        if (s.r.kind == Unpacked.ZERO) {
            return sign;
        }
        if (s.r.kind == Unpacked.INFINITE) {
            return sign | 0x7C00;
        }
        int savedRounding = s.rounding;
        boolean savedFlush = s.flushToZero;
        s.rounding = rounding;
        s.flushToZero = false;
        int fraction = (int) SoftFloat.round(s, DIGITS, MIN, MAX) & 0x3ff;
        s.rounding = savedRounding;
        s.flushToZero = savedFlush;
        return sign | s.field << 10 | fraction;
    }
}
