package io.queztl.devices.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class PasstNetworkTest {
    private static final int HEADER = NetworkBackend.HEADER_BYTES;

    @TempDir Path folder = Path.of("");
    private final GuestEnd guest = new GuestEnd();

    private ServerSocketChannel listen() throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(folder.resolve("s")));
    }

    private static byte[] read(SocketChannel channel, int bytes) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(bytes);
        while (b.hasRemaining()) {
            assertThat(channel.read(b)).isPositive();
        }
        return b.array();
    }

    private static ByteBuffer framed(byte[] packet) {
        int frame = packet.length - HEADER;
        return ByteBuffer.allocate(4 + frame).putInt(frame).put(packet, HEADER, frame).flip();
    }

    @Test
    void frames_ofEverySize_crossWithTheirLength() throws Exception {
        try (ServerSocketChannel server = listen();
                PasstNetwork network = PasstNetwork.connect(folder.resolve("s"))) {
            network.start(guest);
            assertThat(network.offloads()).isEqualTo(NetworkBackend.Offloads.NONE);
            try (SocketChannel peer = server.accept()) {
                for (int frame : new int[] {14, 60, 1514, 65_549, 15}) {
                    byte[] packet = GuestEnd.packet(2, 1, frame);
                    network.send(ByteBuffer.wrap(packet));
                    network.flush(0);
                    assertThat(read(peer, 4 + frame)).isEqualTo(framed(packet).array());
                    int ignored = peer.write(framed(packet));
                    assertThat(guest.poll(10_000)).isEqualTo(packet);
                }
                // Many in one write, cut anywhere.
                ByteBuffer many = ByteBuffer.allocate(300_000);
                int count = 0;
                while (many.remaining() > 1_600) {
                    many.put(framed(GuestEnd.packet(2, 1, 14 + count % 1_500)));
                    count++;
                }
                many.flip();
                while (many.hasRemaining()) {
                    ByteBuffer part = many.slice().limit(Math.min(many.remaining(), 7_777));
                    many.position(many.position() + peer.write(part));
                }
                for (int i = 0; i < count; i++) {
                    assertThat(guest.poll(10_000)).isEqualTo(GuestEnd.packet(2, 1, 14 + i % 1_500));
                }
            }
        }
    }

    @Test
    void programThatEnds_takesTheLinkDownUntilItListensAgain() throws Exception {
        try (PasstNetwork network = connected()) {
            assertThat(guest.linkChanges.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
            assertThat(network.linkUp()).isFalse();
            network.send(ByteBuffer.wrap(GuestEnd.packet(2, 1, 60)));
            assertThat(network.dropped()).isEqualTo(1);
            Files.delete(folder.resolve("s"));
            try (ServerSocketChannel server = listen();
                    SocketChannel peer = server.accept()) {
                assertThat(guest.linkChanges.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
                assertThat(network.linkUp()).isTrue();
                // A length that no frame has.
                int ignored = peer.write(ByteBuffer.allocate(4).putInt(13).flip());
                assertThat(guest.linkChanges.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
            }
        }
    }

    private PasstNetwork connected() throws IOException {
        try (ServerSocketChannel server = listen()) {
            PasstNetwork network = PasstNetwork.connect(folder.resolve("s"));
            network.start(guest);
            server.accept().close();
            return network;
        }
    }

    @Test
    void programThatDoesNotRead_losesFramesOnly() throws Exception {
        try (ServerSocketChannel server = listen();
                PasstNetwork network = PasstNetwork.connect(folder.resolve("s"))) {
            network.start(guest);
            try (SocketChannel peer = server.accept()) {
                byte[] packet = GuestEnd.packet(2, 1, 1_000);
                for (int i = 0; i < 20_000; i++) {
                    network.send(ByteBuffer.wrap(packet));
                }
                network.flush(0);
                assertThat(network.dropped()).isPositive();
                long whole = 20_000 - network.dropped();
                for (long i = 0; i < whole; i++) {
                    assertThat(read(peer, 1_004)).isEqualTo(framed(packet).array());
                }
            }
        }
    }

    @Test
    void nobodyThere_isSaidInOneSentence() {
        assertThatThrownBy(() -> PasstNetwork.connect(folder.resolve("none")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("nobody answers")
                .hasMessageContaining("passt --socket");
    }

    /** Debian's passt answers DHCP. */
    @Test
    void passt_answersDhcp() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/passt")), "passt is not installed");
        Path socket = Files.createTempDirectory(Path.of("/tmp"), "queztl-passt").resolve("s");
        // passt gives up its rights before it makes the socket.
        Path open =
                Files.setPosixFilePermissions(
                        socket.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
        Process passt =
                new ProcessBuilder(
                                "passt",
                                "-f",
                                "-1",
                                "--runas",
                                "nobody",
                                "--socket",
                                socket.toString(),
                                "-a",
                                "10.7.0.2",
                                "-n",
                                "24",
                                "-g",
                                "10.7.0.1")
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("log").toFile())
                        .start();
        try {
            for (int i = 0; i < 200 && !Files.exists(socket) && passt.isAlive(); i++) {
                Thread.sleep(20);
            }
            String log = Files.readString(folder.resolve("log"), StandardCharsets.UTF_8);
            assumeTrue(Files.exists(socket), "passt does not start here: " + log);
            try (OffloadingNetwork network = new OffloadingNetwork(PasstNetwork.connect(socket))) {
                network.start(guest);
                network.send(ByteBuffer.wrap(discover()));
                network.flush(0);
                byte[] offer = guest.take();
                // yiaddr of the offer
                int at = HEADER + 14 + 20 + 8 + 16;
                assertThat(Arrays.copyOfRange(offer, at, at + 4))
                        .isEqualTo(new byte[] {10, 7, 0, 2});
            }
        } finally {
            passt.destroyForcibly().waitFor();
            Files.deleteIfExists(socket);
            Files.delete(socket.getParent());
        }
    }

    /** DHCPDISCOVER (RFC 2131), its checksum left to be filled in. */
    private static byte[] discover() {
        int dhcp = 300;
        ByteBuffer b = ByteBuffer.allocate(HEADER + 14 + 28 + dhcp);
        b.put(0, (byte) 1).put(6, (byte) 34).put(8, (byte) 6);
        int frame = HEADER;
        b.putLong(frame, -1L).putShort(frame + 6, (short) 0x0600).putInt(frame + 8, 1);
        b.putShort(frame + 12, (short) 0x0800);
        int ip = frame + 14;
        b.putShort(ip, (short) 0x4500).putShort(ip + 2, (short) (28 + dhcp));
        b.put(ip + 8, (byte) 64).put(ip + 9, (byte) 17).putInt(ip + 16, -1);
        long sum = InternetChecksum.add(0, b, ip, 20);
        b.putShort(ip + 10, (short) InternetChecksum.finish(sum));
        int udp = ip + 20;
        b.putShort(udp, (short) 68).putShort(udp + 2, (short) 67);
        b.putShort(udp + 4, (short) (8 + dhcp));
        int pseudo = InternetChecksum.fold(InternetChecksum.add(17 + 8 + dhcp, b, ip + 12, 8));
        b.putShort(udp + 6, (short) pseudo);
        int m = udp + 8;
        b.putInt(m, 0x0101_0600).putInt(m + 4, 0x1234).putShort(m + 28, (short) 0x0600);
        b.putInt(m + 30, 1).putInt(m + 236, 0x6382_5363);
        b.put(m + 240, (byte) 53).put(m + 241, (byte) 1).put(m + 242, (byte) 1);
        b.put(m + 243, (byte) 255);
        return b.array();
    }
}
