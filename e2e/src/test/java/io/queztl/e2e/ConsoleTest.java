package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** VirtIO terminals and ports of the stock guest, with Debian's module {@code virtio_console}. */
@Timeout(180)
class ConsoleTest {
    private static final int BYTES = 4 << 20;

    @TempDir Path folder = Path.of("");

    private CompletableFuture<Queztl.Result> start(String command, String... ports) {
        List<String> line = new java.util.ArrayList<>(List.of("run", "--exec", command));
        for (String port : ports) {
            line.addAll(List.of("--port", port + "=" + folder.resolve(port)));
        }
        return CompletableFuture.supplyAsync(() -> Queztl.run(line.toArray(String[]::new)));
    }

    private SocketChannel connect(String port) throws Exception {
        Path path = folder.resolve(port);
        while (!Files.exists(path)) {
            Thread.sleep(20);
        }
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        boolean connected = channel.connect(UnixDomainSocketAddress.of(path));
        assertThat(connected).isTrue();
        return channel;
    }

    private static void send(SocketChannel channel, byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        try {
            while (buffer.hasRemaining()) {
                int ignored = channel.write(buffer);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** In the guest: the device of a port, by its name. */
    private static String device(String port) {
        return "/dev/$(basename $(dirname $(grep -lx %s /sys/class/virtio-ports/*/name)))"
                .formatted(port);
    }

    /** What the host sends comes back, while another port's host reads nothing. */
    @Test
    void ports_echoWhileAnotherIsStalled() throws Exception {
        String command =
                "cat /dev/zero >%s & exec 3<>%s; head -c %d <&3 >&3; wc -c </proc/self/status"
                        .formatted(device("stalled"), device("echo"), BYTES);
        CompletableFuture<Queztl.Result> run = start(command, "echo", "stalled");
        byte[] text = new byte[BYTES];
        new Random(1).nextBytes(text);
        try (SocketChannel stalled = connect("stalled");
                SocketChannel echo = connect("echo")) {
            Thread sender = Thread.ofPlatform().daemon().start(() -> send(echo, text));
            ByteBuffer back = ByteBuffer.allocate(BYTES);
            while (back.hasRemaining() && echo.read(back) >= 0) {
                // Until all of it is back.
            }
            assertThat(back.array()).isEqualTo(text);
            sender.join();
            assertThat(run.get(60, TimeUnit.SECONDS).status()).isZero();
            assertThat(stalled.isOpen()).isTrue();
        }
        try (var left = Files.list(folder)) {
            assertThat(left.toList()).isEmpty();
        }
    }

    /** A client that is gone before the guest looks has still said what it said. */
    @Test
    void port_clientThatLeft_isReadToItsEnd() throws Exception {
        CompletableFuture<Queztl.Result> run = start("cat %s".formatted(device("a")), "a");
        try (SocketChannel a = connect("a")) {
            send(a, "to the end\n".getBytes(StandardCharsets.US_ASCII));
        }
        assertThat(run.get(60, TimeUnit.SECONDS))
                .isEqualTo(new Queztl.Result(0, "to the end\n", ""));
    }

    @Test
    void virtioConsole_carriesInputAndOutput() {
        byte[] input = "typed\n".getBytes(StandardCharsets.US_ASCII);
        Queztl.Result result =
                Queztl.run(
                        new ByteArrayInputStream(input),
                        "run",
                        "--console",
                        "virtio",
                        "--exec",
                        "tty; read x; echo $x; seq 1 50000");
        assertThat(result.err()).isEmpty();
        StringBuilder expected = new StringBuilder("/dev/hvc0\ntyped\n");
        for (int i = 1; i <= 50_000; i++) {
            expected.append(i).append('\n');
        }
        assertThat(result.out()).isEqualTo(expected.toString());
        assertThat(result.status()).isZero();
        // The guest switches itself off at once.
        Queztl.Result last = Queztl.run("run", "--console", "virtio", "--exec", "tty");
        assertThat(last).isEqualTo(new Queztl.Result(0, "/dev/hvc0\n", ""));
    }

    @Test
    void virtioConsole_followsTheTerminalsSize() throws Exception {
        assumeThat(Path.of("/usr/bin/script"))
                .as("script(1) of util-linux makes the terminal for this test")
                .exists();
        String run =
                Queztl.command(
                                "run",
                                "--console",
                                "virtio",
                                "--exec",
                                "stty size; read x; stty size; poweroff -f")
                        .stream()
                        .map(a -> "'" + a + "'")
                        .collect(Collectors.joining(" "));
        Path script = folder.resolve("session");
        Path ignored =
                Files.writeString(
                        script,
                        "stty rows 33 cols 111\n"
                                + "(until [ -e go ]; do sleep 0.1; done;"
                                + " stty rows 44 cols 122 </dev/tty; touch done) &\n"
                                + run
                                + "\n");
        Process process =
                new ProcessBuilder(List.of("script", "-qec", "sh session", "/dev/null"))
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .start();
        try {
            await(process, "33 111");
            ignored = Files.createFile(folder.resolve("go"));
            while (!Files.exists(folder.resolve("done"))) {
                Thread.sleep(20);
            }
            Thread.sleep(500);
            process.getOutputStream().write('\r');
            process.getOutputStream().flush();
            await(process, "44 122");
        } finally {
            process.destroyForcibly();
        }
    }

    private static void await(Process process, String text) throws IOException {
        StringBuilder seen = new StringBuilder();
        int b;
        while (!seen.toString().contains(text) && (b = process.getInputStream().read()) >= 0) {
            seen.append((char) b);
        }
        assertThat(seen.toString()).contains(text);
    }

    @Test
    void options_thatMakeNoSense_areRefused() {
        assertThat(Queztl.run("run", "--console", "x").err()).contains("'serial' or 'virtio'");
        assertThat(Queztl.run("run", "--port", "x").err()).contains("NAME=SOCKET");
        assertThat(Queztl.run("run", "--port", "a b=x").err()).contains("letters, digits");
        assertThat(Queztl.run("run", "--port", "a=/nowhere/x", "--exec", "true").status())
                .isEqualTo(4);
        assertThat(Queztl.run("run", "--port", "a=x", "--port", "a=y").status()).isEqualTo(2);
    }
}
