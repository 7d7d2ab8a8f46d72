package io.queztl.e2e;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** A program of {@code e2e/suites} in C, made for a guest that gets it as a disk. */
final class GuestProgram {
    private static final int SECTOR_BYTES = 512;

    private GuestProgram() {}

    /** The program, in a file of whole sectors; skips the test if there is no gcc. */
    static Path compile(String name, Path folder) throws Exception {
        assumeThat(Path.of("/usr/bin/gcc")).as("gcc makes the guest's program").exists();
        Path program = folder.resolve(name);
        Path source = Tool.SUITES.resolve(name + ".c");
        Tool.run("gcc", "-static", "-O2", "-o", program.toString(), source.toString());
        byte[] bytes = Files.readAllBytes(program);
        int sectors = (bytes.length + SECTOR_BYTES - 1) / SECTOR_BYTES;
        return Files.write(program, Arrays.copyOf(bytes, sectors * SECTOR_BYTES));
    }

    /** A line of the guest's shell that makes it a file in /tmp that can be run. */
    static String install(String name) {
        return "cat /dev/vda >/tmp/%s; chmod +x /tmp/%s\n".formatted(name, name);
    }
}
