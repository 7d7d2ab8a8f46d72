package io.queztl.emulator.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.fpu.Float32;
import io.queztl.emulator.fpu.Float64;
import io.queztl.emulator.fpu.FloatStatus;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.random.Seeds;
import io.queztl.testkit.vector.QuietInterrupts;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * SSE arithmetic in the mode that most programs run in, rounding to nearest with everything masked
 * and PE set, where Java's arithmetic does the work: at the edges of what it may do, results and
 * flags are those of package {@code fpu}, which other tests hold against the host.
 */
class UsualFloatTest {
    private static final int CASES = 100_000;
    private static final int D = 8, A = 12, B = 16;

    private interface Op {
        void run(Cpu c, int d, int a, int b);
    }

    private interface Exact64 {
        long apply(FloatStatus s, long x, long y);
    }

    private interface Exact32 {
        int apply(FloatStatus s, int x, int y);
    }

    private final GuestMemory memory = new GuestMemory(1 << 20);
    private final Cpu c =
            new Cpu(
                    0,
                    new Shared(memory, new Bus(), 1),
                    new Bus(),
                    new QuietInterrupts(),
                    new VmClock(),
                    CpuModel.max());
    private final FloatStatus s = new FloatStatus();
    private final Random random = new Random(Seeds.seed("usual floating point"));

    @AfterEach
    void close() {
        memory.close();
    }

    private int mxcsr() {
        return switch (random.nextInt(6)) {
            case 0 -> 0x1FA0 | 0x8040; // FTZ and DAZ, as -ffast-math sets them
            case 1 -> 0x1FA0 | random.nextInt(0x40);
            case 2 -> 0x1F80 | random.nextInt(0x20);
            default -> 0x1FA0;
        };
    }

    /** A number near another one's exponent, or near the ends of the range. */
    private long bits(int exponentBits, int fractionBits, int near) {
        int most = (1 << exponentBits) - 1;
        int e =
                switch (random.nextInt(8)) {
                    case 0 -> 0;
                    case 1 -> random.nextInt(4);
                    case 2 -> most - random.nextInt(4);
                    case 3 -> random.nextInt(most + 1);
                    case 4 -> most / 2 + random.nextInt(9) - 4;
                    // So that products and quotients come out near the smallest normal number.
                    case 5 -> most / 2 - near + random.nextInt(7) - 3;
                    case 6 -> near + random.nextInt(7) - 3 - most / 2;
                    default -> near + random.nextInt(5) - 2;
                };
        e = Math.clamp(e, 0, most);
        long mask = (1L << fractionBits) - 1;
        long f =
                switch (random.nextInt(6)) {
                    case 0 -> 0;
                    case 1 -> mask;
                    case 2 -> 1L << random.nextInt(fractionBits);
                    case 3 -> mask << random.nextInt(fractionBits) & mask;
                    default -> random.nextLong() & mask;
                };
        long sign = random.nextInt(2);
        return sign << exponentBits + fractionBits | (long) e << fractionBits | f;
    }

    private void doubles(String name, Op scalar, Op packed, Op wide, Exact64 exact) {
        for (int n = 0; n < CASES; n++) {
            int mode = mxcsr();
            int near = random.nextInt(0x7ff);
            for (int k = 0; k < 4; k++) {
                c.vec[A + k] = bits(11, 52, near);
                c.vec[B + k] = bits(11, 52, (int) (c.vec[A + k] >>> 52) & 0x7ff);
            }
            int elements = 1 << random.nextInt(3);
            s.begin(mode);
            long[] expected = new long[4];
            for (int k = 0; k < 4; k++) {
                expected[k] = k < elements ? exact.apply(s, c.vec[A + k], c.vec[B + k]) : 0;
            }
            c.mxcsr = mode;
            (elements == 1 ? scalar : elements == 2 ? packed : wide).run(c, D, A, B);
            for (int k = 0; k < elements; k++) {
                assertThat(c.vec[D + k])
                        .as("%s %x %x", name, c.vec[A + k], c.vec[B + k])
                        .isEqualTo(expected[k]);
            }
            assertThat(c.mxcsr).as("MXCSR of %s", name).isEqualTo(mode | s.flags);
        }
    }

    private void singles(String name, Op scalar, Op packed, Op wide, Exact32 exact) {
        for (int n = 0; n < CASES; n++) {
            int mode = mxcsr();
            int near = random.nextInt(0xff);
            for (int k = 0; k < 4; k++) {
                long a = bits(8, 23, near) | bits(8, 23, near) << 32;
                c.vec[A + k] = a;
                c.vec[B + k] =
                        bits(8, 23, (int) (a >>> 23) & 0xff)
                                | bits(8, 23, (int) (a >>> 55) & 0xff) << 32;
            }
            int elements =
                    switch (random.nextInt(3)) {
                        case 0 -> 1;
                        case 1 -> 4;
                        default -> 8;
                    };
            s.begin(mode);
            int[] expected = new int[8];
            for (int k = 0; k < elements; k++) {
                expected[k] = exact.apply(s, element(A, k), element(B, k));
            }
            c.mxcsr = mode;
            (elements == 1 ? scalar : elements == 4 ? packed : wide).run(c, D, A, B);
            for (int k = 0; k < elements; k++) {
                assertThat(element(D, k))
                        .as("%s %x %x", name, element(A, k), element(B, k))
                        .isEqualTo(expected[k]);
            }
            assertThat(c.mxcsr).as("MXCSR of %s", name).isEqualTo(mode | s.flags);
        }
    }

    private int element(int register, int k) {
        return (int) (c.vec[register + (k >> 1)] >>> (k & 1) * 32);
    }

    @Test
    void doubles_atTheEdgesOfTheUsualCase_areExact() {
        doubles("add", SseFloat::addsd, SseFloat::addpd, SseFloat::addpdWide, Float64::add);
        doubles("sub", SseFloat::subsd, SseFloat::subpd, SseFloat::subpdWide, Float64::subtract);
        doubles("mul", SseFloat::mulsd, SseFloat::mulpd, SseFloat::mulpdWide, Float64::multiply);
        doubles("div", SseFloat::divsd, SseFloat::divpd, SseFloat::divpdWide, Float64::divide);
        doubles(
                "sqrt",
                SseFloat::sqrtsd,
                (c, d, a, b) -> SseFloat.sqrtpd(c, d, b),
                (c, d, a, b) -> SseFloat.sqrtpdWide(c, d, b),
                (s, x, y) -> Float64.squareRoot(s, y));
    }

    @Test
    void singles_atTheEdgesOfTheUsualCase_areExact() {
        singles("add", SseFloat::addss, SseFloat::addps, SseFloat::addpsWide, Float32::add);
        singles("sub", SseFloat::subss, SseFloat::subps, SseFloat::subpsWide, Float32::subtract);
        singles("mul", SseFloat::mulss, SseFloat::mulps, SseFloat::mulpsWide, Float32::multiply);
        singles("div", SseFloat::divss, SseFloat::divps, SseFloat::divpsWide, Float32::divide);
        singles(
                "sqrt",
                SseFloat::sqrtss,
                (c, d, a, b) -> SseFloat.sqrtps(c, d, b),
                (c, d, a, b) -> SseFloat.sqrtpsWide(c, d, b),
                (s, x, y) -> Float32.squareRoot(s, y));
    }

    @Test
    void fusedMultiplyAdd_atTheEdgesOfTheUsualCase_isExact() {
        c.vec[20] = 0x3ff8_0000_0000_0000L;
        doubles(
                "fmadd",
                (c, d, a, b) -> fmaDouble(a, b, Fma::fmadd231sd),
                (c, d, a, b) -> fmaDouble(a, b, Fma::fmadd231pd),
                (c, d, a, b) -> fmaDouble(a, b, Fma::fmadd231pdWide),
                (s, x, y) -> Float64.fma(s, x, y, y, false, false));
        singles(
                "fnmsub",
                (c, d, a, b) -> fmaDouble(a, b, Fma::fnmsub231ss),
                (c, d, a, b) -> fmaDouble(a, b, Fma::fnmsub231ps),
                (c, d, a, b) -> fmaDouble(a, b, Fma::fnmsub231psWide),
                (s, x, y) -> Float32.fma(s, x, y, y, true, true));
    }

    /** d = ±(a × b) ± b. */
    private void fmaDouble(int a, int b, Op op) {
        System.arraycopy(c.vec, b, c.vec, D, 4);
        op.run(c, D, a, b);
    }
}
