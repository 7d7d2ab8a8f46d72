package io.queztl.e2e;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** A VM with a Debian in it, in a process of its own, that is reached by console and ssh. */
final class DebianVm implements AutoCloseable {
    private static final int POLL_MILLIS = 500;

    private final String name;
    private final Path folder;
    private final Path console;
    private final int port;
    private final Process process;

    /**
     * Starts it.
     *
     * @param folder for keys, disks that are kept and what the console prints
     * @param arguments of {@code queztl run}, without name and networks
     */
    DebianVm(String name, Path folder, String... arguments)
            throws IOException, InterruptedException {
        this.name = name;
        this.folder = folder;
        console = folder.resolve(name + ".console");
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        if (!Files.exists(key())) {
            Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key().toString());
        }
        List<String> line = new ArrayList<>(List.of("run", "--name", name, "--net", network()));
        line.addAll(List.of("-p", port + ":22"));
        line.addAll(List.of(arguments));
        ProcessBuilder builder =
                new ProcessBuilder(Queztl.command(line.toArray(String[]::new)))
                        .redirectErrorStream(true)
                        .redirectOutput(console.toFile());
        builder.environment().put("XDG_DATA_HOME", folder.toString());
        // Its input stays open: at the end of it the console would log out.
        process = builder.start();
    }

    /** The private key that logs in; the public one has {@code .pub} behind it. */
    Path key() {
        return folder.resolve("key");
    }

    /** Where the disk kept as {@code name} is. */
    static Path disk(Path folder, String name) {
        return folder.resolve("queztl/disks/" + name + ".qcow2");
    }

    /** Lets the guest reach the servers of the host's apt, even if they are on this host. */
    private static String network() throws IOException {
        Process apt =
                new ProcessBuilder("apt-get", "indextargets", "--format", "$(REPO_URI)")
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        String uris = new String(apt.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        Set<String> allowed = new TreeSet<>();
        for (String uri : uris.lines().distinct().toList()) {
            String host = URI.create(uri).getHost();
            if (host == null) {
                continue;
            }
            try {
                for (InetAddress address : InetAddress.getAllByName(host)) {
                    boolean here =
                            address.isLoopbackAddress()
                                    || NetworkInterface.getByInetAddress(address) != null;
                    if (here) {
                        int bits = 8 * address.getAddress().length;
                        allowed.add(",allow=%s/%d".formatted(address.getHostAddress(), bits));
                    }
                }
            } catch (java.net.UnknownHostException e) {
                // A source that the host cannot reach either.
            }
        }
        return "user" + String.join("", allowed);
    }

    /** What the console has printed so far. */
    String printed() throws IOException {
        return new String(Files.readAllBytes(console), StandardCharsets.ISO_8859_1);
    }

    /** Waits until the console has printed a text. */
    void await(String text, int minutes) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(minutes);
        while (!printed().contains(text)) {
            if (!process.isAlive() || System.nanoTime() - end > 0) {
                throw new AssertionError("'" + text + "' does not come: " + printed());
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /** Runs a command in the guest by ssh, once its server is there; what it prints. */
    Queztl.Result ssh(String command, int minutes) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(minutes);
        while (true) {
            Path errors = folder.resolve(name + ".ssh");
            Process ssh =
                    new ProcessBuilder(
                                    "ssh",
                                    "-q",
                                    "-F",
                                    "none",
                                    "-i",
                                    key().toString(),
                                    "-p",
                                    Integer.toString(port),
                                    "-o",
                                    "BatchMode=yes",
                                    "-o",
                                    "IdentitiesOnly=yes",
                                    "-o",
                                    "ConnectTimeout=60",
                                    "-o",
                                    "StrictHostKeyChecking=accept-new",
                                    "-o",
                                    "UserKnownHostsFile=" + folder.resolve(name + ".hosts"),
                                    "root@127.0.0.1",
                                    command)
                            .redirectInput(Path.of("/dev/null").toFile())
                            .redirectError(errors.toFile())
                            .start();
            String out = new String(ssh.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = ssh.waitFor();
            // 255 is ssh's own: there is nobody yet.
            if (status != 255 || System.nanoTime() - end > 0 || !process.isAlive()) {
                return new Queztl.Result(status, out, Files.readString(errors));
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /** Presses the power button. */
    void pressPowerButton() throws IOException, InterruptedException {
        Tool.run(Queztl.command("stop", name).toArray(String[]::new));
    }

    /** Waits for the end of the VM; its status, or -1 if it had to be ended. */
    int end(int minutes) throws InterruptedException {
        return process.waitFor(minutes, TimeUnit.MINUTES) ? process.exitValue() : -1;
    }

    @Override
    public void close() {
        Process ended = process.destroyForcibly();
        try {
            int ignored = ended.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
