package io.queztl.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.queztl.server.CommandException;
import io.queztl.server.guest.FirstBoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class FirstBootOptionsTest {
    private static final String KEY =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKvH0q8C9o1Jw5hXQX2G0b5o8Q1Q2Q3Q4Q5Q6Q7Q8Q9Q";

    @TempDir private Path folder = Path.of("");

    private static FirstBoot read(Object... arguments) {
        FirstBootOptions options = new FirstBootOptions();
        String[] line = new String[arguments.length];
        for (int i = 0; i < line.length; i++) {
            line[i] = arguments[i].toString();
        }
        CommandLine ignored =
                new CommandLine(
                        CommandLine.Model.CommandSpec.create().addMixin("o", mixin(options)));
        ignored.parseArgs(line);
        return options.read();
    }

    private static CommandLine.Model.CommandSpec mixin(FirstBootOptions options) {
        return CommandLine.Model.CommandSpec.forAnnotatedObject(options);
    }

    private Path file(String text) throws IOException {
        return Files.writeString(folder.resolve("keys"), text);
    }

    private static void refused(String reason, Object... arguments) {
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> read(arguments))
                .withMessageContaining(reason);
    }

    @Test
    void keysOfAllFiles_areKept() throws Exception {
        Path keys = file("# mine\n" + KEY + " me@here\n\n" + KEY + "\n");
        FirstBoot first = read("--ssh-key", keys, "--hostname", "web-1.example", "--ssh-key", keys);
        assertThat(first.keys()).containsExactly(KEY + " me@here", KEY, KEY + " me@here", KEY);
        assertThat(first.hostName()).isEqualTo("web-1.example");
    }

    @Test
    void whatIsNoPublicKey_isRefused() throws Exception {
        refused("cannot be read", "--ssh-key", folder.resolve("none"));
        refused("no key at all", "--ssh-key", file("# nothing\n"));
        refused("no public key", "--ssh-key", file(KEY + "\ncommand\n"));
        refused("no public key", "--ssh-key", file(KEY + " a\u0007b\n"));
        refused("no public key", "--ssh-key", file("command=\"x\" " + KEY + "\n"));
        refused("64 KiB", "--ssh-key", file("#".repeat(70_000)));
        String secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";
        refused("is a private key", "--ssh-key", file(secret));
    }

    @Test
    void whatIsNoName_isRefused() {
        for (String name :
                new String[] {"", "-a", "a-", "a..b", "a b", "a\nb", "ä", "x".repeat(65)}) {
            refused("--hostname", "--hostname", name);
        }
    }
}
