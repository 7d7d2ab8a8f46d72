package io.queztl.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.testkit.random.Seeds;
import java.math.BigInteger;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** 80-bit arithmetic against exact integers, in all rounding modes and precisions, on any host. */
class Float80Test {
    private static final int CASES = 60_000;
    private static final int BIAS = 16383;
    private static final int[] DIGITS = {24, 64, 53, 64};

    private final SplittableRandom random;
    private final FloatStatus s = new FloatStatus();

    Float80Test() {
        random = new SplittableRandom(Seeds.seed("80-bit arithmetic"));
    }

    /** A number: significand × 2^scale, negative or not. */
    private record Exact(BigInteger significand, int scale) {}

    private int exponent() {
        return random.nextInt(4) == 0 ? random.nextInt(-500, 500) : random.nextInt(-3, 4);
    }

    private long significand() {
        long m = random.nextLong() | 1L << 63;
        return switch (random.nextInt(4)) {
            case 0 -> m & -1L << random.nextInt(64);
            case 1 -> m | -1L >>> random.nextInt(1, 64);
            default -> m;
        };
    }

    private static Exact exact(int signExponent, long significand) {
        BigInteger m = new BigInteger(Long.toUnsignedString(significand));
        return new Exact(
                (signExponent & 0x8000) != 0 ? m.negate() : m, (signExponent & 0x7fff) - BIAS - 63);
    }

    private static Exact add(Exact a, Exact b) {
        int scale = Math.min(a.scale, b.scale);
        return new Exact(
                a.significand
                        .shiftLeft(a.scale - scale)
                        .add(b.significand.shiftLeft(b.scale - scale)),
                scale);
    }

    private static Exact divide(Exact a, Exact b) {
        BigInteger[] q = a.significand.abs().shiftLeft(200).divideAndRemainder(b.significand.abs());
        return sticky(
                q[0],
                q[1],
                a.scale - b.scale - 200,
                a.significand.signum() != b.significand.signum());
    }

    private static Exact root(Exact a) {
        boolean odd = (a.scale & 1) != 0;
        BigInteger[] q = a.significand.shiftLeft(odd ? 201 : 200).sqrtAndRemainder();
        return sticky(q[0], q[1], (a.scale - (odd ? 201 : 200)) / 2, false);
    }

    private static Exact sticky(BigInteger q, BigInteger rest, int scale, boolean negative) {
        BigInteger m = q.shiftLeft(1);
        if (rest.signum() != 0) {
            m = m.setBit(0);
        }
        return new Exact(negative ? m.negate() : m, scale - 1);
    }

    /** What rounding to so many digits gives: sign and exponent, significand, inexact, up. */
    private static String round(Exact x, int digits, int rounding) {
        if (x.significand.signum() == 0) {
            return rounding == FloatStatus.DOWN ? "8000 0 0 false" : "0 0 0 false";
        }
        boolean negative = x.significand.signum() < 0;
        BigInteger m = x.significand.abs();
        int cut = m.bitLength() - digits;
        int scale = x.scale + cut;
        BigInteger kept = cut <= 0 ? m.shiftLeft(-cut) : m.shiftRight(cut);
        boolean inexact = cut > 0 && m.getLowestSetBit() < cut;
        boolean up = false;
        if (inexact) {
            up =
                    switch (rounding) {
                        case FloatStatus.NEAREST ->
                                m.testBit(cut - 1)
                                        && (kept.testBit(0) || m.getLowestSetBit() < cut - 1);
                        case FloatStatus.DOWN -> negative;
                        case FloatStatus.UP -> !negative;
                        default -> false;
                    };
            if (up) {
                kept = kept.add(BigInteger.ONE);
                if (kept.bitLength() > digits) {
                    kept = kept.shiftRight(1);
                    scale++;
                }
            }
        }
        int field = scale + digits - 1 + BIAS;
        return Integer.toHexString((negative ? 0x8000 : 0) | field)
                + " "
                + Long.toHexString(kept.shiftLeft(64 - digits).longValue())
                + (inexact ? " 20 " : " 0 ")
                + up;
    }

    private String result() {
        return Integer.toHexString(s.signExponent)
                + " "
                + Long.toHexString(s.significand)
                + " "
                + Integer.toHexString(s.raised())
                + " "
                + s.roundedUp;
    }

    private interface Operation {
        void apply(int aSe, long aSig, int bSe, long bSig);
    }

    private interface Reference {
        Exact apply(Exact a, Exact b);
    }

    private void compare(Operation operation, Reference reference, boolean positive) {
        for (int n = 0; n < CASES; n++) {
            int sign = positive ? 0 : 0x8000;
            int aSe = exponent() + BIAS | random.nextInt(2) * sign;
            int bSe = exponent() + BIAS | random.nextInt(2) * sign;
            long aSig = significand();
            long bSig = random.nextInt(5) == 0 ? aSig : significand();
            int pc = random.nextInt(4);
            int rounding = random.nextInt(4);
            s.beginX87(0x7F | pc << 8 | rounding << 10);
            operation.apply(aSe, aSig, bSe, bSig);
            assertThat(result())
                    .as("%x.%x, %x.%x, pc %d, rc %d", aSe, aSig, bSe, bSig, pc, rounding)
                    .isEqualTo(
                            round(
                                    reference.apply(exact(aSe, aSig), exact(bSe, bSig)),
                                    DIGITS[pc],
                                    rounding));
        }
    }

    @Test
    void sum_isExactlyRounded() {
        compare((a, m, b, n) -> Float80.add(s, a, m, b, n), Float80Test::add, false);
    }

    @Test
    void difference_isExactlyRounded() {
        compare(
                (a, m, b, n) -> Float80.sub(s, a, m, b, n),
                (a, b) -> add(a, new Exact(b.significand.negate(), b.scale)),
                false);
    }

    @Test
    void product_isExactlyRounded() {
        compare(
                (a, m, b, n) -> Float80.mul(s, a, m, b, n),
                (a, b) -> new Exact(a.significand.multiply(b.significand), a.scale + b.scale),
                false);
    }

    @Test
    void quotient_isExactlyRounded() {
        compare((a, m, b, n) -> Float80.div(s, a, m, b, n), Float80Test::divide, false);
    }

    @Test
    void squareRoot_isExactlyRounded() {
        compare((a, m, b, n) -> Float80.sqrt(s, a, m), (a, b) -> root(a), true);
    }

    @Test
    void remainder_isExact() {
        for (int n = 0; n < CASES; n++) {
            int aSe = BIAS + random.nextInt(0, 70);
            int bSe = BIAS + random.nextInt(0, 20);
            long aSig = significand();
            long bSig = significand();
            s.beginX87(0x37F);
            Float80.remainder(s, aSe, aSig, bSe, bSig, false);
            Exact a = exact(aSe, aSig);
            Exact b = exact(bSe, bSig);
            if (s.incomplete) {
                assertThat(aSe - bSe).isGreaterThanOrEqualTo(64);
                assertThat((s.signExponent & 0x7fff)).isLessThan(aSe);
                continue;
            }
            int scale = Math.min(a.scale, b.scale);
            BigInteger[] q =
                    a.significand
                            .shiftLeft(a.scale - scale)
                            .divideAndRemainder(b.significand.shiftLeft(b.scale - scale));
            assertThat(result()).isEqualTo(round(new Exact(q[1], scale), 64, FloatStatus.NEAREST));
            assertThat(s.quotient).isEqualTo(q[0].intValue() & 7);
        }
    }

    @Test
    void unsupportedEncoding_isInvalid() {
        int[] exponents = {0x7FFF, 0x7FFF, 0x4000};
        long[] significands = {0, 1L << 62, 1L << 62};
        for (int k = 0; k < exponents.length; k++) {
            s.beginX87(0x37F);
            Float80.add(s, exponents[k], significands[k], BIAS, 1L << 63);
            assertThat(result()).isEqualTo("ffff c000000000000000 1 false");
        }
    }

    @Test
    void packedDecimal_surviveLoadAndStore() {
        for (int n = 0; n < 2000; n++) {
            long value = random.nextLong(-999_999_999_999_999_999L, 1_000_000_000_000_000_000L);
            String digits = "%018d".formatted(Math.abs(value));
            long low = Long.parseUnsignedLong(digits.substring(2), 16);
            int high = Integer.parseInt(digits.substring(0, 2), 16) | (value < 0 ? 0x8000 : 0);
            s.beginX87(0x37F);
            Float80.fromBcd(s, low, high);
            int se = s.signExponent;
            long sig = s.significand;
            assertThat(Float80.toInteger(s, se, sig, 64, FloatStatus.NEAREST)).isEqualTo(value);
            assertThat(Float80.toBcd(s, se, sig)).isEqualTo(low);
            assertThat(s.signExponent).isEqualTo(high);
            assertThat(s.raised()).isZero();
        }
    }
}
