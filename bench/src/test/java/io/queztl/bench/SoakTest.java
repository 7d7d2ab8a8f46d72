package io.queztl.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalLong;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class SoakTest {
    private static List<JvmSample> samples(LongUnaryOperator live, LongUnaryOperator metaspace) {
        return LongStream.range(0, 60)
                .mapToObj(i ->
                        new JvmSample(
                                100_000 + i % 7 * 9000,
                                i % 4 == 3
                                        ? OptionalLong.of(live.applyAsLong(i))
                                        : OptionalLong.empty(),
                                metaspace.applyAsLong(i),
                                40_000,
                                1_200_000))
                .toList();
    }

    @Test
    void growth_levelsOff_isNoProblem() {
        assertThat(Soak.growth(samples(i -> 60_000, i -> 30_000 + Math.min(i, 20) * 1000)))
                .isEmpty();
    }

    @Test
    void growth_straightUp_namesWhatGrows() {
        List<String> problems = Soak.growth(samples(i -> 60_000, i -> 20_000 + i * 1000));
        assertThat(problems).hasSize(1);
        assertThat(problems.getFirst()).startsWith("metaspace does not level off");
        assertThat(Soak.growth(samples(i -> 20_000 + i * 1000, i -> 20_000)).getFirst())
                .startsWith("live heap does not level off");
    }

    @Test
    void growth_fewSamples_isAProblem() {
        assertThat(Soak.growth(List.of())).hasSize(1);
    }

    @Test
    void jvmSample_textOfJcmd_isRead() {
        assertThat(
                        JvmSample.heap(
                                """
                                DefNew     total 116160K, used 47581K [0x0000000687400000)
                                 eden space 103296K,  46% used [0x0000000687400000)
                                Tenured    total 258048K, used 1166K [0x0000000704d50000)
                                """))
                .isEqualTo(48_747);
        assertThat(
                        JvmSample.metaspace(
                                """
                                Metaspace        used 9285K, committed 9472K, reserved 1114112K
                                 class space     used 1124K, committed 1216K, reserved 1048576K
                                """))
                .isEqualTo(9285);
        String segmented =
                """
                CodeHeap 'non-profiled nmethods': size=120036Kb used=373Kb max_used=373Kb free=1Kb
                CodeHeap 'profiled nmethods': size=120036Kb used=1743Kb max_used=1743Kb free=1Kb
                """;
        assertThat(JvmSample.codeCache(segmented)).isEqualTo(2116);
        assertThat(
                        JvmSample.codeCache(
                                segmented
                                        + "CodeCache: size=245764Kb, used=3364Kb, max_used=3391Kb"))
                .isEqualTo(3364);
    }

    @Test
    void of_thisJvm_hasAllFigures() throws Exception {
        JvmSample s = JvmSample.of(ProcessHandle.current().pid(), false);
        assertThat(s.heap()).isPositive();
        assertThat(s.metaspace()).isPositive();
        assertThat(s.codeCache()).isPositive();
        assertThat(s.resident()).isPositive();
    }
}
