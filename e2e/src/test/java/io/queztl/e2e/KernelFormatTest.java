package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Kernels other than the stock one. */
class KernelFormatTest {
    @TempDir Path folder;

    @Test
    @Timeout(60)
    void elfMultibootKernel_getsCommandLineAndModule() throws Exception {
        Path source = folder.resolve("multiboot.S");
        Path object = folder.resolve("multiboot.o");
        Path kernel = folder.resolve("multiboot.elf");
        Path module = Files.writeString(folder.resolve("module"), "the module\n");
        try (InputStream in =
                Objects.requireNonNull(getClass().getResourceAsStream("multiboot.S"))) {
            Files.copy(in, source);
        }
        Tool.run("gcc", "-m32", "-c", source.toString(), "-o", object.toString());
        Tool.run(
                "ld",
                "-m",
                "elf_i386",
                "-N",
                "-Ttext=0x100000",
                "-e",
                "_start",
                object.toString(),
                "-o",
                kernel.toString());

        Queztl.Result result =
                Queztl.run(
                        "run",
                        "--debug-exit",
                        "-m",
                        "16M",
                        "--kernel",
                        kernel.toString(),
                        "--initrd",
                        module.toString(),
                        "--append",
                        "one two");

        // isa-debug-exit: twice the value, which is 21, plus 1.
        assertThat(result.status()).as(result.err()).isEqualTo(43);
        assertThat(result.out().lines())
                .hasSize(3)
                .startsWith("multiboot")
                .endsWith("the module")
                .anyMatch(line -> line.endsWith("one two"));
    }

    @Test
    @Timeout(3600)
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "builds a kernel: ./dev test --all")
    void bzImageOfLinuxSource_boots() throws Exception {
        String kernel =
                Tool.buildGuest("small-kernel").getOrDefault("kernel", List.of()).getFirst();
        Queztl.Result result =
                Queztl.run("run", "-c", "2", "--kernel", kernel, "--exec", "echo cpus=$(nproc)");
        assertThat(result.out()).endsWith("cpus=2\n");
        assertThat(result.status()).isZero();
    }
}
