package io.queztl.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A program of the host that is run for its result. */
final class Tool {
    private Tool() {}

    /**
     * Runs a program to its end.
     *
     * @return what it printed
     * @throws IOException if there is none, or it fails, with what it printed
     */
    static String run(List<String> command) throws IOException, InterruptedException {
        Process p =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectInput(Path.of("/dev/null").toFile())
                        .start();
        String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (p.waitFor() != 0) {
            throw new IOException(
                    "%s ended with status %d: %s"
                            .formatted(command.getFirst(), p.exitValue(), output.strip()));
        }
        return output;
    }

    /** Whether a program is on the path. */
    static boolean exists(String program) {
        for (String d : System.getenv().getOrDefault("PATH", "").split(":")) {
            if (Files.isExecutable(Path.of(d, program))) {
                return true;
            }
        }
        return false;
    }
}
