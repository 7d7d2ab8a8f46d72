package io.queztl.server.debian;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Where Debian 12's packages come from: those of the host's own apt sources that are Debian's, or
 * else Debian's servers. The guest is built from them and asks them later.
 *
 * @param lines of a {@code sources.list}
 * @param proxies by which the host's apt reaches them: lines of an {@code apt.conf}
 */
record DebianSources(List<String> lines, List<String> proxies) {
    /** The name of Debian 12. */
    static final String RELEASE = "bookworm";

    private static final List<String> SUITES =
            List.of(RELEASE, RELEASE + "-updates", RELEASE + "-security");
    private static final List<String> SERVERS =
            List.of(
                    "deb http://deb.debian.org/debian bookworm main",
                    "deb http://deb.debian.org/debian bookworm-updates main",
                    "deb http://deb.debian.org/debian-security bookworm-security main");
    private static final int SECONDS = 60;

    /** Asks the host's apt. */
    static DebianSources ofHost() throws IOException {
        String targets =
                output(
                        "apt-get",
                        "indextargets",
                        "--format",
                        "$(RELEASE) $(COMPONENT) $(ORIGIN) $(REPO_URI)",
                        "Created-By: Packages");
        return of(targets, output("apt-config", "dump"));
    }

    /**
     * Chooses.
     *
     * @param targets suite, component, origin (perhaps empty) and address of each list of the
     *     host's, a line each
     * @param configuration what {@code apt-config dump} prints
     */
    static DebianSources of(String targets, String configuration) {
        Set<String> lines = new LinkedHashSet<>();
        for (String target : targets.lines().toList()) {
            String[] parts = target.split(" ", -1);
            // The origin is known only once the host has fetched its lists.
            boolean debians =
                    parts.length == 4
                            && SUITES.contains(parts[0])
                            && parts[1].equals("main")
                            && (parts[2].equals("Debian") || parts[2].isEmpty())
                            && parts[3].matches("https?://[!-~]+");
            if (debians) {
                lines.add("deb %s %s main".formatted(parts[3], parts[0]));
            }
        }
        boolean whole = lines.stream().anyMatch(line -> line.endsWith(" " + RELEASE + " main"));
        List<String> proxies = new ArrayList<>();
        for (String line : configuration.lines().toList()) {
            if (line.matches("Acquire::https?::Proxy \"[!-~&&[^\"]]+\";")) {
                proxies.add(line);
            }
        }
        return new DebianSources(whole ? List.copyOf(lines) : SERVERS, List.copyOf(proxies));
    }

    /** The proxies that a guest can reach, too. */
    List<String> guestProxies() {
        return proxies.stream()
                .filter(line -> !line.matches(".*[/@](localhost|127\\.[0-9.]+|\\[::1])[:/\"].*"))
                .toList();
    }

    /** What a program prints; nothing if it is not there. */
    private static String output(String... command) throws IOException {
        Process process;
        try {
            process =
                    new ProcessBuilder(command)
                            .redirectInput(Path.of("/dev/null").toFile())
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
        } catch (IOException e) {
            return "";
        }
        try {
            String text =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor(SECONDS, TimeUnit.SECONDS) ? text : "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            process.destroy();
        }
    }
}
