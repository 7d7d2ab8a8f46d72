package io.queztl.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.linux.NativeCode;
import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Fused multiply-add and half-precision conversions in every MXCSR mode, against the host CPU. */
class FusedMultiplyAddTest {
    /** ldmxcsr [rdi]; load operands from rdi + 8, 16, 24. */
    private static final String BEFORE = "0fae17";

    /** stmxcsr [rdi+4]; ldmxcsr [rdi+40]; ret. */
    private static final String AFTER = "0fae5f04 0fae5728 c3";

    private static final String FMA64 = "c5fb104708 c5fb104f10 c5fb105718 c4e2f1a9c2 c5fb114720";
    private static final String FMA32 = "c5fa104708 c5fa104f10 c5fa105718 c4e271a9c2 c5fa114720";
    private static final String FROM_HALF = "c5f96e4f08 c4e27913c1 c5f97e4720";
    private static final String TO_HALF = "c5f96e4f08 c4e3791dc804 c5f97e4720";

    private static final int DEFAULT_MXCSR = 0x1F80;

    private final SplittableRandom random;
    private final FloatStatus status = new FloatStatus();

    FusedMultiplyAddTest() {
        random = new SplittableRandom(Seeds.seed("fused multiply-add"));
    }

    private interface Operation {
        long apply(long a, long b, long c);
    }

    private interface Operand {
        long draw();
    }

    private void compare(String code, Operand operand, Operation operation) throws IOException {
        String reason = missing();
        if (reason != null) {
            System.out.println("skipped: " + reason);
        }
        Assumptions.assumeTrue(reason == null, reason);
        int cases = Seeds.all() ? 5_000_000 : 200_000;
        try (Arena arena = Arena.ofConfined();
                NativeCode nativeCode = new NativeCode(4096)) {
            byte[] bytes = HexFormat.of().parseHex((BEFORE + code + AFTER).replace(" ", ""));
            MemorySegment.copy(bytes, 0, nativeCode.code(), ValueLayout.JAVA_BYTE, 0, bytes.length);
            MemorySegment m = arena.allocate(48, 8);
            m.set(ValueLayout.JAVA_INT, 40, DEFAULT_MXCSR);
            for (int n = 0; n < cases; n++) {
                int mxcsr = DEFAULT_MXCSR;
                if (random.nextInt(3) == 0) {
                    mxcsr |= random.nextInt(4) << 13;
                }
                if (random.nextInt(8) == 0) {
                    mxcsr |= random.nextInt(2) << 15 | random.nextInt(2) << 6;
                }
                long a = operand.draw();
                long b = operand.draw();
                // Often near cancellation.
                long c = random.nextInt(3) == 0 ? operation.apply(a, b, 0) ^ 1L : operand.draw();
                m.set(ValueLayout.JAVA_INT, 0, mxcsr);
                m.set(ValueLayout.JAVA_LONG, 8, a);
                m.set(ValueLayout.JAVA_LONG, 16, b);
                m.set(ValueLayout.JAVA_LONG, 24, c);
                m.set(ValueLayout.JAVA_LONG, 32, 0);
                nativeCode.call(m);
                status.begin(mxcsr);
                long result = operation.apply(a, b, c);
                String what =
                        "mxcsr %x: %x %x %x: native %x %x, software %x %x"
                                .formatted(
                                        mxcsr,
                                        a,
                                        b,
                                        c,
                                        m.get(ValueLayout.JAVA_LONG, 32),
                                        m.get(ValueLayout.JAVA_INT, 4) & 0x3f,
                                        result,
                                        status.raised());
                if (result != m.get(ValueLayout.JAVA_LONG, 32)
                        || status.raised() != (m.get(ValueLayout.JAVA_INT, 4) & 0x3f)) {
                    assertThat(what).isNull();
                }
            }
        }
    }

    private static @org.jspecify.annotations.Nullable String missing() throws IOException {
        if (!System.getProperty("os.arch", "").equals("amd64")) {
            return "the host is not x86-64";
        }
        String flags = Files.readString(Path.of("/proc/cpuinfo"));
        return flags.contains(" fma ") && flags.contains(" f16c ")
                ? null
                : "the host CPU lacks FMA or F16C";
    }

    private long number(int exponentBits, int fractionBits) {
        long most = (1L << exponentBits) - 1;
        long bias = most >> 1;
        long exponent =
                switch (random.nextInt(10)) {
                    case 0 -> 0;
                    case 1 -> most;
                    case 2 -> 1 + random.nextInt(4);
                    case 3 -> most - 1 - random.nextInt(3);
                    case 4, 5, 6 -> bias + random.nextInt(-5, 6);
                    default -> random.nextLong(most + 1);
                };
        long mask = (1L << fractionBits) - 1;
        long fraction =
                switch (random.nextInt(6)) {
                    case 0 -> 0;
                    case 1 -> 1L << random.nextInt(fractionBits);
                    case 2 -> -1L << random.nextInt(fractionBits);
                    case 3 -> -1L >>> random.nextInt(64 - fractionBits, 64);
                    default -> random.nextLong();
                };
        return (random.nextBoolean() ? 1L << exponentBits + fractionBits : 0)
                | exponent << fractionBits
                | fraction & mask;
    }

    @Test
    void binary64_onRandomOperands_agreesWithTheHost() throws IOException {
        compare(
                FMA64,
                () -> number(11, 52),
                (a, b, c) -> Float64.fma(status, b, a, c, false, false));
    }

    @Test
    void binary32_onRandomOperands_agreesWithTheHost() throws IOException {
        compare(
                FMA32,
                () -> number(8, 23),
                (a, b, c) ->
                        Float32.fma(status, (int) b, (int) a, (int) c, false, false)
                                & 0xffff_ffffL);
    }

    @Test
    void fromHalf_onRandomOperands_agreesWithTheHost() throws IOException {
        compare(
                FROM_HALF,
                () -> number(5, 10),
                (a, b, c) -> Float16.toFloat32(status, (int) a) & 0xffff_ffffL);
    }

    @Test
    void toHalf_onRandomOperands_agreesWithTheHost() throws IOException {
        compare(
                TO_HALF,
                () -> random.nextBoolean() ? number(8, 23) : number(5, 10) << 13,
                (a, b, c) -> Float16.fromFloat32(status, (int) a, status.rounding) & 0xffff_ffffL);
    }
}
