package io.queztl.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * Transcendental functions at points computed elsewhere with 400 bits; the oracle does the rest.
 */
class TranscendentalTest {
    private static final int DEFAULT_CONTROL = 0x37F, TOWARD_ZERO_CONTROL = 0xF7F;
    private static final long ONE = 1L << 63;
    private static final int E0 = 0x3FFF;

    private final FloatStatus s = new FloatStatus();

    private FloatStatus begin() {
        s.beginX87(DEFAULT_CONTROL);
        return s;
    }

    private void assertResult(int signExponent, long significand) {
        assertThat(Integer.toHexString(s.signExponent) + " " + Long.toHexString(s.significand))
                .isEqualTo(Integer.toHexString(signExponent) + " " + Long.toHexString(significand));
        assertThat(s.raised()).isEqualTo(FloatStatus.PRECISION);
    }

    @Test
    void powerOfTwo_isCorrectlyRounded() {
        Transcendental.f2xm1(begin(), E0 - 1, ONE);
        assertResult(0x3FFD, 0xD413CCCFE7799211L);
        Transcendental.f2xm1(begin(), 0x8000 | E0 - 40, ONE);
        assertResult(0xBFD6, 0xB17217F7D191FA30L);
    }

    @Test
    void logarithm_isCorrectlyRounded() {
        Transcendental.fyl2x(begin(), E0 + 1, 3L << 62, E0, ONE);
        assertResult(0x3FFF, 0xCAE00D1CFDEB43D0L);
        Transcendental.fyl2x(begin(), E0 + 3, 5L << 61, E0, ONE);
        assertResult(0x4000, 0xD49A784BCD1B8AFEL);
        Transcendental.fyl2xp1(begin(), E0 - 30, ONE, E0, ONE);
        assertResult(0x3FE1, 0xB8AA3B27EAC37A6DL);
    }

    @Test
    void angle_isCorrectlyRoundedInAllQuadrants() {
        Transcendental.fpatan(begin(), E0, ONE, E0, ONE);
        assertResult(0x3FFE, 0xC90FDAA22168C235L);
        Transcendental.fpatan(begin(), 0x8000 | E0, ONE, 0x8000 | E0 + 1, ONE);
        assertResult(0xC000, 0xAB63739CBFAD72CCL);
        Transcendental.fpatan(begin(), E0 + 1, 3L << 62, E0 - 1, ONE);
        assertResult(0x3FFF, 0xB3EC431DE4CDE4C9L);
    }

    @Test
    void trigonometry_isCorrectlyRounded() {
        Transcendental.fsin(begin(), E0, ONE);
        assertResult(0x3FFE, 0xD76AA47848677021L);
        Transcendental.fcos(begin(), E0, ONE);
        assertResult(0x3FFE, 0x8A51407DA8345C92L);
        Transcendental.fptan(begin(), E0, ONE);
        assertResult(0x3FFF, 0xC75922E5F71D2DC5L);
    }

    @Test
    void largeArgument_isReducedWithPiOf66Bits() {
        // The 64-bit π is 2^-64 above that of 66 bits.
        Transcendental.fsin(begin(), 0x4000, 0xC90FDAA22168C235L);
        assertResult(0xBFBF, ONE);
        // 10^15
        Transcendental.fsin(begin(), 0x4030, 0xE35FA931A0000000L);
        assertResult(0x3FFE, 0xDBB7B8F40DE0426EL);
    }

    @Test
    void argumentOf2ToThe63_isIncomplete() {
        Transcendental.fsin(begin(), E0 + 63, ONE);
        assertThat(s.incomplete).isTrue();
        assertThat(s.raised()).isZero();
        Transcendental.fsin(begin(), E0 + 62, -1L);
        assertThat(s.incomplete).isFalse();
    }

    @Test
    void tinyArgument_isRoundedAsIfTheResultWereExact() {
        s.beginX87(TOWARD_ZERO_CONTROL);
        Transcendental.fsin(s, E0 - 100, ONE);
        assertResult(E0 - 101, -1L);
        s.beginX87(TOWARD_ZERO_CONTROL);
        Transcendental.fcos(s, E0 - 100, ONE);
        assertResult(E0 - 1, -1L);
    }
}
