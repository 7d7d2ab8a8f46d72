package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run on a terminal, which {@code script(1)} makes. */
@Timeout(60)
class TerminalTest {
    @TempDir Path folder;

    @BeforeAll
    static void scriptIsThere() {
        assumeThat(Path.of("/usr/bin/script"))
                .as("script(1) of util-linux makes the terminal for this test")
                .exists();
    }

    /** Runs a guest that prints "Hi" and sleeps between two looks at the terminal's settings. */
    private Process start(String signal) throws IOException {
        String run =
                Queztl.command(
                                "run",
                                "--kernel",
                                TinyKernel.PRINT_AND_HALT.write(folder).toString())
                        .stream()
                        .map(a -> "'" + a + "'")
                        .collect(Collectors.joining(" "));
        String kill =
                signal.isEmpty()
                        ? ""
                        : "(until [ -e go ]; do sleep 0.1; done; kill -" + signal + " $$) & ";
        Path script = folder.resolve("session");
        Files.writeString(
                script,
                "stty -g >before\n"
                        + "sh -c '"
                        + kill
                        // Who starts the tests may ignore signals, and that is inherited.
                        + "exec env --default-signal=INT,TERM,HUP \"$@\"' sh "
                        + run
                        + "\n"
                        + "echo $? >status\n"
                        + "stty -g >after\n");
        return new ProcessBuilder(List.of("script", "-qec", "sh session", "/dev/null"))
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
    }

    private void expectRestored(Process process, String status) throws Exception {
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(folder.resolve("status")).hasContent(status);
        assertThat(Files.readString(folder.resolve("after")))
                .isEqualTo(Files.readString(folder.resolve("before")))
                .isNotEmpty();
    }

    private static void awaitHi(InputStream in) throws IOException {
        StringBuilder seen = new StringBuilder();
        int b;
        while (!seen.toString().contains("Hi") && (b = in.read()) >= 0) {
            seen.append((char) b);
        }
        assertThat(seen.toString()).contains("Hi");
    }

    @Test
    void escapeX_endsTheVmAndRestoresTheTerminal() throws Exception {
        Process process = start("");
        try {
            awaitHi(process.getInputStream());
            OutputStream keyboard = process.getOutputStream();
            // Ctrl-C belongs to the guest.
            keyboard.write("\003ab\001x".getBytes(StandardCharsets.US_ASCII));
            keyboard.flush();
            expectRestored(process, "0");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void signals_endTheVmAndRestoreTheTerminal() throws Exception {
        for (String signal : List.of("INT", "TERM", "HUP")) {
            Process process = start(signal);
            try {
                awaitHi(process.getInputStream());
                Path go = Files.createFile(folder.resolve("go"));
                String status =
                        switch (signal) {
                            case "INT" -> "130";
                            case "TERM" -> "143";
                            default -> "129";
                        };
                expectRestored(process, status);
                Files.delete(go);
            } finally {
                process.destroyForcibly();
            }
        }
    }
}
