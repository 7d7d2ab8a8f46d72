package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code queztl run --stats}, {@code --profile} and {@code --dump-region}. */
@Timeout(300)
class SightTest {
    @TempDir Path folder;

    @Test
    void stats_tinyKernel_areATableOrJson() throws IOException {
        String kernel = TinyKernel.DEBUG_EXIT.write(folder).toString();
        List<String> run = List.of("run", "--kernel", kernel, "-m", "4M", "--debug-exit");
        Queztl.Result table = Queztl.run(arguments(run, "--stats"));
        assertThat(table.status()).isEqualTo(43);
        assertThat(table.err().lines())
                .anyMatch(l -> l.matches("  port accesses +1"))
                .anyMatch(l -> l.matches("  executed +[23]"));
        Queztl.Result json = Queztl.run(arguments(run, "--stats=json"));
        assertThat(json.err())
                .hasLineCount(1)
                .startsWith("{\"instructions\":{\"executed\":")
                .contains("\"devices\":{\"portAccesses\":1,", "\"jvm\":{\"jitCompileSeconds\":")
                .endsWith("}}\n");
    }

    private static String[] arguments(List<String> run, String more) {
        return Stream.concat(run.stream(), Stream.of(more)).toArray(String[]::new);
    }

    @Test
    void wrongValues_areRefused() throws IOException {
        assertRefused("--stats takes 'table' or 'json', not 'xml'", "--stats=xml");
        assertRefused("--dump-region takes a hexadecimal address", "--dump-region=main");
        assertRefused("--system-map needs --profile", "--system-map=" + folder);
        Path stub = Files.writeString(folder.resolve("map"), "ffffffffffffffff B a stub\n");
        assertRefused("names hardly any function", "--profile", "--system-map=" + stub);
    }

    private static void assertRefused(String message, String... options) {
        String[] all = Stream.concat(Stream.of("run"), Stream.of(options)).toArray(String[]::new);
        Queztl.Result result = Queztl.run(all);
        assertThat(result.err()).contains(message);
        assertThat(result.status()).isEqualTo(2);
    }

    @Test
    void stockGuest_isProfiledAndItsRegionsWritten() throws IOException {
        Path profile = folder.resolve("profile");
        Path regions = folder.resolve("regions");
        Queztl.Result result =
                Queztl.run(
                        "run",
                        "--profile=" + profile,
                        "--dump-region=all",
                        "--dump-dir=" + regions,
                        "--exec",
                        "uname");
        assertThat(result.out()).isEqualTo("Linux\n");
        assertThat(result.status()).isZero();
        assertThat(profile)
                .content()
                .containsPattern("^[0-9]+ samples of running vCPUs .* % kernel")
                .contains("[kernel] page 0xffffffff");
        boolean translates = !"interpreter".equals(System.getProperty("queztl.cpu.mode"));
        try (Stream<Path> files = Files.list(regions)) {
            assertThat(files.anyMatch(f -> f.toString().endsWith(".class"))).isEqualTo(translates);
        }
    }
}
