package io.queztl.devices.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.devices.net.NetworkBackend.Offloads;
import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class SwitchNetworkTest {
    private static final long ALL = 0xffff_ffff_ffffL;
    private static final long HELLO = 0x515a_5357_0000_0001L;

    @TempDir Path temporary = Path.of("");
    private final List<SwitchNetwork> ports = new ArrayList<>();
    private final List<GuestEnd> guests = new ArrayList<>();

    private Path folder() {
        return temporary.resolve("switches").resolve("a");
    }

    private GuestEnd join() throws IOException {
        SwitchNetwork port = SwitchNetwork.join(folder());
        GuestEnd guest = new GuestEnd();
        port.start(guest);
        ports.add(port);
        guests.add(guest);
        return guest;
    }

    private void joinAll(int count) throws Exception {
        while (ports.size() < count) {
            GuestEnd ignored = join();
        }
        awaitPeers(count - 1);
    }

    private void awaitPeers(int count) throws InterruptedException {
        for (int i = 0; i < 5_000; i++) {
            if (ports.stream().allMatch(p -> p.peers() == count)) {
                return;
            }
            Thread.sleep(2);
        }
        throw new AssertionError("peers " + ports.stream().map(SwitchNetwork::peers).toList());
    }

    private void send(int port, byte[] packet) {
        ports.get(port).send(ByteBuffer.wrap(packet));
        ports.get(port).flush(0);
    }

    @AfterEach
    void close() {
        ports.forEach(SwitchNetwork::close);
    }

    @Test
    void frames_goToAllUntilTheStationIsKnown() throws Exception {
        joinAll(3);
        byte[] hello = GuestEnd.packet(ALL, 1, 60);
        send(0, hello);
        assertThat(guests.get(1).poll(10_000)).isEqualTo(hello);
        assertThat(guests.get(2).poll(10_000)).isEqualTo(hello);
        byte[] answer = GuestEnd.packet(1, 2, 65_000);
        send(1, answer);
        assertThat(guests.get(0).poll(10_000)).isEqualTo(answer);
        byte[] unknown = GuestEnd.packet(9, 2, 60);
        send(1, unknown);
        assertThat(guests.get(2).poll(10_000)).as("no answer before").isEqualTo(unknown);
        assertThat(guests.get(0).poll(10_000)).isEqualTo(unknown);
    }

    @Test
    void port_thatLeaves_harmsNobodyAndIsForgotten() throws Exception {
        joinAll(3);
        send(2, GuestEnd.packet(ALL, 3, 60));
        assertThat(guests.get(0).poll(10_000)).isNotNull();
        ports.remove(2).close();
        guests.remove(2);
        awaitPeers(1);
        byte[] packet = GuestEnd.packet(3, 1, 60);
        assertThat(guests.get(1).poll(10_000)).isNotNull();
        send(0, packet);
        assertThat(guests.get(1).poll(10_000)).as("flooded again").isEqualTo(packet);
        joinAll(3);
        send(2, packet);
        assertThat(guests.get(0).poll(10_000)).isEqualTo(packet);
    }

    @Test
    void socketOfAKilledVm_isRemoved() throws Exception {
        joinAll(1);
        Path dead = folder().resolve("999999-0.port");
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(dead)).close();
        assertThat(Files.exists(dead)).isTrue();
        joinAll(2);
        assertThat(Files.exists(dead)).isFalse();
    }

    @Test
    void folderAndSockets_areTheUsersOnly() throws Exception {
        joinAll(1);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder())))
                .isEqualTo("rwx------");
        try (Stream<Path> files = Files.list(folder())) {
            assertThat(files)
                    .allMatch(f -> {
                        try {
                            return PosixFilePermissions.toString(Files.getPosixFilePermissions(f))
                                    .equals("rw-------");
                        } catch (IOException e) {
                            throw new java.io.UncheckedIOException(e);
                        }
                    });
        }
        Path ignored =
                Files.setPosixFilePermissions(
                        folder(), PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThatThrownBy(() -> SwitchNetwork.join(folder()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("only this user");
    }

    @Test
    void workLeftUndone_isDoneForAGuestThatDoesNotTakeIt() throws Exception {
        joinAll(2);
        byte[] packet = GuestEnd.packet(2, 1, 1000);
        packet[0] = 1;
        packet[6] = 34;
        packet[8] = 16;
        send(0, packet);
        byte[] got = guests.get(1).take();
        assertThat(got[0]).isZero();
        int sum = InternetChecksumTest.slow(packet, 12 + 34, 1000 - 34);
        assertThat(ByteBuffer.wrap(got).getShort(12 + 50)).isEqualTo((short) ~sum);
        ports.get(1).guestOffloads(Offloads.ALL);
        send(0, packet);
        assertThat(guests.get(1).poll(10_000)).isEqualTo(packet);
    }

    @Test
    void guestWithoutBuffers_losesPacketsAndKeepsNobody() throws Exception {
        joinAll(3);
        guests.get(1).room = false;
        byte[] packet = GuestEnd.packet(ALL, 1, 60_000);
        for (int i = 0; i < 100; i++) {
            send(0, packet);
            assertThat(guests.get(2).poll(10_000)).isEqualTo(packet);
        }
        assertThat(ports.get(0).dropped()).isPositive();
        guests.get(1).room = true;
        ports.get(1).receiverReady();
        assertThat(guests.get(1).poll(10_000)).isEqualTo(packet);
    }

    @Test
    void hostilePeer_isClosedAndHarmsNobody() throws Exception {
        joinAll(2);
        Random random = new Random(Seeds.seed("SwitchNetworkTest"));
        Path socket;
        try (Stream<Path> files = Files.list(folder())) {
            socket = files.filter(f -> f.toString().endsWith("-0.port")).findFirst().orElseThrow();
        }
        int cases = Seeds.all() ? 20_000 : 300;
        for (int n = 0; n < cases; n++) {
            try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                ByteBuffer junk = ByteBuffer.allocate(2_000);
                random.nextBytes(junk.array());
                if (random.nextInt(8) != 0) {
                    junk.putLong(0, HELLO);
                    int at = 8;
                    while (at < 1_900 && random.nextInt(20) != 0) {
                        int bytes = 26 + random.nextInt(1_900 - at);
                        junk.putInt(at, bytes).putShort(at + 4, (short) random.nextInt(0x600));
                        at += 4 + bytes;
                    }
                }
                int ignored = channel.write(junk);
            } catch (IOException e) {
                assertThat(e.getMessage()).contains("pipe");
            }
        }
        awaitPeers(1);
        guests.forEach(g -> g.received.clear());
        byte[] packet = GuestEnd.packet(ALL, 1, 60);
        send(1, packet);
        while (!Arrays.equals(guests.get(0).take(), packet)) {}
    }
}
