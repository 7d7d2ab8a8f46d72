package io.queztl.devices.net.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.net.InternetChecksum;
import io.queztl.devices.net.NetworkBackend;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TCP of the user network, against real sockets of the host and a guest that loses packets. */
@Timeout(180)
class UserTcpTest {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private static final boolean LONG = Boolean.getBoolean("queztl.test.all");

    /** What a host's program does with its connection. */
    private interface Program {
        void run(Socket socket) throws Exception;
    }

    private static ServerSocket server(Program program) throws IOException {
        ServerSocket server = new ServerSocket(0, 50, LOOPBACK);
        Thread ignored =
                Thread.ofVirtual()
                        .start(() -> {
                            while (!server.isClosed()) {
                                try (Socket s = server.accept()) {
                                    program.run(s);
                                } catch (Exception e) {
                                    // The test sees the other end.
                                }
                            }
                        });
        return server;
    }

    private static GuestTcp open(TestGuest guest, ServerSocket server) throws InterruptedException {
        GuestTcp tcp =
                new GuestTcp(
                        guest, TestGuest.ADDRESS, 40_000, TestGuest.GATEWAY, server.getLocalPort());
        assertThat(tcp.connect()).isTrue();
        return tcp;
    }

    private static byte[] bytes(int n, long seed) {
        byte[] all = new byte[n];
        new Random(seed).nextBytes(all);
        return all;
    }

    private static UserNetworkOptions hostAccess() {
        return TestGuest.options("user,host-access");
    }

    private static void awaitConnections(TestGuest guest, int n) throws InterruptedException {
        for (int i = 0; i < 200 && guest.network.statistics().connections() != n; i++) {
            Thread.sleep(10);
        }
        assertThat(guest.network.statistics().connections()).isEqualTo(n);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 10})
    void download_isComplete(int loss) throws Exception {
        byte[] data = bytes(loss == 0 ? 20_000_000 : 500_000, 1);
        try (ServerSocket server = server(s -> s.getOutputStream().write(data));
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            guest.faults(loss);
            tcp.pump(() -> tcp.ended);
            assertThat(tcp.received.toByteArray()).isEqualTo(data);
            assertThat(tcp.mssSeen).isEqualTo(1460);
            assertThat(tcp.largestSeen).isLessThanOrEqualTo(1460);
            tcp.finish();
            tcp.pump(tcp::allAcknowledged);
            assertThat(guest.network.statistics().bufferBytes()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 10})
    void upload_isComplete(int loss) throws Exception {
        byte[] data = bytes(loss == 0 ? 20_000_000 : 500_000, 2);
        CompletableFuture<byte[]> got = new CompletableFuture<>();
        try (ServerSocket server = server(s -> got.complete(s.getInputStream().readAllBytes()));
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            guest.faults(loss);
            tcp.write(data);
            tcp.finish();
            tcp.pump(tcp::allAcknowledged);
            assertThat(got.get(30, TimeUnit.SECONDS)).isEqualTo(data);
            tcp.pump(() -> tcp.ended);
            guest.faults(0);
            tcp.acknowledge();
            awaitConnections(guest, 0);
            assertThat(guest.network.statistics().bufferBytes()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void bothWaysAtOnce_overIpv6(int loss) throws Exception {
        byte[] data = bytes(LONG ? 20_000_000 : 1_000_000, 3);
        ServerSocket v6;
        try {
            v6 = new ServerSocket(0, 50, InetAddress.ofLiteral("::1"));
        } catch (SocketException e) {
            org.junit.jupiter.api.Assumptions.abort("the host has no IPv6 loopback address");
            return;
        }
        try (v6;
                TestGuest guest = TestGuest.of(hostAccess())) {
            Thread ignored =
                    Thread.ofVirtual()
                            .start(() -> {
                                try (Socket s = v6.accept()) {
                                    long n = s.getInputStream().transferTo(s.getOutputStream());
                                    assertThat(n).isEqualTo(data.length);
                                } catch (IOException e) {
                                    // The test sees the other end.
                                }
                            });
            GuestTcp tcp =
                    new GuestTcp(
                            guest,
                            TestGuest.ADDRESS_V6,
                            40_000,
                            TestGuest.GATEWAY_V6,
                            v6.getLocalPort());
            assertThat(tcp.connect()).isTrue();
            assertThat(tcp.mssSeen).isEqualTo(1440);
            guest.faults(loss);
            tcp.write(data);
            tcp.finish();
            tcp.pump(() -> tcp.ended);
            assertThat(tcp.received.toByteArray()).isEqualTo(data);
        }
    }

    @Test
    void offloads_giveLargeSegmentsBothWays() throws Exception {
        byte[] data = bytes(10_000_000, 4);
        try (ServerSocket server = server(s -> s.getInputStream().transferTo(s.getOutputStream()));
                TestGuest guest = TestGuest.of(hostAccess())) {
            guest.offloads(NetworkBackend.Offloads.ALL);
            GuestTcp tcp = open(guest, server);
            tcp.segment = 64_240;
            tcp.write(data);
            tcp.finish();
            tcp.pump(() -> tcp.ended);
            assertThat(tcp.received.toByteArray()).isEqualTo(data);
            assertThat(tcp.largestSeen).isGreaterThan(30_000);
            assertThat(tcp.gsoSeen).isEqualTo(1460);
        }
    }

    @Test
    void hostThatDoesNotRead_closesTheWindow() throws Exception {
        byte[] data = bytes(12_000_000, 5);
        CompletableFuture<Void> read = new CompletableFuture<>();
        CompletableFuture<byte[]> got = new CompletableFuture<>();
        Program program =
                s -> {
                    read.get(60, TimeUnit.SECONDS);
                    got.complete(s.getInputStream().readAllBytes());
                };
        try (ServerSocket server = server(program);
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            tcp.write(data);
            tcp.finish();
            long stop = System.nanoTime() + 1_000_000_000L;
            tcp.pump(() -> System.nanoTime() > stop);
            assertThat(tcp.allAcknowledged()).isFalse();
            assertThat(guest.network.statistics().bufferBytes()).isBetween(1, 640 << 10);
            read.complete(null);
            tcp.pump(tcp::allAcknowledged);
            assertThat(got.get(30, TimeUnit.SECONDS)).isEqualTo(data);
        }
    }

    @Test
    void guestThatDoesNotRead_isProbedAndGoesOn() throws Exception {
        byte[] data = bytes(3_000_000, 6);
        try (ServerSocket server = server(s -> s.getOutputStream().write(data));
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            tcp.window = 0;
            long stop = System.nanoTime() + 1_500_000_000L;
            tcp.pump(() -> System.nanoTime() > stop);
            assertThat(tcp.received.size()).isLessThan(200_000);
            assertThat(guest.network.statistics().bufferBytes()).isLessThan(700 << 10);
            tcp.window = 100_000;
            tcp.pump(() -> tcp.ended); // no window update of ours: a probe must find it
            assertThat(tcp.received.toByteArray()).isEqualTo(data);
        }
    }

    @Test
    void guestWithoutBuffers_getsEverythingLater() throws Exception {
        byte[] data = bytes(2_000_000, 7);
        try (ServerSocket server = server(s -> s.getOutputStream().write(data));
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            Random random = new Random(7);
            Thread driver =
                    Thread.ofVirtual()
                            .start(() -> {
                                while (!tcp.ended) {
                                    guest.room = false;
                                    try {
                                        Thread.sleep(random.nextInt(3));
                                    } catch (InterruptedException e) {
                                        return;
                                    }
                                    guest.room = true;
                                    guest.network.receiverReady();
                                    Thread.yield();
                                }
                            });
            tcp.pump(() -> tcp.ended);
            driver.join();
            assertThat(guest.refused).isTrue();
            assertThat(tcp.received.toByteArray()).isEqualTo(data);
        }
    }

    @Test
    void halfClosedByTheGuest_stillReceives() throws Exception {
        Program program =
                s -> {
                    byte[] asked = s.getInputStream().readAllBytes();
                    s.getOutputStream().write(("got " + asked.length).getBytes());
                };
        try (ServerSocket server = server(program);
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            tcp.write(new byte[1000]);
            tcp.finish();
            tcp.pump(() -> tcp.ended);
            assertThat(tcp.received.toString()).isEqualTo("got 1000");
            awaitConnections(guest, 0);
        }
    }

    @Test
    void halfClosedByTheHost_stillSends() throws Exception {
        CompletableFuture<byte[]> got = new CompletableFuture<>();
        Program program =
                s -> {
                    s.getOutputStream().write(7);
                    s.shutdownOutput();
                    got.complete(s.getInputStream().readAllBytes());
                };
        try (ServerSocket server = server(program);
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            tcp.pump(() -> tcp.ended);
            tcp.write(new byte[100_000]);
            tcp.finish();
            tcp.pump(tcp::allAcknowledged);
            assertThat(got.get(30, TimeUnit.SECONDS)).hasSize(100_000);
            awaitConnections(guest, 1); // in TIME-WAIT: it answers the last segment again
        }
    }

    @Test
    void resetByTheGuest_resetsTheHost() throws Exception {
        CompletableFuture<Exception> end = new CompletableFuture<>();
        Program program =
                s -> {
                    try {
                        int b = s.getInputStream().read();
                        end.complete(new IllegalStateException("read " + b));
                    } catch (IOException e) {
                        end.complete(e);
                    }
                };
        try (ServerSocket server = server(program);
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            tcp.abort();
            assertThat(end.get(20, TimeUnit.SECONDS)).isInstanceOf(SocketException.class);
            awaitConnections(guest, 0);
        }
    }

    @Test
    void resetByTheHost_resetsTheGuest() throws Exception {
        Program program =
                s -> {
                    int asked = s.getInputStream().read();
                    s.setSoLinger(asked == 7, 0);
                };
        try (ServerSocket server = server(program);
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            tcp.write(new byte[] {7});
            tcp.pump(() -> tcp.reset);
            awaitConnections(guest, 0);
        }
    }

    @Test
    void closedPort_isRefused() throws Exception {
        int port;
        try (ServerSocket s = new ServerSocket(0, 1, LOOPBACK)) {
            port = s.getLocalPort();
        }
        try (TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = new GuestTcp(guest, TestGuest.ADDRESS, 40_000, TestGuest.GATEWAY, port);
            assertThat(tcp.connect()).isFalse();
            awaitConnections(guest, 0);
        }
    }

    @Test
    void hostServices_areOutOfReachUnlessAllowed() throws Exception {
        try (ServerSocket server = server(s -> s.getOutputStream().write(1));
                TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            GuestTcp tcp =
                    new GuestTcp(
                            guest,
                            TestGuest.ADDRESS,
                            40_000,
                            TestGuest.GATEWAY,
                            server.getLocalPort());
            Thread.ofVirtual().start(() -> {});
            guest.send(syn(guest, 40_000, TestGuest.GATEWAY, server.getLocalPort()));
            assertThat(guest.awaitIp(1).data().getShort(0)).isEqualTo((short) 0x030d);
            assertThat(tcp.connected).isFalse();
        }
    }

    private static java.nio.ByteBuffer syn(TestGuest guest, int from, IpAddress to, int port) {
        java.nio.ByteBuffer b = guest.ip(TestGuest.ADDRESS, to, 6, 20);
        b.putShort(46, (short) from).putShort(48, (short) port);
        b.putInt(50, from * 1000).putShort(58, (short) 0x5002).putShort(60, (short) 1000);
        long sum = InternetChecksum.add(PseudoHeader.sum(TestGuest.ADDRESS, to, 6, 20), b, 46, 20);
        return b.putShort(62, (short) InternetChecksum.finish(sum));
    }

    @Test
    void forwardedPort_reachesTheGuest() throws Exception {
        byte[] data = bytes(300_000, 8);
        try (TestGuest guest = TestGuest.of(TestGuest.options("user", "0:80"))) {
            guest.ping(TestGuest.ADDRESS, TestGuest.GATEWAY, 8, 1500);
            InetSocketAddress host = guest.network.forwarded().getFirst();
            assertThat(host.getAddress()).isEqualTo(LOOPBACK);
            try (Socket client = new Socket(host.getAddress(), host.getPort())) {
                TestGuest.Ip syn = guest.awaitIp(6);
                assertThat(syn.u16(2)).isEqualTo(80);
                assertThat(syn.source()).isEqualTo(TestGuest.GATEWAY);
                GuestTcp tcp = new GuestTcp(guest, TestGuest.ADDRESS, 80, syn.source(), syn.u16(0));
                tcp.accept(syn);
                CompletableFuture<byte[]> got = new CompletableFuture<>();
                Thread ignored =
                        Thread.ofVirtual()
                                .start(() -> {
                                    try {
                                        OutputStream out = client.getOutputStream();
                                        out.write(data);
                                        client.shutdownOutput();
                                        InputStream in = client.getInputStream();
                                        got.complete(in.readAllBytes());
                                    } catch (IOException e) {
                                        got.completeExceptionally(e);
                                    }
                                });
                tcp.pump(() -> tcp.ended);
                assertThat(tcp.received.toByteArray()).isEqualTo(data);
                tcp.write(data);
                tcp.finish();
                tcp.pump(tcp::allAcknowledged);
                assertThat(got.get(20, TimeUnit.SECONDS)).isEqualTo(data);
            }
        }
    }

    @Test
    void forwardedPortThatTheGuestRefuses_resetsTheClient() throws Exception {
        try (TestGuest guest = TestGuest.of(TestGuest.options("user", "0:80"))) {
            guest.ping(TestGuest.ADDRESS, TestGuest.GATEWAY, 8, 1500);
            InetSocketAddress host = guest.network.forwarded().getFirst();
            try (Socket client = new Socket(host.getAddress(), host.getPort())) {
                TestGuest.Ip syn = guest.awaitIp(6);
                java.nio.ByteBuffer b = guest.ip(TestGuest.ADDRESS, syn.source(), 6, 20);
                b.putShort(46, (short) 80).putShort(48, (short) syn.u16(0));
                b.putInt(54, syn.data().getInt(4) + 1).putShort(58, (short) 0x5014);
                long sum = PseudoHeader.sum(TestGuest.ADDRESS, syn.source(), 6, 20);
                b.putShort(
                        62, (short) InternetChecksum.finish(InternetChecksum.add(sum, b, 46, 20)));
                guest.send(b);
                client.setSoTimeout(20_000);
                org.assertj.core.api.Assertions.assertThatThrownBy(
                                () -> client.getInputStream().read())
                        .isInstanceOf(SocketException.class);
            }
        }
    }

    @Test
    void moreConnectionsThanAllowed_areRefused() throws Exception {
        UserNetworkLimits few = new UserNetworkLimits(10, 4, 4, 4, 4, 1 << 20, 128 << 10);
        try (ServerSocket server = server(s -> Thread.sleep(100_000));
                TestGuest guest = TestGuest.of(hostAccess(), few)) {
            int open = 0;
            for (int i = 0; i < 15; i++) {
                GuestTcp tcp =
                        new GuestTcp(
                                guest,
                                TestGuest.ADDRESS,
                                41_000 + i,
                                TestGuest.GATEWAY,
                                server.getLocalPort());
                open += tcp.connect() ? 1 : 0;
            }
            assertThat(open).isEqualTo(10);
        }
    }

    @Test
    void synFlood_isBounded() throws Exception {
        UserNetworkLimits few = new UserNetworkLimits(100, 16, 4, 4, 4, 1 << 20, 128 << 10);
        try (ServerSocket server = server(s -> Thread.sleep(100_000));
                TestGuest guest = TestGuest.of(hostAccess(), few)) {
            for (int i = 0; i < 1000; i++) {
                guest.send(syn(guest, 10_000 + i, TestGuest.GATEWAY, server.getLocalPort()));
            }
            assertThat(guest.network.statistics().connections()).isLessThanOrEqualTo(16);
        }
    }

    @Test
    void segmentOfAForgottenConnection_isReset() throws Exception {
        ByteArrayOutputStream ignored = new ByteArrayOutputStream();
        try (ServerSocket server = server(s -> Thread.sleep(100_000));
                TestGuest guest = TestGuest.of(hostAccess())) {
            GuestTcp tcp = open(guest, server);
            guest.network.restore(guest.network.state());
            tcp.write(new byte[10]);
            tcp.pump(() -> tcp.reset);
            assertThat(ignored.size()).isZero();
        }
    }
}
