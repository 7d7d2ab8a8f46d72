package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands to a VM that runs in another process. */
@Timeout(120)
class ControlTest {
    @TempDir Path folder = Path.of("");

    /** What a command printed, both streams as one, and its status. */
    private record Result(int status, String text) {}

    private Process start(String... arguments) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(Queztl.command(arguments));
        String ignored = builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
        return builder.redirectErrorStream(true).start();
    }

    private Result run(String... arguments) throws Exception {
        Process process = start(arguments);
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), text);
    }

    private Process looping(String name) throws Exception {
        Process vm =
                start("run", "--name", name, "--kernel", TinyKernel.LOOP.write(folder).toString());
        while (vm.isAlive() && run("stats", name).status() != 0) {
            TimeUnit.MILLISECONDS.sleep(100);
        }
        return vm;
    }

    @Test
    void runningVm_isListedAndCountsAndPausesAndStops() throws Exception {
        Process vm = looping("loop");
        try {
            Result ps = run("ps", "--json");
            assertThat(ps.text())
                    .startsWith("[{\"name\":\"loop\",\"pid\":" + vm.pid())
                    .contains("\"state\":\"running\"", "\"cpus\":1");
            assertThat(run("stats", "loop").text()).contains("instructions\n", "jvm\n");
            long first = executed();
            assertThat(executed()).isGreaterThan(first);

            assertThat(run("pause", "loop")).isEqualTo(new Result(0, ""));
            assertThat(run("ps").text()).contains("paused").hasLineCount(2);
            long paused = executed();
            assertThat(executed()).isEqualTo(paused);
            Result button = run("stop", "loop");
            assertThat(button.status()).isEqualTo(12);
            assertThat(button.text()).startsWith("queztl: the VM 'loop' is paused");
            assertThat(run("resume", "loop").status()).isZero();
            assertThat(executed()).isGreaterThan(paused);

            Result taken =
                    run(
                            "run",
                            "--name",
                            "loop",
                            "--kernel",
                            TinyKernel.LOOP.write(folder).toString());
            assertThat(taken.status()).isEqualTo(2);
            assertThat(taken.text()).contains("running already").hasLineCount(1);

            assertThat(run("stop", "--wait", "1", "loop").status()).isEqualTo(12);
            assertThat(run("stop", "--force", "loop")).isEqualTo(new Result(0, ""));
            assertThat(vm.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(vm.exitValue()).isZero();
            assertThat(run("stop", "loop").status()).isEqualTo(11);
        } finally {
            vm.destroyForcibly();
        }
    }

    private long executed() throws Exception {
        String text = run("stats", "--json", "loop").text();
        int at = text.indexOf("\"executed\":") + "\"executed\":".length();
        return Long.parseLong(text.substring(at, text.indexOf(',', at)));
    }

    @Test
    void balloon_isShownAndChanged() throws Exception {
        String kernel = TinyKernel.LOOP.write(folder).toString();
        Process vm = start("run", "--name", "b", "-m", "64M", "--balloon", "0", "--kernel", kernel);
        try {
            Result first;
            do {
                first = run("balloon", "b", "16M");
            } while (vm.isAlive() && first.status() != 0);
            // The tiny kernel has no driver.
            assertThat(first.text()).isEqualTo("target          16 MiB\nactual          0 MiB\n");
            Result all = run("balloon", "b", "64M");
            assertThat(all.status()).isEqualTo(12);
            assertThat(all.text()).contains("all of the guest's 64M").hasLineCount(1);
            assertThat(run("balloon", "b").text()).isEqualTo(first.text());
        } finally {
            vm.destroyForcibly();
        }
    }

    @Test
    void killedVm_isNoLongerListed() throws Exception {
        Process vm = looping("killed");
        vm.destroyForcibly().waitFor();
        assertThat(folder.resolve("queztl/killed.sock")).exists();
        Result gone = run("pause", "killed");
        assertThat(gone.status()).isEqualTo(11);
        assertThat(gone.text()).hasLineCount(1);
        assertThat(run("ps").text()).hasLineCount(1);
        assertThat(folder.resolve("queztl/killed.sock")).doesNotExist();
        assertThat(List.of(run("ps", "--json").text())).containsExactly("[]\n");
    }
}
