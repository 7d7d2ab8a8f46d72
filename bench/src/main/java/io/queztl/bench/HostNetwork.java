package io.queztl.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The host's side of the network items: a server of iperf3, as root in a network namespace of its
 * own with a TAP interface, so that no address of the host is touched; else on the loopback
 * interface and without TAP.
 */
final class HostNetwork implements AutoCloseable {
    private static final String INTERFACE = "qb0";

    private final String namespace;
    private final Process server;
    private final Thread stopper = new Thread(this::end, "bench-network");

    private HostNetwork(String namespace, Process server) {
        this.namespace = namespace;
        this.server = server;
        Runtime.getRuntime().addShutdownHook(stopper);
    }

    /**
     * Makes it.
     *
     * @throws IOException if there is no iperf3, or no namespace can be made although we are root
     */
    static HostNetwork open() throws IOException, InterruptedException {
        if (!Tool.exists("iperf3")) {
            throw new IOException("the network items need iperf3 on this host: ./dev deps");
        }
        String namespace = "";
        if (isRoot() && Tool.exists("ip")) {
            namespace = "queztl-bench-" + ProcessHandle.current().pid();
            List<List<String>> steps =
                    List.of(
                            List.of("ip", "netns", "add", namespace),
                            inside(namespace, "link", "set", "lo", "up"),
                            inside(namespace, "tuntap", "add", "dev", INTERFACE, "mode", "tap"),
                            inside(
                                    namespace,
                                    "addr",
                                    "add",
                                    NetSuite.HOST + "/24",
                                    "dev",
                                    INTERFACE),
                            inside(namespace, "link", "set", INTERFACE, "up"));
            for (List<String> step : steps) {
                String ignored = Tool.run(step);
            }
        }
        List<String> line = new ArrayList<>(prefix(namespace));
        line.addAll(List.of("iperf3", "-s", "-p", "" + NetSuite.PORT));
        if (namespace.isEmpty()) {
            line.addAll(List.of("-B", "127.0.0.1"));
        }
        Process server =
                new ProcessBuilder(line)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectInput(Path.of("/dev/null").toFile())
                        .start();
        return new HostNetwork(namespace, server);
    }

    private static boolean isRoot() throws IOException, InterruptedException {
        return Tool.run(List.of("id", "-u")).strip().equals("0");
    }

    private static List<String> inside(String namespace, String... command) {
        List<String> line = new ArrayList<>(List.of("ip", "-n", namespace));
        line.addAll(List.of(command));
        return line;
    }

    private static List<String> prefix(String namespace) {
        return namespace.isEmpty() ? List.of() : List.of("ip", "netns", "exec", namespace);
    }

    /** What must stand before a monitor's command line. */
    List<String> prefix() {
        return prefix(namespace);
    }

    /** The guest's interfaces. */
    List<Machine.Network> networks() {
        List<Machine.Network> networks = new ArrayList<>(List.of(new Machine.Network("")));
        if (hasTap()) {
            networks.add(new Machine.Network(INTERFACE));
        }
        return networks;
    }

    /** Whether there is a TAP interface. */
    boolean hasTap() {
        return !namespace.isEmpty();
    }

    private void end() {
        server.destroyForcibly();
        if (!namespace.isEmpty()) {
            try {
                String ignored = Tool.run(List.of("ip", "netns", "del", namespace));
            } catch (IOException e) {
                System.err.println("bench: " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(stopper);
        end();
    }
}
