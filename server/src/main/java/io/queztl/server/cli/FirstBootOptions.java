package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.FirstBoot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} for what a guest with a system of its own is set up with. */
final class FirstBootOptions {
    private static final int MAX_BYTES = 64 << 10;

    @Option(
            names = "--ssh-key",
            paramLabel = "FILE",
            description =
                    "a file of public keys, such as ~/.ssh/id_ed25519.pub, that may log in to the"
                            + " guest by ssh; may be given several times")
    private List<Path> keys = new ArrayList<>();

    @Option(names = "--hostname", paramLabel = "NAME", description = "the guest's name")
    private @Nullable String hostName;

    /** For picocli. */
    FirstBootOptions() {}

    /** Whether any of them is given. */
    boolean asked() {
        return !keys.isEmpty() || hostName != null;
    }

    /**
     * Reads the files.
     *
     * @throws CommandException if one is no file of public keys, or the name is none
     */
    FirstBoot read() {
        List<String> lines = new ArrayList<>();
        for (Path file : keys) {
            lines.addAll(keysIn(file));
        }
        if (hostName != null && !FirstBoot.isHostName(hostName)) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--hostname takes letters, digits and - inside, and dots between such names,"
                            + " not '%s'.".formatted(hostName));
        }
        return new FirstBoot(lines, hostName);
    }

    private static List<String> keysIn(Path file) {
        String text;
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new CommandException(
                        ExitStatus.USAGE,
                        "--ssh-key: %s has more than 64 KiB, so it is no file of public keys."
                                .formatted(file));
            }
            text = new String(bytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--ssh-key: %s cannot be read; name a file of public keys.".formatted(file),
                    e);
        }
        List<String> keys =
                text.lines()
                        .map(String::strip)
                        .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                        .toList();
        if (text.contains("PRIVATE KEY-----")) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--ssh-key: %s is a private key; name the public one, %s.pub."
                            .formatted(file, file));
        }
        if (keys.isEmpty() || !keys.stream().allMatch(FirstBoot::isKey)) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--ssh-key: %s has a line that is no public key of OpenSSH, or no key at all."
                            .formatted(file));
        }
        return keys;
    }
}
