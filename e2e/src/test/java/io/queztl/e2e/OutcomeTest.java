package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How the end of a guest becomes an exit status. */
@Timeout(60)
class OutcomeTest {
    @TempDir Path folder;

    private Queztl.Result run(TinyKernel kernel, String... more) throws IOException {
        List<String> arguments =
                new ArrayList<>(List.of("run", "--kernel", kernel.write(folder).toString()));
        arguments.addAll(List.of("-m", "4M"));
        arguments.addAll(List.of(more));
        return Queztl.run(arguments.toArray(String[]::new));
    }

    @Test
    void powerOff_isOk() throws IOException {
        assertThat(run(TinyKernel.POWER_OFF)).isEqualTo(new Queztl.Result(0, "", ""));
    }

    @Test
    void reset_isItsOwnStatus() throws IOException {
        Queztl.Result result = run(TinyKernel.RESET);
        assertThat(result.status()).isEqualTo(ExitStatus.RESET);
        assertThat(result.err()).startsWith("queztl: the guest reset itself").hasLineCount(1);
        assertThat(run(TinyKernel.KEYBOARD_RESET).status()).isEqualTo(ExitStatus.RESET);
    }

    @Test
    void tripleFault_isACrash() throws IOException {
        Queztl.Result result = run(TinyKernel.TRIPLE_FAULT);
        assertThat(result.status()).isEqualTo(ExitStatus.CRASHED);
        assertThat(result.err()).startsWith("queztl: the guest crashed").hasLineCount(1);
    }

    @Test
    void garbage_endsAsACrash() throws IOException {
        assertThat(run(TinyKernel.GARBAGE).status()).isEqualTo(ExitStatus.CRASHED);
    }

    @Test
    void debugExit_isTwiceTheValuePlusOne() throws IOException {
        assertThat(run(TinyKernel.DEBUG_EXIT, "--debug-exit").status()).isEqualTo(43);
    }

    @Test
    void debugConsole_printsOnStandardOutput() throws IOException {
        assertThat(run(TinyKernel.DEBUG_CONSOLE, "--debug-exit", "--debug-console"))
                .isEqualTo(new Queztl.Result(1, "Hi", ""));
    }

    @Test
    void trace_printsALineForEachInstruction() throws IOException {
        Queztl.Result result = run(TinyKernel.POWER_OFF, "--trace");
        assertThat(result.status()).isZero();
        assertThat(result.err().lines().findFirst().orElse(""))
                .startsWith("cpu0 0010:0000000000100024");
    }

    @Test
    void severalCpus_ofWhichOneRuns_endTogether() throws IOException {
        assertThat(run(TinyKernel.POWER_OFF, "-c", "8").status()).isZero();
    }

    @Test
    void termination_endsAnyGuestInTime() throws Exception {
        for (TinyKernel kernel : List.of(TinyKernel.LOOP, TinyKernel.PRINT_AND_HALT)) {
            Process process =
                    new ProcessBuilder(
                                    Queztl.command(
                                            "run", "--kernel", kernel.write(folder).toString()))
                            .redirectErrorStream(true)
                            .start();
            try {
                if (kernel == TinyKernel.PRINT_AND_HALT) {
                    byte[] text = process.getInputStream().readNBytes(3);
                    assertThat(new String(text, java.nio.charset.StandardCharsets.US_ASCII))
                            .isEqualTo("Hi\n");
                } else {
                    Thread.sleep(2000);
                }
                assertThat(process.isAlive()).isTrue();
                process.destroy();
                assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isEqualTo(128 + 15);
            } finally {
                process.destroyForcibly();
            }
        }
    }
}
