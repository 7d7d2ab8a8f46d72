package io.queztl.devices.net.user;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.devices.net.InternetChecksum;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Everything of the user network but TCP, played with frames. */
@Timeout(120)
class UserNetworkTest {
    private static final int ALL_SIZES = 65_507;
    private static final boolean LONG = Boolean.getBoolean("queztl.test.all");

    @Test
    void arpForGateway_isAnswered_forStrangersNot() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            guest.send(arp(IpAddress.parse("10.0.2.99")));
            guest.send(arp(TestGuest.GATEWAY));
            ByteBuffer answer = guest.await(f -> f.getShort(24) == 0x0806);
            assertThat(answer.getShort(32)).isEqualTo((short) 2);
            assertThat(answer.getLong(34) >>> 16).isEqualTo(TestGuest.GATEWAY_MAC);
            assertThat(IpAddress.v4(answer, 40)).isEqualTo(TestGuest.GATEWAY);
            assertThat(guest.network.state().guestMac()).isEqualTo(TestGuest.MAC);
        }
    }

    private static ByteBuffer arp(IpAddress target) {
        ByteBuffer b = TestGuest.frame(0x0806, 28);
        b.putLong(26, 0x0001_0800_0604_0001L);
        b.putLong(34, TestGuest.MAC << 16);
        TestGuest.ADDRESS.put(b, 40);
        target.put(b, 50);
        return b;
    }

    // ---- DHCP

    private static byte[] dhcp(int type, int requested) {
        ByteBuffer b = ByteBuffer.allocate(300);
        b.putInt(0, 0x0101_0600);
        b.putInt(4, 0x1234_5678);
        b.putLong(28, TestGuest.MAC << 16);
        b.putInt(236, 0x6382_5363);
        b.put(240, new byte[] {53, 1, (byte) type});
        int i = 243;
        if (requested != 0) {
            b.put(i, (byte) 50).put(i + 1, (byte) 4).putInt(i + 2, requested);
            i += 6;
        }
        b.put(i, (byte) 255);
        return b.array();
    }

    private static String option(TestGuest.Ip p, int wanted) {
        int i = 8 + 240;
        while ((p.data().get(i) & 0xff) != 255) {
            int length = p.data().get(i + 1) & 0xff;
            if ((p.data().get(i) & 0xff) == wanted) {
                byte[] value = new byte[length];
                p.data().get(i + 2, value);
                return HexFormat.of().formatHex(value);
            }
            i += 2 + length;
        }
        return "none";
    }

    @Test
    void dhcp_givesAddressRouterDnsNameAndMtu() throws Exception {
        try (TestGuest guest = TestGuest.of(TestGuest.options("user,hostname=vm7,mtu=9000"))) {
            guest.udp(IpAddress.ANY_V4, 68, IpAddress.BROADCAST_V4, 67, dhcp(1, 0));
            TestGuest.Ip offer = guest.awaitIp(17);
            assertThat(option(offer, 53)).isEqualTo("02");
            assertThat(offer.data().getInt(8 + 16)).isEqualTo(TestGuest.ADDRESS.v4());
            assertThat(guest.network.state().leasedTo()).isZero();
            guest.udp(
                    IpAddress.ANY_V4,
                    68,
                    IpAddress.BROADCAST_V4,
                    67,
                    dhcp(3, TestGuest.ADDRESS.v4()));
            TestGuest.Ip ack = guest.awaitIp(17);
            assertThat(option(ack, 53)).isEqualTo("05");
            assertThat(option(ack, 1)).isEqualTo("ffffff00");
            assertThat(option(ack, 3)).isEqualTo("0a000202");
            assertThat(option(ack, 6)).isEqualTo("0a000203");
            assertThat(option(ack, 12)).isEqualTo(HexFormat.of().formatHex("vm7".getBytes()));
            assertThat(option(ack, 26)).isEqualTo("2328");
            assertThat(option(ack, 51)).isEqualTo("00015180");
            assertThat(guest.network.state().leasedTo()).isEqualTo(TestGuest.MAC);
        }
    }

    @Test
    void dhcpRequestOfAnotherAddress_isRefused() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            guest.udp(IpAddress.ANY_V4, 68, IpAddress.BROADCAST_V4, 67, dhcp(3, 0x0a00_0299));
            TestGuest.Ip nak = guest.awaitIp(17);
            assertThat(option(nak, 53)).isEqualTo("06");
            assertThat(nak.destination()).isEqualTo(IpAddress.BROADCAST_V4);
        }
    }

    @Test
    void savedLease_comesBack() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            UserNetworkState fresh = guest.network.state();
            guest.udp(
                    IpAddress.ANY_V4,
                    68,
                    IpAddress.BROADCAST_V4,
                    67,
                    dhcp(3, TestGuest.ADDRESS.v4()));
            guest.send(arp(TestGuest.GATEWAY));
            UserNetworkState saved = guest.network.state();
            assertThat(saved).isNotEqualTo(fresh);
            guest.network.restore(fresh);
            assertThat(guest.network.state()).isEqualTo(fresh);
            guest.network.restore(saved);
            assertThat(guest.network.state()).isEqualTo(saved);
        }
    }

    // ---- echo

    @Test
    void pingOfEverySize_isAnswered() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            int step = LONG ? 1 : 487;
            for (int size = 1; size <= ALL_SIZES; size += step) {
                ping(guest, TestGuest.ADDRESS, TestGuest.GATEWAY, size);
            }
            ping(guest, TestGuest.ADDRESS, TestGuest.GATEWAY, ALL_SIZES);
        }
    }

    @Test
    void pingOverIpv6_isAnswered() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            for (int size : new int[] {1, 56, 1400, 1452, 1453, 3000, 20_000, 65_000, 65_487}) {
                ping(guest, TestGuest.ADDRESS_V6, TestGuest.GATEWAY_V6, size);
            }
        }
    }

    private static void ping(TestGuest guest, IpAddress from, IpAddress to, int size)
            throws InterruptedException {
        guest.ping(from, to, size, 1500);
        TestGuest.Ip reply = guest.awaitIp(from.isV4() ? 1 : 58);
        ByteBuffer b = reply.data();
        assertThat(b.get(0) & 0xff).isEqualTo(from.isV4() ? 0 : 129);
        assertThat(b.limit()).as("size %d", size).isEqualTo(size + 8);
        if (from.isV4()) {
            assertThat(InternetChecksum.valid(InternetChecksum.add(0, b, 0, b.limit()))).isTrue();
        }
        for (int i = 8; i < b.limit(); i++) {
            if (b.get(i) != (byte) (i * 7)) {
                assertThat(b.get(i)).as("byte %d of %d", i, size).isEqualTo((byte) (i * 7));
            }
        }
    }

    @Test
    void fragmentsWithoutEnd_takeBoundedMemory() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            for (int i = 0; i < 1000; i++) {
                ByteBuffer b = guest.ip(TestGuest.ADDRESS, TestGuest.GATEWAY, 1, 1400);
                b.putShort(32, (short) 0x2000);
                TestGuest.sum4(b);
                guest.send(b);
            }
            ping(guest, TestGuest.ADDRESS, TestGuest.GATEWAY, 5000);
        }
    }

    // ---- IPv6

    @Test
    void routerSolicitation_getsPrefixAndDns() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            icmp6(guest, IpAddress.parse("fe80::77"), IpAddress.parse("ff02::2"), 133, 8);
            TestGuest.Ip p = guest.awaitIp(58);
            ByteBuffer b = p.data();
            assertThat(b.get(0) & 0xff).isEqualTo(134);
            assertThat(p.source()).isEqualTo(IpAddress.parse("fe80::2"));
            assertThat(b.getShort(16)).isEqualTo((short) 0x0101);
            assertThat(b.getInt(28)).isEqualTo(1500);
            assertThat(b.getInt(32)).isEqualTo(0x0304_40c0);
            assertThat(IpAddress.v6(b, 48)).isEqualTo(IpAddress.parse("fd51:7a74:6c00:2::"));
            assertThat(b.get(64)).isEqualTo((byte) 25);
            assertThat(IpAddress.v6(b, 72)).isEqualTo(IpAddress.parse("fd51:7a74:6c00:2::3"));
        }
    }

    @Test
    void neighbourSolicitation_isAnsweredForUsOnly() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            solicit(guest, IpAddress.parse("fd51:7a74:6c00:2::99"));
            solicit(guest, TestGuest.GATEWAY_V6);
            TestGuest.Ip p = guest.awaitIp(58);
            assertThat(p.data().get(0) & 0xff).isEqualTo(136);
            assertThat(IpAddress.v6(p.data(), 8)).isEqualTo(TestGuest.GATEWAY_V6);
            assertThat(p.data().getLong(24)).isEqualTo(0x0201L << 48 | TestGuest.GATEWAY_MAC);
        }
    }

    private static void solicit(TestGuest guest, IpAddress target) {
        ByteBuffer b = guest.ip(TestGuest.ADDRESS_V6, IpAddress.parse("ff02::1:ff00:2"), 58, 24);
        int at = TestGuest.payload(target);
        b.putInt(at, 135 << 24);
        target.put(b, at + 8);
        sum6(b, TestGuest.ADDRESS_V6, IpAddress.parse("ff02::1:ff00:2"), at, 24);
        guest.send(b);
    }

    private static void icmp6(TestGuest guest, IpAddress from, IpAddress to, int type, int bytes) {
        ByteBuffer b = guest.ip(from, to, 58, bytes);
        int at = TestGuest.payload(to);
        b.putInt(at, type << 24);
        sum6(b, from, to, at, bytes);
        guest.send(b);
    }

    private static void sum6(ByteBuffer b, IpAddress from, IpAddress to, int at, int bytes) {
        long sum = InternetChecksum.add(PseudoHeader.sum(from, to, 58, bytes), b, at, bytes);
        b.putShort(at + 2, (short) InternetChecksum.finish(sum));
    }

    @Test
    void ipv6SwitchedOff_isSilent() throws Exception {
        try (TestGuest guest = TestGuest.of(TestGuest.options("user,ipv6=off"))) {
            icmp6(guest, IpAddress.parse("fe80::77"), IpAddress.parse("ff02::2"), 133, 8);
            ping(guest, TestGuest.ADDRESS, TestGuest.GATEWAY, 1);
        }
    }

    // ---- UDP and DNS

    private static Thread echo(DatagramSocket socket) {
        return Thread.ofVirtual()
                .start(() -> {
                    DatagramPacket p = new DatagramPacket(new byte[65_536], 65_536);
                    try {
                        while (true) {
                            socket.receive(p);
                            socket.send(p);
                            p.setLength(65_536);
                        }
                    } catch (java.io.IOException e) {
                        // closed
                    }
                });
    }

    @Test
    void udpDatagramsOfManySizes_goThereAndBack() throws Exception {
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        try (DatagramSocket server = new DatagramSocket(0, loopback);
                TestGuest guest = TestGuest.of(TestGuest.options("user,host-access"))) {
            Thread ignored = echo(server);
            Random random = new Random(3);
            for (int size : new int[] {1, 100, 1472, 1473, 9000, 40_000}) {
                byte[] data = new byte[size];
                random.nextBytes(data);
                if (size <= 1472) {
                    guest.udp(
                            TestGuest.ADDRESS,
                            4000,
                            TestGuest.GATEWAY,
                            server.getLocalPort(),
                            data);
                } else {
                    udpInFragments(guest, server.getLocalPort(), data);
                }
                TestGuest.Ip p = guest.awaitIp(17);
                assertThat(p.source()).isEqualTo(TestGuest.GATEWAY);
                assertThat(p.u16(0)).isEqualTo(server.getLocalPort());
                assertThat(p.u16(2)).isEqualTo(4000);
                byte[] back = new byte[p.data().limit() - 8];
                p.data().get(8, back);
                assertThat(back).isEqualTo(data);
            }
            assertThat(guest.network.statistics().udpFlows()).isEqualTo(1);
        }
    }

    private static void udpInFragments(TestGuest guest, int port, byte[] data) {
        ByteBuffer whole = ByteBuffer.allocate(data.length + 8);
        whole.putShort(0, (short) 4000).putShort(2, (short) port);
        whole.putShort(4, (short) whole.limit());
        whole.put(8, data);
        for (int offset = 0; offset < whole.limit(); offset += 1480) {
            int n = Math.min(1480, whole.limit() - offset);
            ByteBuffer b = guest.ip(TestGuest.ADDRESS, TestGuest.GATEWAY, 17, n);
            b.putShort(30, (short) 7777);
            int more = offset + n < whole.limit() ? 0x2000 : 0;
            b.putShort(32, (short) (more | offset / 8));
            TestGuest.sum4(b);
            b.put(46, whole, offset, n);
            guest.send(b);
        }
    }

    @Test
    void udpToClosedPort_isUnreachable() throws Exception {
        int port;
        try (DatagramSocket s = new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.1"))) {
            port = s.getLocalPort();
        }
        try (TestGuest guest = TestGuest.of(TestGuest.options("user,host-access"))) {
            guest.udp(TestGuest.ADDRESS, 4000, TestGuest.GATEWAY, port, new byte[4]);
            TestGuest.Ip p = guest.awaitIp(1);
            assertThat(p.data().getShort(0)).isEqualTo((short) 0x0303);
            assertThat(p.data().getShort(8 + 20) & 0xffff).isEqualTo(4000);
            assertThat(p.data().getShort(8 + 22) & 0xffff).isEqualTo(port);
        }
    }

    @Test
    void addressesThatAreNotTheGuests_areProhibited() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            for (String to :
                    new String[] {
                        "10.0.2.2",
                        "10.0.2.77",
                        "127.0.0.1",
                        "169.254.169.254",
                        "100.100.100.200",
                        "0.0.0.1",
                        "240.0.0.1"
                    }) {
                guest.udp(TestGuest.ADDRESS, 4000, IpAddress.parse(to), 80, new byte[4]);
                assertThat(guest.awaitIp(1).data().getShort(0)).as(to).isEqualTo((short) 0x030d);
            }
            for (String to :
                    new String[] {
                        "::1",
                        "fd00:ec2::254",
                        "64:ff9b::7f00:1",
                        "2002:a9fe:a9fe::1",
                        "fd51:7a74:6c00:2::2"
                    }) {
                guest.udp(TestGuest.ADDRESS_V6, 4000, IpAddress.parse(to), 80, new byte[4]);
                assertThat(guest.awaitIp(58).data().getShort(0)).as(to).isEqualTo((short) 0x0101);
            }
        }
    }

    @Test
    void policy_followsItsOptions() {
        NetworkAddresses addresses =
                new NetworkAddresses(Cidr.parse("10.0.2.0/24"), Cidr.parse("fd51::/64"));
        IpAddress outside = IpAddress.parse("192.0.2.1");
        IpAddress metadata = IpAddress.parse("169.254.169.254");
        AccessPolicy plain = new AccessPolicy(UserNetworkOptions.DEFAULT, addresses);
        assertThat(plain.mayReach(outside)).isTrue();
        assertThat(plain.mayReach(metadata)).isFalse();
        assertThat(plain.target(addresses.gateway(), 80)).isNull();
        AccessPolicy denied =
                new AccessPolicy(
                        TestGuest.options("user,deny=192.0.0.0/16,host-access"), addresses);
        assertThat(denied.mayReach(outside)).isFalse();
        assertThat(denied.target(addresses.gateway(), 80))
                .isEqualTo(new InetSocketAddress("127.0.0.1", 80));
        AccessPolicy restricted =
                new AccessPolicy(
                        TestGuest.options("user,restrict,allow=169.254.169.254"), addresses);
        assertThat(restricted.mayReach(outside)).isFalse();
        assertThat(restricted.mayReach(metadata)).isTrue();
    }

    private static byte[] query(String name, int type) {
        ByteBuffer b = ByteBuffer.allocate(512);
        b.putShort(0, (short) 0x4242).putShort(2, (short) 0x0100).putShort(4, (short) 1);
        b.position(12);
        for (String label : name.split("\\.")) {
            b.put((byte) label.length()).put(label.getBytes(StandardCharsets.US_ASCII));
        }
        b.put((byte) 0).putShort((short) type).putShort((short) 1);
        byte[] bytes = new byte[b.position()];
        b.get(0, bytes);
        return bytes;
    }

    @Test
    void dnsQuestion_isPassedOnAndAnswered() throws Exception {
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        try (DatagramSocket server = new DatagramSocket(0, loopback)) {
            Thread ignored =
                    Thread.ofVirtual()
                            .start(() -> {
                                DatagramPacket p = new DatagramPacket(new byte[600], 600);
                                try {
                                    server.receive(p); // lost: it must be asked again
                                    server.receive(p);
                                    p.getData()[2] |= (byte) 0x80;
                                    server.send(p);
                                } catch (java.io.IOException e) {
                                    // closed
                                }
                            });
            String dns = "user,dns=127.0.0.1:" + server.getLocalPort();
            try (TestGuest guest = TestGuest.of(TestGuest.options(dns))) {
                guest.udp(TestGuest.ADDRESS, 5353, TestGuest.DNS, 53, query("example.org", 1));
                TestGuest.Ip p = guest.awaitIp(17);
                assertThat(p.source()).isEqualTo(TestGuest.DNS);
                assertThat(p.u16(8)).isEqualTo(0x4242);
                assertThat(p.u16(10)).isEqualTo(0x8100);
            }
        }
    }

    @Test
    void dnsWithoutServer_fails() throws Exception {
        try (TestGuest guest = TestGuest.of(UserNetworkOptions.DEFAULT)) {
            guest.udp(TestGuest.ADDRESS, 5353, TestGuest.DNS, 53, query("example.org", 15));
            TestGuest.Ip p = guest.awaitIp(17);
            assertThat(p.u16(10) & 0x800f).isEqualTo(0x8002);
        }
    }

    @Test
    void dnsNameOfHostsFile_isAnswered(@TempDir Path folder) throws Exception {
        Path hosts = folder.resolve("hosts");
        Files.writeString(
                hosts,
                "127.0.1.1 self # us\n192.0.2.7 Printer.lan printer\n2001:db8::7 printer.lan\n");
        UserNetwork network =
                new UserNetwork(
                        TestGuest.options("user,host-access"),
                        UserNetworkLimits.DEFAULT,
                        folder.resolve("none"),
                        hosts);
        try (TestGuest guest = new TestGuest(network, 1)) {
            assertThat(lookUp(guest, "printer.LAN", 1)).isEqualTo(IpAddress.parse("192.0.2.7"));
            assertThat(lookUp(guest, "printer.lan", 28)).isEqualTo(IpAddress.parse("2001:db8::7"));
            assertThat(lookUp(guest, "self", 1)).isEqualTo(TestGuest.GATEWAY);
        }
    }

    private static IpAddress lookUp(TestGuest guest, String name, int type)
            throws InterruptedException {
        byte[] query = query(name, type);
        guest.udp(TestGuest.ADDRESS, 5353, TestGuest.DNS, 53, query);
        TestGuest.Ip p = guest.awaitIp(17);
        assertThat(p.u16(8 + 6)).as("answers").isEqualTo(1);
        int at = 8 + query.length + 12;
        return type == 1 ? IpAddress.v4(p.data(), at) : IpAddress.v6(p.data(), at);
    }

    @Test
    void forwardedUdpPort_answersItsClients() throws Exception {
        try (TestGuest guest = TestGuest.of(TestGuest.options("user", "0:7000/udp"));
                DatagramSocket a = new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.1"));
                DatagramSocket b = new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.1"))) {
            guest.send(arp(TestGuest.GATEWAY));
            InetSocketAddress host = guest.network.forwarded().getFirst();
            for (DatagramSocket client : new DatagramSocket[] {a, b, a}) {
                byte[] data = {1, 2, 3, (byte) client.getLocalPort()};
                client.send(new DatagramPacket(data, data.length, host));
                TestGuest.Ip p = guest.awaitIp(17);
                assertThat(p.u16(2)).isEqualTo(7000);
                assertThat(p.source()).isEqualTo(TestGuest.GATEWAY);
                byte[] got = new byte[4];
                p.data().get(8, got);
                assertThat(got).isEqualTo(data);
                guest.udp(TestGuest.ADDRESS, 7000, p.source(), p.u16(0), new byte[] {9, got[3]});
                DatagramPacket back = new DatagramPacket(new byte[10], 10);
                client.setSoTimeout(10_000);
                client.receive(back);
                assertThat(back.getLength()).isEqualTo(2);
                assertThat(back.getData()[1]).isEqualTo(data[3]);
            }
        }
    }

    @Test
    void moreUdpFlowsThanAllowed_endTheOldest() throws Exception {
        UserNetworkLimits few = new UserNetworkLimits(8, 8, 4, 4, 4, 1 << 20, 128 << 10);
        try (TestGuest guest = TestGuest.of(TestGuest.options("user,host-access"), few)) {
            for (int i = 0; i < 20; i++) {
                guest.udp(TestGuest.ADDRESS, 4000 + i, TestGuest.GATEWAY, 9, new byte[4]);
            }
            assertThat(guest.network.statistics().udpFlows()).isEqualTo(4);
        }
    }

    // ---- options

    @Test
    void options_areReadAndChecked() {
        UserNetworkOptions o =
                TestGuest.options(
                        "user,net=192.168.7.0/24,hostname=a-b,mtu=9000,dns=1.1.1.1,dns=[::1]:5353,"
                                + "ipv6=off,host-access,restrict,allow=10.0.0.0/8,deny=::/0");
        assertThat(o.subnet()).isEqualTo("192.168.7.0/24");
        assertThat(o.resolvers())
                .containsExactly(
                        new InetSocketAddress(InetAddress.ofLiteral("1.1.1.1"), 53),
                        new InetSocketAddress(InetAddress.ofLiteral("::1"), 5353));
        for (String wrong :
                new String[] {
                    "user,net=10.0.0.0/30",
                    "user,net=fd00::/64",
                    "user,hostname=-x",
                    "user,mtu=10",
                    "user,mtu=x",
                    "user,dns=example.org",
                    "user,what",
                    "user,allow=here",
                    "tap"
                }) {
            assertThatThrownBy(() -> TestGuest.options(wrong))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageEndingWith(".");
        }
    }

    @Test
    void portForwards_areReadAndChecked() {
        assertThat(PortForward.parse("8080:80")).hasToString("127.0.0.1:8080:80/tcp");
        assertThat(PortForward.parse("0.0.0.0:53:53/udp")).hasToString("0.0.0.0:53:53/udp");
        assertThat(PortForward.parse("[::1]:2222:22").host().getAddress())
                .isEqualTo(InetAddress.ofLiteral("::1"));
        for (String wrong : new String[] {"80", "x:80", "80:0", "1:2:3:4:5", "70000:80", ":80"}) {
            assertThatThrownBy(() -> PortForward.parse(wrong))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageEndingWith(".");
        }
    }

    @Test
    void checksum_equalsThatOfTheBook() {
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(100)];
            random.nextBytes(bytes);
            long sum = 0;
            for (int j = 0; j < bytes.length; j++) {
                sum += (bytes[j] & 0xff) << (j % 2 == 0 ? 8 : 0);
            }
            while (sum >>> 16 != 0) {
                sum = (sum & 0xffff) + (sum >>> 16);
            }
            assertThat(
                            InternetChecksum.fold(
                                    InternetChecksum.add(
                                            0, ByteBuffer.wrap(bytes), 0, bytes.length)))
                    .isEqualTo((int) sum);
        }
    }
}
