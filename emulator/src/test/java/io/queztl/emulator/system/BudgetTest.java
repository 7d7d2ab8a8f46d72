package io.queztl.emulator.system;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.interpret.RegionClass;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest with more hot code than the translator may keep. */
@Timeout(120)
final class BudgetTest {
    private static final String PROPERTY = "queztl.cpu.budget";
    private static final int BUDGET = 100, FUNCTIONS = 300, FIRST = 10, ROUNDS = 3;
    private static final long FUNCTION = 0x40000;

    @Test
    void moreCodeThanTheBudget_oldRegionsLeaveAndResultsStay() throws InterruptedException {
        String before = System.setProperty(PROPERTY, Integer.toString(BUDGET));
        try (Guest g = Guest.longMode(ExecutionMode.TRANSLATOR)) {
            // 1: mov eax, 0x40000; mov ecx, ebp; 2: call rax; add eax, 0x1000; dec ecx; jnz 2b;
            // dec edx; jnz 1b; hlt
            g.code(Guest.CODE, "b80000040089e9ffd00500100000ffc975f5ffca75eaf4");
            for (int n = 0; n < FUNCTIONS; n++) {
                // add rbx, n; ret
                g.code(FUNCTION + 4096L * n, "4881c3%02x%02x0000c3".formatted(n & 0xff, n >> 8));
            }
            assertThat(run(g, FIRST, 1)).isEqualTo(FIRST * (FIRST - 1L) / 2);
            List<WeakReference<Class<?>>> classes = new ArrayList<>();
            for (int n = 0; n < FIRST; n++) {
                classes.add(RegionClass.at(g.cpu, FUNCTION + 4096L * n));
            }
            assertThat(regions(g, "evicted")).isZero();

            assertThat(run(g, FUNCTIONS, ROUNDS))
                    .isEqualTo(ROUNDS * FUNCTIONS * (FUNCTIONS - 1L) / 2);
            assertThat(regions(g, "made")).isGreaterThan((ROUNDS - 1) * FUNCTIONS);
            assertThat(regions(g, "evicted")).isGreaterThan((ROUNDS - 1) * FUNCTIONS);
            assertThat(regions(g, "published") - regions(g, "evicted"))
                    .as("regions that are left")
                    .isBetween(1L, (long) BUDGET);
            assertThat(regions(g, "failed")).isZero();

            for (int n = 0; n < 100 && classes.stream().anyMatch(c -> c.get() != null); n++) {
                System.gc();
                Thread.sleep(10);
            }
            assertThat(classes).as("classes of evicted regions").allMatch(c -> c.get() == null);
        } finally {
            if (before == null) {
                System.clearProperty(PROPERTY);
            } else {
                System.setProperty(PROPERTY, before);
            }
        }
    }

    private static long run(Guest g, int functions, int rounds) {
        g.cpu.r[Cpu.RBX] = 0;
        g.cpu.r[Cpu.RBP] = functions;
        g.cpu.r[Cpu.RDX] = rounds;
        g.resume(Guest.CODE);
        assertThat(g.runToHandler()).isEqualTo(-1);
        return g.cpu.r[Cpu.RBX];
    }

    private static long regions(Guest g, String name) {
        return requireNonNull(
                        requireNonNull(g.cpu.shared.sight.statistics().get("regions")).get(name))
                .longValue();
    }
}
