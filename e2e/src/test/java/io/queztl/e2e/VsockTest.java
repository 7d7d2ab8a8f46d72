package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Sockets between host and stock guest, with Debian's vsock modules and a program of our own. */
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "several guests; ./dev e2e")
@Timeout(300)
class VsockTest {
    private static final int BYTES = 3 << 20;

    @TempDir Path folder = Path.of("");
    private Path program = Path.of("");

    /** The guest gets the program as a disk. */
    @BeforeEach
    void compile() throws Exception {
        program = GuestProgram.compile("vsock", folder);
    }

    private CompletableFuture<Queztl.Result> start(String command) {
        return CompletableFuture.supplyAsync(() ->
                Queztl.run(
                        "run",
                        "--vsock",
                        "cid=7,uds=" + folder.resolve("v"),
                        "--disk",
                        program + ",format=raw,ro",
                        "--exec",
                        GuestProgram.install("vsock") + command));
    }

    @Test
    void guest_connectsToTheHost() throws Exception {
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            var ignored = server.bind(UnixDomainSocketAddress.of(folder.resolve("v_1234")));
            Thread echo = Thread.ofPlatform().daemon().start(() -> echo(server));
            Queztl.Result result =
                    start("/tmp/vsock echo-client 1234 %d; /tmp/vsock try 99".formatted(BYTES))
                            .get(200, TimeUnit.SECONDS);
            assertThat(result.out()).isEqualTo("echoed " + BYTES + "\nConnection reset by peer\n");
            assertThat(result.status()).isZero();
            echo.join();
        }
    }

    private static void echo(ServerSocketChannel server) {
        try (SocketChannel c = server.accept()) {
            ByteBuffer buffer = ByteBuffer.allocate(10_000);
            while (c.read(buffer.clear()) >= 0) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    int ignored = c.write(buffer);
                }
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void host_connectsToTheGuest() throws Exception {
        CompletableFuture<Queztl.Result> run = start("/tmp/vsock echo-server 4321");
        byte[] text = new byte[BYTES];
        new Random(2).nextBytes(text);
        try (SocketChannel c = connect()) {
            Thread sender = Thread.ofPlatform().daemon().start(() -> send(c, text));
            InputStream in = Channels.newInputStream(c);
            assertThat(in.readNBytes(BYTES)).isEqualTo(text);
            sender.join();
            assertThat(in.read()).isEqualTo(-1);
        }
        Queztl.Result result = run.get(200, TimeUnit.SECONDS);
        assertThat(result).isEqualTo(new Queztl.Result(0, "served " + BYTES + "\n", ""));
        assertThat(Files.exists(folder.resolve("v"))).isFalse();
    }

    private static void send(SocketChannel channel, byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        try {
            while (buffer.hasRemaining()) {
                int ignored = channel.write(buffer);
            }
            SocketChannel ignored = channel.shutdownOutput();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Tries until somebody in the guest listens. */
    private SocketChannel connect() throws Exception {
        while (true) {
            if (Files.exists(folder.resolve("v"))) {
                SocketChannel c = SocketChannel.open(StandardProtocolFamily.UNIX);
                try {
                    boolean ignored = c.connect(UnixDomainSocketAddress.of(folder.resolve("v")));
                    int ignoredCount =
                            c.write(
                                    ByteBuffer.wrap(
                                            "CONNECT 4321\n".getBytes(StandardCharsets.US_ASCII)));
                    ByteBuffer one = ByteBuffer.allocate(1);
                    StringBuilder answer = new StringBuilder();
                    while (answer.indexOf("\n") < 0 && c.read(one.clear()) > 0) {
                        answer.append((char) one.get(0));
                    }
                    if (answer.toString().matches("OK \\d+\n")) {
                        return c;
                    }
                } catch (IOException e) {
                    // Not yet.
                }
                c.close();
            }
            Thread.sleep(200);
        }
    }

    @Test
    void options_thatMakeNoSense_areRefused() {
        assertThat(Queztl.run("run", "--vsock", "cid=2,uds=x").err()).contains("from 3");
        assertThat(Queztl.run("run", "--vsock", "uds=x").err()).contains("cid=N,uds=PATH");
        assertThat(Queztl.run("run", "--vsock", "cid=3,uds=/nowhere/x", "--exec", "true").status())
                .isEqualTo(4);
    }
}
