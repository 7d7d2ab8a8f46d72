package io.queztl.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The benchmark's own C program, compiled with the host's gcc and linked statically. */
final class GuestProgram {
    private static final List<String> SOURCES =
            List.of("bench.h", "main.c", "integer.c", "floating.c", "system.c");

    private GuestProgram() {}

    /**
     * Compiles it.
     *
     * @param folder where sources and program go
     * @throws IOException if there is no gcc or no static libc, with what gcc said
     */
    static Path compile(Path folder) throws IOException, InterruptedException {
        Path target = folder.resolve("bench");
        List<String> command = new ArrayList<>();
        // The base x86-64 instruction set, whatever the host's gcc prefers.
        command.addAll(List.of("gcc", "-O2", "-march=x86-64", "-mtune=generic", "-static"));
        command.addAll(List.of("-o", target.toString()));
        for (String source : SOURCES) {
            Path file = folder.resolve(source);
            Files.write(file, GuestImage.resource(source));
            if (source.endsWith(".c")) {
                command.add(file.toString());
            }
        }
        command.add("-lm");
        Tool.run(command);
        return target;
    }
}
