package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Input that makes no VM: one sentence, a documented status, nothing left behind. */
@Timeout(60)
class BadInputTest {
    @TempDir static Path folder;

    @BeforeAll
    static void files() throws IOException {
        Files.writeString(folder.resolve("text"), "This is not a kernel.\n".repeat(1000));
        Files.write(folder.resolve("empty"), new byte[0]);
        Path good = TinyKernel.POWER_OFF.write(folder);
        Files.move(good, folder.resolve("good"));
        try (var big = new java.io.RandomAccessFile(folder.resolve("big").toFile(), "rw")) {
            big.setLength(64 << 20);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    ''                               | 2 | no command given
                    frob                             | 2 | unmatched argument
                    run --frob                       | 2 | unknown option: '--frob'
                    run Extra                        | 2 | is no name of an image
                    run --kernel @good extra         | 2 | leave --kernel, --initrd and --firmware out
                    run --kernel                     | 2 | missing required parameter
                    run -c 0                         | 2 | a VM has 1 to 64 vCPUs, not 0
                    run -c -1                        | 2 | a VM has 1 to 64 vCPUs, not -1
                    run -c 65                        | 2 | a VM has 1 to 64 vCPUs, not 65
                    run -c 99999999999               | 2 | invalid value for option '--cpus'
                    run -c two                       | 2 | invalid value for option '--cpus'
                    run -m 1K                        | 2 | 1K of memory is too little
                    run -m 0                         | 2 | too little
                    run -m -1G                       | 2 | is not a size of memory
                    run -m lots                      | 2 | is not a size of memory
                    run -m 5000001K                  | 2 | is not a multiple of 4K
                    run -m 999T                      | 4 | a guest of 999T does not fit
                    run -m 99999999999999999T        | 4 | does not fit
                    run --cpu 8086                   | 2 | there is no CPU model '8086'
                    run --exec true --initrd @text   | 2 | leave --initrd out
                    run --kernel @missing            | 3 | does not exist
                    run --kernel @empty              | 3 | is empty
                    run --kernel @                   | 3 | is not a regular file
                    run --kernel @text               | 3 | is neither a bzImage
                    run --kernel @good --initrd @missing | 3 | does not exist
                    run --kernel @good --initrd @big -m 32M | 3 | ''
                    run --kernel @good --append @long | 2 | command line
                    """)
    void run_badInput_isOneSentenceAndAStatus(String line, int status, String message)
            throws IOException {
        Set<Path> before = temporaryFiles();
        String[] arguments =
                Stream.of(line.split(" "))
                        .filter(a -> !a.isEmpty())
                        .map(a -> a.equals("@long") ? "x".repeat(100_000) : a)
                        .map(a -> a.startsWith("@") ? folder.resolve(a.substring(1)) + "" : a)
                        .toArray(String[]::new);
        Queztl.Result result = Queztl.run(arguments);
        assertThat(result.err()).startsWith("queztl: ").contains(message).hasLineCount(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.status()).isEqualTo(status);
        assertThat(temporaryFiles()).isEqualTo(before);
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(t -> t.getName().startsWith("queztl-vcpu"));
    }

    private static Set<Path> temporaryFiles() throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            return files.filter(f -> String.valueOf(f.getFileName()).startsWith("queztl-"))
                    .collect(Collectors.toSet());
        }
    }

    @Test
    void everyStatus_isDocumented() throws Exception {
        String text = Files.readString(Path.of("..", "docs", "exit-codes.md"));
        for (Field field : ExitStatus.class.getFields()) {
            assertThat(text).as(field.getName()).contains("| " + field.getInt(null) + " |");
        }
    }
}
