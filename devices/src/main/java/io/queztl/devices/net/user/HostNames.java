package io.queztl.devices.net.user;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What the host's {@code /etc/resolv.conf} and {@code /etc/hosts} say now: the files are read again
 * when they have changed. Guarded by the stack's lock.
 */
final class HostNames {
    private static final long CHECK_NANOS = 2_000_000_000L;
    private static final long MAX_FILE = 1 << 20;
    private static final int MAX_RESOLVERS = 3; // as resolv.conf(5)
    private static final int DNS_PORT = 53;

    /** A file of lines, and when it was last looked at. */
    private static final class Watched {
        final Path path;
        boolean looked;
        long lookedAt;
        @Nullable FileTime modified;

        Watched(Path path) {
            this.path = path;
        }

        void whenChanged(Consumer<List<String>> reader) {
            long now = System.nanoTime();
            if (looked && now - lookedAt < CHECK_NANOS) {
                return;
            }
            lookedAt = now;
            try {
                FileTime time = Files.getLastModifiedTime(path);
                if (!looked || !time.equals(modified)) {
                    modified = time;
                    boolean tooLong = Files.size(path) > MAX_FILE;
                    reader.accept(
                            tooLong
                                    ? List.of()
                                    : Files.readAllLines(path, StandardCharsets.ISO_8859_1));
                }
            } catch (IOException e) {
                modified = null;
                reader.accept(List.of());
            }
            looked = true;
        }
    }

    private final Watched resolvConf;
    private final Watched hosts;
    private final List<InetSocketAddress> fixed;
    private List<InetSocketAddress> resolvers = List.of();
    private Map<String, List<IpAddress>> names = Map.of();

    /**
     * @param fixed resolvers to take instead of those of the file, if there are any
     */
    HostNames(Path resolvConf, Path hosts, List<InetSocketAddress> fixed) {
        this.resolvConf = new Watched(resolvConf);
        this.hosts = new Watched(hosts);
        this.fixed = fixed;
    }

    /** The DNS servers to ask, the preferred one first. */
    List<InetSocketAddress> resolvers() {
        if (!fixed.isEmpty()) {
            return fixed;
        }
        resolvConf.whenChanged(lines -> {
            List<InetSocketAddress> found = new ArrayList<>();
            for (String line : lines) {
                String[] words = line.strip().split("\\s+");
                if (words.length >= 2
                        && words[0].equals("nameserver")
                        && found.size() < MAX_RESOLVERS) {
                    add(found, words[1]);
                }
            }
            resolvers = found;
        });
        return resolvers;
    }

    private static void add(List<InetSocketAddress> found, String literal) {
        try {
            found.add(new InetSocketAddress(IpAddress.parse(literal).inet(), DNS_PORT));
        } catch (IllegalArgumentException e) {
            // Not an address: of no use.
        }
    }

    /** The addresses that the host's file gives to a name, or null. */
    @Nullable List<IpAddress> lookUp(String name) {
        hosts.whenChanged(lines -> {
            Map<String, List<IpAddress>> found = new HashMap<>();
            for (String line : lines) {
                int comment = line.indexOf('#');
                String text = comment < 0 ? line : line.substring(0, comment);
                String[] words = text.strip().split("\\s+");
                for (int i = 1; i < words.length; i++) {
                    name(found, words[0], words[i]);
                }
            }
            names = found;
        });
        return names.get(name.toLowerCase(Locale.ROOT));
    }

    private static void name(Map<String, List<IpAddress>> found, String literal, String name) {
        try {
            IpAddress address = IpAddress.parse(literal);
            found.computeIfAbsent(name.toLowerCase(Locale.ROOT), n -> new ArrayList<>())
                    .add(address);
        } catch (IllegalArgumentException e) {
            // Not an address, or one with a zone: of no use to a guest.
        }
    }
}
