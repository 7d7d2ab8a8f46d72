package io.queztl.server.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ControlServerTest {
    @TempDir Path base = Path.of("");
    private RuntimeFolder folder = dummy();

    private static RuntimeFolder dummy() {
        return RuntimeFolder.of(Map.of());
    }

    @BeforeEach
    void make() {
        folder = RuntimeFolder.of(Map.of("XDG_RUNTIME_DIR", base.toString()));
    }

    private ControlServer serve(String name, ControlServer.Handler handler) {
        return new ControlServer(folder, folder.listen(name), handler).start();
    }

    private static void echo(String command, Arguments arguments, ControlConnection connection)
            throws Exception {
        switch (command) {
            case "echo" -> connection.answer(Map.of("text", arguments.string("text")));
            case "crash" -> throw new IllegalStateException("oops");
            default -> throw new ControlException("there is no such command.");
        }
    }

    private ControlServer echoServer(String name) {
        return serve(
                name,
                (command, arguments, connection) -> {
                    try {
                        echo(command, arguments, connection);
                    } catch (ControlException | RuntimeException e) {
                        throw e;
                    } catch (Exception e) {
                        throw new java.io.IOException(e);
                    }
                });
    }

    private String ask(String name, String text) throws Exception {
        try (ControlClient client = ControlClient.connect(folder, name)) {
            return client.request("echo", Map.of("text", text), 20).string("text");
        }
    }

    @Test
    void request_isAnswered_andErrorsAreSentences() throws Exception {
        try (ControlServer server = echoServer("a")) {
            assertThat(ask(server.name(), "h\u00e4llo\n")).isEqualTo("h\u00e4llo\n");
            try (ControlClient client = ControlClient.connect(folder, "a")) {
                for (String command : List.of("other", "crash", "echo")) {
                    assertThatThrownBy(() -> client.request(command, Map.of(), 20))
                            .isInstanceOfSatisfying(
                                    CommandException.class,
                                    e -> assertThat(e.status()).isEqualTo(ExitStatus.REFUSED))
                            .hasMessageEndingWith(".");
                }
                assertThat(client.request("echo", Map.of("text", "x"), 20).string("text"))
                        .isEqualTo("x");
            }
        }
    }

    @Test
    void folderAndSocket_arePrivate() throws Exception {
        try (ControlServer server = echoServer("a")) {
            assertThat(server.name()).isEqualTo("a");
            Path socket = folder.socket("a");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                    .isEqualTo("rw-------");
            assertThat(
                            PosixFilePermissions.toString(
                                    Files.getPosixFilePermissions(socket.getParent())))
                    .isEqualTo("rwx------");
        }
        Files.setPosixFilePermissions(
                base.resolve("queztl"), PosixFilePermissions.fromString("rwxr-xr-x"));
        assertThatThrownBy(this::make).hasMessageContaining("0700");
    }

    @Test
    void folder_thatIsALink_isRefused() throws Exception {
        Path elsewhere = Files.createDirectory(base.resolve("elsewhere"));
        Path xdg = Files.createDirectory(base.resolve("run"));
        Path ignored = Files.createSymbolicLink(xdg.resolve("queztl"), elsewhere);
        assertThatThrownBy(() -> RuntimeFolder.of(Map.of("XDG_RUNTIME_DIR", xdg.toString())))
                .isInstanceOf(CommandException.class);
    }

    @Test
    void name_taken_isRefusedAndDefaultNamesAreFree() throws Exception {
        try (ControlServer server = echoServer("vm1")) {
            assertThatThrownBy(() -> folder.listen(server.name())).hasMessageContaining("vm1");
            RuntimeFolder.Endpoint other = folder.listen(null);
            assertThat(other.name()).isEqualTo("vm2");
            assertThat(folder.names()).containsExactly("vm1", "vm2");
            folder.close(other);
        }
        assertThat(folder.names()).isEmpty();
        for (String name : List.of("", "..", ".a", "a/b", "a b", "x".repeat(64))) {
            assertThatThrownBy(() -> folder.listen(name)).isInstanceOf(CommandException.class);
            assertThatThrownBy(() -> ControlClient.connect(folder, name))
                    .isInstanceOf(CommandException.class);
        }
    }

    /** As a killed process leaves it: the file is there, and nobody listens. */
    @Test
    void socketLeftBehind_isNoticedAndRemoved() throws Exception {
        for (int i = 0; i < 2; i++) {
            ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            dead.bind(UnixDomainSocketAddress.of(folder.socket("vm1")));
            dead.close();
            assertThat(folder.socket("vm1")).exists();
            if (i == 0) {
                assertThat(folder.names()).isEmpty();
                assertThat(folder.socket("vm1")).doesNotExist();
            } else {
                try (ControlServer server = echoServer("vm1")) {
                    assertThat(ask(server.name(), "x")).isEqualTo("x");
                }
            }
        }
        assertThatThrownBy(() -> ControlClient.connect(folder, "vm1"))
                .hasMessageContaining("queztl ps");
    }

    @Test
    void clientsThatStall_keepNobodyWaiting() throws Exception {
        List<SocketChannel> stalled = new ArrayList<>();
        try (ControlServer server = echoServer("a")) {
            for (int i = 0; i < 300; i++) {
                SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                channel.connect(UnixDomainSocketAddress.of(folder.socket("a")));
                channel.write(ByteBuffer.wrap("{\"comm".getBytes()));
                stalled.add(channel);
            }
            assertThat(ask(server.name(), "x")).isEqualTo("x");
        } finally {
            for (SocketChannel channel : stalled) {
                channel.close();
            }
        }
    }

    @Test
    void serverThatDoesNotAnswer_endsTheRequestInTime() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        try (ControlServer server = serve("a", (c, a, connection) -> release.await())) {
            try (ControlClient client = ControlClient.connect(folder, server.name())) {
                assertThatThrownBy(() -> client.request("x", Map.of(), 1))
                        .hasMessageContaining("has not answered");
            }
            release.countDown();
        }
    }

    @Test
    void garbage_neverHarmsTheServer() throws Exception {
        Random random = new Random(5);
        try (ControlServer server = echoServer("a")) {
            for (int i = 0; i < 200; i++) {
                try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                    channel.connect(UnixDomainSocketAddress.of(folder.socket("a")));
                    byte[] bytes = new byte[random.nextInt(5000)];
                    random.nextBytes(bytes);
                    channel.write(ByteBuffer.wrap(bytes));
                }
            }
            try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                channel.connect(UnixDomainSocketAddress.of(folder.socket("a")));
                ByteBuffer endless = ByteBuffer.allocate(1 << 16);
                assertThatThrownBy(
                                () -> {
                                    for (int i = 0; i < 1000; i++) {
                                        channel.write(endless.rewind());
                                    }
                                })
                        .isInstanceOf(java.io.IOException.class);
            }
            assertThat(ask(server.name(), "x")).isEqualTo("x");
        }
    }
}
