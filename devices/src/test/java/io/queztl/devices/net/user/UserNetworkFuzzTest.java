package io.queztl.devices.net.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.net.InternetChecksum;
import io.queztl.devices.net.NetworkBackend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A hostile guest: frames of every protocol with wrong lengths, flags and numbers, some of them
 * near enough to a connection's true ones to get deep into it.
 */
@Timeout(3600)
class UserNetworkFuzzTest {
    private static final int STEPS = Boolean.getBoolean("queztl.test.all") ? 1_000_000 : 10_000;
    private static final IpAddress SERVER = IpAddress.parse("127.77.0.1");
    private static final UserNetworkLimits LIMITS =
            new UserNetworkLimits(64, 16, 16, 8, 4, 2 << 20, 128 << 10);
    private static final int MTU = 1500;

    /** What the network last said on a connection. */
    private record Segment(int guestPort, int sequence, int acknowledgement, int bytes) {}

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final List<Segment> segments = new ArrayList<>();
    private int port;

    @Test
    void hostileFrames_changeNothingForOthers() throws Exception {
        System.out.println("UserNetworkFuzzTest: seed " + seed + ", " + STEPS + " frames");
        UserNetworkOptions options =
                TestGuest.options("user,restrict,allow=127.77.0.1,dns=127.77.0.1:9", "0:80");
        try (ServerSocket server =
                        new ServerSocket(0, 50, InetAddress.ofLiteral(SERVER.toString()));
                TestGuest guest = TestGuest.of(options, LIMITS)) {
            port = server.getLocalPort();
            Thread ignored = Thread.ofVirtual().start(() -> serve(server));
            for (int step = 0; step < STEPS; step++) {
                once(guest);
                if (step % 64 == 0) {
                    check(guest.network.statistics());
                }
            }
            guest.room = true;
            guest.network.receiverReady();
            guest.offloads(NetworkBackend.Offloads.NONE);
            UserNetworkStatistics last = guest.network.statistics();
            check(last);
            assertThat(last.malformed()).isPositive();
            guest.frames.clear();
            guest.ping(TestGuest.ADDRESS, TestGuest.GATEWAY, 3000, MTU);
            TestGuest.Ip reply = guest.awaitIp(1, p -> p.data().limit() == 3008);
            assertThat(reply.source()).isEqualTo(TestGuest.GATEWAY);
        }
    }

    private static void check(UserNetworkStatistics s) {
        assertThat(s.faults()).as("faults").isZero();
        assertThat(s.connections()).isLessThanOrEqualTo(LIMITS.connections());
        assertThat(s.udpFlows()).isLessThanOrEqualTo(LIMITS.udpFlows());
        assertThat(s.queries()).isLessThanOrEqualTo(LIMITS.queries());
        assertThat(s.bufferBytes()).isLessThanOrEqualTo(LIMITS.bufferBytes());
    }

    /** Talks, listens or hangs up, as the connection's number says. */
    private static void serve(ServerSocket server) {
        for (int n = 0; !server.isClosed(); n++) {
            int kind = n % 4;
            try {
                Socket s = server.accept();
                Thread ignored =
                        Thread.ofVirtual()
                                .start(() -> {
                                    try (s) {
                                        if (kind == 0) {
                                            s.getOutputStream().write(new byte[500_000]);
                                        }
                                        if (kind == 1) {
                                            s.setSoLinger(true, 0);
                                        } else if (kind == 2) {
                                            s.shutdownOutput();
                                        }
                                        s.setSoTimeout(2000);
                                        byte[] rest = s.getInputStream().readAllBytes();
                                        assertThat(rest).isNotNull();
                                    } catch (IOException e) {
                                        // As the guest wills.
                                    }
                                });
            } catch (IOException e) {
                return;
            }
        }
    }

    private void once(TestGuest guest) throws InterruptedException {
        ByteBuffer frame =
                switch (random.nextInt(12)) {
                    case 0 -> noise(guest);
                    case 1 -> arp();
                    case 2 -> udp(guest, 67, 243 + random.nextInt(100));
                    case 3 -> udp(guest, 53, random.nextInt(80));
                    case 4 -> udp(guest, random.nextInt(65_536), random.nextInt(200));
                    case 5 -> fragment(guest);
                    case 6 -> ipv6(guest);
                    case 7 -> icmp(guest);
                    case 8 -> syn(guest);
                    default -> segment(guest);
                };
        if (random.nextInt(3) == 0) {
            int n = 1 + random.nextInt(3);
            for (int i = 0; i < n; i++) {
                frame.put(random.nextInt(frame.limit()), (byte) random.nextInt());
            }
        }
        if (random.nextInt(20) == 0) {
            frame.limit(random.nextInt(frame.limit() + 1));
        }
        guest.network.send(frame);
        if (random.nextInt(4) != 0) {
            guest.network.flush(0);
        }
        if (random.nextInt(50) == 0) {
            guest.room = !guest.room;
            guest.network.receiverReady();
        }
        if (random.nextInt(500) == 0) {
            guest.offloads(
                    random.nextBoolean()
                            ? NetworkBackend.Offloads.ALL
                            : NetworkBackend.Offloads.NONE);
        }
        listen(guest);
    }

    private void listen(TestGuest guest) throws InterruptedException {
        ByteBuffer frame = guest.poll(0);
        while (frame != null) {
            boolean tcp = frame.limit() >= 66 && frame.getShort(24) == 0x0800 && frame.get(35) == 6;
            if (tcp) {
                Segment s =
                        new Segment(
                                frame.getShort(48) & 0xffff,
                                frame.getInt(50),
                                frame.getInt(54),
                                frame.limit() - 66);
                if (segments.size() < 200) {
                    segments.add(s);
                } else {
                    segments.set(random.nextInt(200), s);
                }
            }
            frame = guest.poll(0);
        }
    }

    private ByteBuffer noise(TestGuest guest) {
        ByteBuffer b = ByteBuffer.allocateDirect(random.nextInt(2000) + 1);
        byte[] bytes = new byte[b.limit()];
        random.nextBytes(bytes);
        b.put(0, bytes);
        if (b.limit() > 26) {
            b.putLong(12, TestGuest.GATEWAY_MAC << 16 | TestGuest.MAC >>> 32);
            b.putInt(20, (int) TestGuest.MAC);
            b.putShort(24, random.nextBoolean() ? (short) 0x0800 : (short) 0x86dd);
            b.put(0, (byte) random.nextInt(3));
            b.put(1, (byte) 0);
        }
        return b;
    }

    private ByteBuffer arp() {
        ByteBuffer b = TestGuest.frame(0x0806, 28);
        b.putLong(26, 0x0001_0800_0604_0001L);
        b.putLong(34, TestGuest.MAC << 16);
        TestGuest.ADDRESS.put(b, 40);
        b.putInt(50, 0x0a00_0200 | random.nextInt(256));
        return b;
    }

    private void fill(ByteBuffer b, int at) {
        byte[] bytes = new byte[b.limit() - at];
        random.nextBytes(bytes);
        b.put(at, bytes);
    }

    private ByteBuffer udp(TestGuest guest, int to, int bytes) {
        IpAddress target = to == 53 ? TestGuest.DNS : to == 67 ? IpAddress.BROADCAST_V4 : SERVER;
        ByteBuffer b = guest.ip(TestGuest.ADDRESS, target, 17, bytes + 8);
        fill(b, 46);
        b.putShort(46, (short) (to == 67 ? 68 : random.nextInt(1, 65_536)));
        b.putShort(48, (short) to);
        b.putShort(50, (short) (bytes + 8));
        b.putShort(52, (short) 0);
        if (to == 67) {
            b.putInt(54, 0x0101_0600);
            b.putLong(82, TestGuest.MAC << 16);
            b.putInt(290, 0x6382_5363);
            b.putShort(294, (short) 0x3501);
        } else if (to == 53 && bytes > 20) {
            b.putShort(56, (short) (random.nextBoolean() ? 0x0100 : random.nextInt()));
            b.putShort(58, (short) random.nextInt(3));
            b.put(66, (byte) random.nextInt(10));
        }
        return b;
    }

    private ByteBuffer fragment(TestGuest guest) {
        int protocol = random.nextBoolean() ? 17 : 1;
        int bytes = random.nextInt(1, 1480);
        ByteBuffer b = guest.ip(TestGuest.ADDRESS, TestGuest.GATEWAY, protocol, bytes);
        fill(b, 46);
        b.putShort(30, (short) random.nextInt(20));
        int offset = random.nextInt(4) == 0 ? random.nextInt(8192) : random.nextInt(4);
        b.putShort(32, (short) (random.nextInt(2) << 13 | offset));
        TestGuest.sum4(b);
        return b;
    }

    private ByteBuffer ipv6(TestGuest guest) {
        int[] protocols = {0, 6, 17, 43, 44, 58, 60, 59};
        int protocol = protocols[random.nextInt(protocols.length)];
        int bytes = random.nextInt(120);
        ByteBuffer b = guest.ip(TestGuest.ADDRESS_V6, TestGuest.GATEWAY_V6, protocol, bytes);
        fill(b, 66);
        if (bytes > 16) {
            b.put(66, (byte) protocols[random.nextInt(protocols.length)]);
            b.put(67, (byte) random.nextInt(3));
            if (protocol == 58) {
                b.put(66, (byte) (random.nextBoolean() ? 128 : 133 + random.nextInt(4)));
                b.put(67, (byte) 0);
            }
        }
        b.put(0, (byte) random.nextInt(2));
        return b;
    }

    private ByteBuffer icmp(TestGuest guest) {
        int bytes = random.nextInt(100);
        ByteBuffer b = guest.ip(TestGuest.ADDRESS, TestGuest.GATEWAY, 1, bytes);
        fill(b, 46);
        if (bytes >= 8) {
            b.putInt(46, 8 << 24);
            b.putShort(48, (short) InternetChecksum.finish(InternetChecksum.add(0, b, 46, bytes)));
        }
        return b;
    }

    private ByteBuffer syn(TestGuest guest) {
        int options = random.nextInt(11) * 4;
        ByteBuffer b = guest.ip(TestGuest.ADDRESS, SERVER, 6, 20 + options);
        fill(b, 66);
        header(b, 2000 + random.nextInt(300), random.nextInt(), 0, 5 + options / 4, 2);
        return b;
    }

    private ByteBuffer segment(TestGuest guest) {
        if (segments.isEmpty()) {
            return syn(guest);
        }
        Segment s = segments.get(random.nextInt(segments.size()));
        int bytes = random.nextInt(3) == 0 ? random.nextInt(9000) : 0;
        ByteBuffer b = guest.ip(TestGuest.ADDRESS, SERVER, 6, 20 + bytes);
        int flags = random.nextInt(3) == 0 ? random.nextInt(64) : 16;
        int acknowledged = s.sequence + s.bytes + (random.nextBoolean() ? 1 : 0);
        header(b, s.guestPort, near(s.acknowledgement), near(acknowledged), 5, flags);
        return b;
    }

    private int near(int number) {
        return switch (random.nextInt(6)) {
            case 0 -> number + random.nextInt(-3000, 3000);
            case 1 -> number + 1;
            case 2 -> random.nextInt(20) == 0 ? random.nextInt() : number;
            default -> number;
        };
    }

    private void header(ByteBuffer b, int from, int sequence, int ack, int words, int flags) {
        b.putShort(46, (short) from).putShort(48, (short) port);
        b.putInt(50, sequence).putInt(54, ack);
        b.putShort(58, (short) (words << 12 | flags));
        b.putShort(60, (short) (random.nextInt(4) == 0 ? 0 : random.nextInt(65_536)));
        b.put(0, (byte) 1); // the checksum is left to the network
        b.put(1, (byte) random.nextInt(2));
    }
}
