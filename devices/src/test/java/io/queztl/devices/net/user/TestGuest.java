package io.queztl.devices.net.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.net.InternetChecksum;
import io.queztl.devices.net.NetworkBackend;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Plays the guest of a {@link UserNetwork} with frames, on the test's thread. Frames can be lost,
 * doubled and reordered in both directions; the choice is seeded.
 */
final class TestGuest implements NetworkBackend.Receiver, AutoCloseable {
    static final long MAC = 0x5254_0012_3456L;
    static final long GATEWAY_MAC = NetworkAddresses.GATEWAY_MAC;
    static final IpAddress ADDRESS = IpAddress.parse("10.0.2.15");
    static final IpAddress GATEWAY = IpAddress.parse("10.0.2.2");
    static final IpAddress DNS = IpAddress.parse("10.0.2.3");
    static final IpAddress ADDRESS_V6 = IpAddress.parse("fd51:7a74:6c00:2::77");
    static final IpAddress GATEWAY_V6 = IpAddress.parse("fd51:7a74:6c00:2::2");
    private static final int L3 = 26;
    private static final long WAIT_NANOS = TimeUnit.SECONDS.toNanos(20);

    /** A packet of IP for the guest; {@code data} is what is behind the IP header. */
    record Ip(IpAddress source, IpAddress destination, int protocol, ByteBuffer data, int gso) {
        int u16(int at) {
            return data.getShort(at) & 0xffff;
        }
    }

    final UserNetwork network;
    final LinkedBlockingQueue<ByteBuffer> frames = new LinkedBlockingQueue<>();
    private final List<ByteBuffer> late = new ArrayList<>();
    private final Random random;
    private int percent;
    private int id;
    volatile boolean room = true;
    volatile boolean refused;
    NetworkBackend.Offloads offloads = NetworkBackend.Offloads.NONE;

    TestGuest(UserNetwork network, long seed) {
        this.network = network;
        random = new Random(seed);
        network.start(this);
    }

    static TestGuest of(UserNetworkOptions options) throws IOException {
        return of(options, UserNetworkLimits.DEFAULT);
    }

    static TestGuest of(UserNetworkOptions options, UserNetworkLimits limits) throws IOException {
        Path none = Path.of("/nonexistent/file");
        return new TestGuest(new UserNetwork(options, limits, none, none), 1);
    }

    static UserNetworkOptions options(String text, String... forwards) {
        List<PortForward> ports = new ArrayList<>();
        for (String forward : forwards) {
            ports.add(PortForward.parse(forward));
        }
        return UserNetworkOptions.parse(text, ports);
    }

    /** Loses, doubles and delays this much of what goes either way, each. */
    void faults(int perCent) {
        percent = perCent;
    }

    void offloads(NetworkBackend.Offloads all) {
        offloads = all;
        network.guestOffloads(all);
    }

    // ---- what the network calls

    @Override
    public boolean deliver(ByteBuffer packet) {
        if (!room) {
            refused = true;
            return false;
        }
        ByteBuffer copy = ByteBuffer.allocate(packet.remaining()).put(packet).flip();
        assertThat(copy.remaining()).isLessThanOrEqualTo(NetworkBackend.MAX_PACKET_BYTES);
        if (!chance()) {
            frames.add(copy);
        }
        if (chance()) {
            frames.add(copy.duplicate());
        }
        return true;
    }

    @Override
    public void linkChanged() {}

    private synchronized boolean chance() {
        return percent > 0 && random.nextInt(100) < percent;
    }

    // ---- sending

    /** Sends a frame, or not, or twice, or after the next one. */
    void send(ByteBuffer frame) {
        if (chance()) {
            return;
        }
        if (chance()) {
            late.add(frame);
            return;
        }
        network.send(frame.duplicate());
        if (chance()) {
            network.send(frame.duplicate());
        }
        for (ByteBuffer f : late) {
            network.send(f);
        }
        late.clear();
        network.flush(0);
    }

    static ByteBuffer frame(int etherType, int payload) {
        ByteBuffer b = ByteBuffer.allocateDirect(L3 + payload);
        b.putLong(12, GATEWAY_MAC << 16 | MAC >>> 32);
        b.putInt(20, (int) MAC);
        b.putShort(24, (short) etherType);
        return b;
    }

    /** A packet of IP with room for the payload; the payload starts at {@link #payload}. */
    ByteBuffer ip(IpAddress from, IpAddress to, int protocol, int bytes) {
        boolean v4 = to.isV4();
        ByteBuffer b = frame(v4 ? 0x0800 : 0x86dd, (v4 ? 20 : 40) + bytes);
        if (v4) {
            b.putInt(L3, 0x4500_0000 | 20 + bytes);
            b.putInt(L3 + 4, ++id << 16);
            b.putInt(L3 + 8, 64 << 24 | protocol << 16);
            from.put(b, L3 + 12);
            to.put(b, L3 + 16);
            sum4(b);
        } else {
            b.putInt(L3, 0x6000_0000);
            b.putInt(L3 + 4, bytes << 16 | protocol << 8 | 255);
            from.put(b, L3 + 8);
            to.put(b, L3 + 24);
        }
        return b;
    }

    static void sum4(ByteBuffer b) {
        b.putShort(L3 + 10, (short) 0);
        b.putShort(L3 + 10, (short) InternetChecksum.finish(InternetChecksum.add(0, b, L3, 20)));
    }

    static int payload(IpAddress to) {
        return L3 + (to.isV4() ? 20 : 40);
    }

    void udp(IpAddress from, int fromPort, IpAddress to, int toPort, byte[] data) {
        int n = data.length + 8;
        ByteBuffer b = ip(from, to, 17, n);
        int at = payload(to);
        b.putShort(at, (short) fromPort);
        b.putShort(at + 2, (short) toPort);
        b.putShort(at + 4, (short) n);
        b.put(at + 8, data);
        long sum = InternetChecksum.add(PseudoHeader.sum(from, to, 17, n), b, at, n);
        int checksum = InternetChecksum.finish(sum);
        b.putShort(at + 6, (short) (checksum == 0 ? 0xffff : checksum));
        send(b);
    }

    /** An echo request, in fragments where it is longer than the MTU. */
    void ping(IpAddress from, IpAddress to, int bytes, int mtu) {
        boolean v4 = to.isV4();
        int n = bytes + 8;
        ByteBuffer whole = ByteBuffer.allocate(n);
        whole.putInt(0, (v4 ? 8 : 128) << 24);
        whole.putInt(4, 0x1234_0000 | bytes & 0xffff);
        for (int i = 8; i < n; i++) {
            whole.put(i, (byte) (i * 7));
        }
        long pseudo = v4 ? 0 : PseudoHeader.sum(from, to, 58, n);
        whole.putShort(
                2, (short) InternetChecksum.finish(InternetChecksum.add(pseudo, whole, 0, n)));
        int header = v4 ? 20 : 40;
        int protocol = v4 ? 1 : 58;
        if (n + header <= mtu) {
            ByteBuffer b = ip(from, to, protocol, n);
            b.put(payload(to), whole, 0, n);
            send(b);
            return;
        }
        int extra = v4 ? 0 : 8;
        int step = mtu - header - extra & ~7;
        int series = ++id;
        for (int offset = 0; offset < n; offset += step) {
            int part = Math.min(step, n - offset);
            boolean more = offset + part < n;
            ByteBuffer b = ip(from, to, v4 ? protocol : 44, part + extra);
            int at = payload(to);
            if (v4) {
                b.putShort(L3 + 4, (short) series);
                b.putShort(L3 + 6, (short) ((more ? 0x2000 : 0) | offset / 8));
                sum4(b);
            } else {
                b.putInt(at, protocol << 24 | offset | (more ? 1 : 0));
                b.putInt(at + 4, series);
            }
            b.put(at + extra, whole, offset, part);
            send(b);
        }
    }

    // ---- receiving

    @Nullable ByteBuffer poll(long nanos) throws InterruptedException {
        return frames.poll(nanos, TimeUnit.NANOSECONDS);
    }

    /** The next frame that fits; others are thrown away. */
    ByteBuffer await(Predicate<ByteBuffer> wanted) throws InterruptedException {
        long end = System.nanoTime() + WAIT_NANOS;
        while (true) {
            ByteBuffer frame = poll(end - System.nanoTime());
            assertThat(frame).as("a frame").isNotNull();
            if (frame != null && wanted.test(frame)) {
                return frame;
            }
        }
    }

    /** The next packet of a protocol. */
    Ip awaitIp(int protocol) throws InterruptedException {
        return awaitIp(protocol, p -> true);
    }

    /** The next packet that fits, put together if it comes in fragments. */
    Ip awaitIp(int protocol, Predicate<Ip> wanted) throws InterruptedException {
        long end = System.nanoTime() + WAIT_NANOS;
        ByteBuffer whole = ByteBuffer.allocate(65_535);
        int present = 0;
        int total = -1;
        while (true) {
            ByteBuffer frame = poll(end - System.nanoTime());
            assertThat(frame).as("a packet of protocol %d", protocol).isNotNull();
            Ip part = frame == null ? null : ip(frame);
            if (part == null || frame == null) {
                continue;
            }
            boolean v4 = part.source.isV4();
            int extra = v4 ? 0 : 8;
            int offsets = v4 ? frame.getShort(L3 + 6) : 0;
            boolean isFragment = v4 ? (offsets & 0x3fff) != 0 : part.protocol == 44;
            if (!isFragment) {
                if (part.protocol == protocol && wanted.test(part)) {
                    return part;
                }
                continue;
            }
            int offset = v4 ? (offsets & 0x1fff) * 8 : part.u16(2) & 0xfff8;
            boolean more = v4 ? (offsets & 0x2000) != 0 : (part.u16(2) & 1) != 0;
            int bytes = part.data.limit() - extra;
            whole.put(offset, part.data, extra, bytes);
            present += bytes;
            total = more ? total : offset + bytes;
            if (present == total) {
                Ip packet =
                        new Ip(part.source, part.destination, protocol, whole.slice(0, total), 0);
                if (wanted.test(packet)) {
                    return packet;
                }
                present = 0;
                total = -1;
            }
        }
    }

    /** Takes a frame apart and checks its checksums; null if it is not IP. */
    @Nullable Ip ip(ByteBuffer frame) {
        int type = frame.getShort(24) & 0xffff;
        if (type != 0x0800 && type != 0x86dd) {
            return null;
        }
        boolean v4 = type == 0x0800;
        int header = v4 ? 20 : 40;
        if (v4) {
            assertThat(InternetChecksum.valid(InternetChecksum.add(0, frame, L3, 20)))
                    .as("IP checksum")
                    .isTrue();
        }
        int total =
                v4 ? frame.getShort(L3 + 2) & 0xffff : (frame.getShort(L3 + 4) & 0xffff) + header;
        assertThat(frame.limit()).isEqualTo(L3 + total);
        IpAddress from = v4 ? IpAddress.v4(frame, L3 + 12) : IpAddress.v6(frame, L3 + 8);
        IpAddress to = v4 ? IpAddress.v4(frame, L3 + 16) : IpAddress.v6(frame, L3 + 24);
        int protocol = frame.get(L3 + (v4 ? 9 : 6)) & 0xff;
        ByteBuffer data = frame.slice(L3 + header, total - header);
        int gso = frame.get(1) == 0 ? 0 : Short.reverseBytes(frame.getShort(4)) & 0xffff;
        boolean partial = frame.get(0) == 1;
        boolean isFragment = v4 && (frame.getShort(L3 + 6) & 0x3fff) != 0;
        if (partial) {
            assertThat(offloads.checksum()).as("checksum may be left out").isTrue();
            long pseudo = PseudoHeader.sum(from, to, protocol, data.limit());
            assertThat(data.getShort(16) & 0xffff).isEqualTo(InternetChecksum.fold(pseudo));
        } else if (!isFragment && (protocol == 6 || protocol == 17 || protocol == 58)) {
            long sum = PseudoHeader.sum(from, to, protocol, data.limit());
            sum = InternetChecksum.add(sum, data, 0, data.limit());
            assertThat(InternetChecksum.valid(sum))
                    .as("checksum of protocol %d", protocol)
                    .isTrue();
        }
        return new Ip(from, to, protocol, data, gso);
    }

    @Override
    public void close() {
        long faults = network.statistics().faults();
        network.close();
        assertThat(faults).as("faults of the network's own").isZero();
    }
}
