package io.queztl.devices.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PacketCaptureTest {
    @TempDir Path folder = Path.of("");

    private static byte[] packet(int frame, int fill) {
        byte[] packet = new byte[NetworkBackend.HEADER_BYTES + frame];
        java.util.Arrays.fill(packet, NetworkBackend.HEADER_BYTES, packet.length, (byte) fill);
        return packet;
    }

    @Test
    void network_bothDirections_areInTheFile() throws Exception {
        Path file = folder.resolve("net.pcapng");
        FakeBackend inner = new FakeBackend(2);
        boolean[] room = {false};
        try (CapturingNetwork network = new CapturingNetwork(inner, file)) {
            network.start(
                    new NetworkBackend.Receiver() {
                        @Override
                        public boolean deliver(ByteBuffer packet) {
                            return room[0];
                        }

                        @Override
                        public void linkChanged() {}
                    });
            network.send(1, ByteBuffer.wrap(packet(61, 7)));
            ByteBuffer answer = ByteBuffer.wrap(packet(64_000, 9));
            assertThat(inner.receiver().deliver(1, answer)).isFalse();
            room[0] = true;
            assertThat(inner.receiver().deliver(1, answer)).isTrue();
            assertThat(inner.sent.poll()).isEqualTo(packet(61, 7));
        }
        assertThat(inner.closed).isTrue();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(skip(b, 0x0a0d_0d0a).getInt(8)).isEqualTo(0x1a2b_3c4d);
        assertThat(skip(b, 1).getShort(8)).isEqualTo((short) 1);
        assertFrame(skip(b, 6), 61, 7, 2);
        assertFrame(skip(b, 6), 64_000, 9, 1);
        assertThat(b.hasRemaining()).isFalse();
    }

    /** The next block, whose two lengths agree. */
    private static ByteBuffer skip(ByteBuffer file, int type) {
        int at = file.position();
        assertThat(file.getInt(at)).isEqualTo(type);
        int length = file.getInt(at + 4);
        assertThat(length % 4).isZero();
        assertThat(file.getInt(at + length - 4)).isEqualTo(length);
        file.position(at + length);
        return file.slice(at, length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void assertFrame(ByteBuffer block, int bytes, int fill, int direction) {
        long time = (long) block.getInt(12) << 32 | block.getInt(16) & 0xffff_ffffL;
        assertThat(System.currentTimeMillis() - time / 1_000_000).isBetween(0L, 60_000L);
        assertThat(block.getInt(20)).isEqualTo(bytes);
        assertThat(block.getInt(24)).isEqualTo(bytes);
        for (int i = 0; i < bytes; i++) {
            assertThat(block.get(28 + i)).isEqualTo((byte) fill);
        }
        int options = 28 + (bytes + 3 & ~3);
        assertThat(block.getInt(options)).isEqualTo(2 | 4 << 16);
        assertThat(block.getInt(options + 4)).isEqualTo(direction);
    }

    @Test
    void tcpdump_readsIt() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/tcpdump")), "tcpdump is not installed");
        Path file = folder.resolve("a.pcapng");
        try (PacketCapture capture = PacketCapture.create(file)) {
            ByteBuffer arp = ByteBuffer.wrap(packet(42, 0));
            arp.putShort(24, (short) 0x0806).putShort(26, (short) 1).putShort(28, (short) 0x0800);
            arp.put(30, (byte) 6).put(31, (byte) 4).putShort(32, (short) 1);
            arp.putInt(40, 0x0a00_0202).putInt(50, 0x0a00_0203);
            for (int i = 0; i < 10_000; i++) {
                capture.add(arp, PacketCapture.Direction.FROM_GUEST);
            }
        }
        Process p =
                new ProcessBuilder("tcpdump", "-n", "-r", file.toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(p.waitFor()).isZero();
        assertThat(text.lines())
                .hasSize(10_000)
                .allMatch(line -> line.contains("Request who-has 10.0.2.3 tell 10.0.2.2"));
    }

    @Test
    void fileThatCannotBeWritten_endsTheCaptureOnly() throws Exception {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "this host has no /dev/full");
        try (PacketCapture capture = PacketCapture.create(full)) {
            for (int i = 0; i < 10; i++) {
                capture.add(ByteBuffer.wrap(packet(60_000, i)), PacketCapture.Direction.TO_GUEST);
            }
        }
    }
}
