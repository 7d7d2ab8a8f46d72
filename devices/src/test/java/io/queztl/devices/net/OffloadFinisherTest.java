package io.queztl.devices.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.net.NetworkBackend.Offloads;
import io.queztl.testkit.random.Seeds;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OffloadFinisherTest {
    private static final int HEADER = NetworkBackend.HEADER_BYTES;
    private static final int FIN = 1;
    private static final int PSH = 8;
    private static final int ACK = 16;
    private static final int CWR = 128;
    private static final Offloads CHECKSUM = new Offloads(true, false, false, false);

    private final OffloadFinisher finisher = new OffloadFinisher();
    private final List<byte[]> received = new ArrayList<>();
    private final Random random = new Random(Seeds.seed("OffloadFinisherTest"));

    private boolean finish(byte[] packet, Offloads accepted) {
        received.clear();
        // Not at the start of its buffer, and not at the end.
        ByteBuffer buffer = ByteBuffer.allocate(packet.length + 7).put(5, packet);
        return finisher.finish(
                buffer.position(5).limit(5 + packet.length),
                accepted,
                p -> {
                    byte[] copy = new byte[p.remaining()];
                    p.get(p.position(), copy);
                    received.add(copy);
                });
    }

    /** A TCP packet as a guest's driver sends it: the sum of the pseudo-header in its field. */
    private byte[] tcp(boolean v6, int tags, int options, int payload, int segment, int flags) {
        int network = 14 + 4 * tags;
        int transport = network + (v6 ? 48 : 24); // one extension header, or four bytes of options
        int data = transport + 20 + options;
        ByteBuffer b = ByteBuffer.allocate(HEADER + data + payload);
        random.nextBytes(b.array());
        b.put(0, (byte) 1);
        b.put(1, (byte) (segment == 0 ? 0 : (v6 ? 4 : 1) | ((flags & CWR) != 0 ? 0x80 : 0)));
        b.putShort(2, Short.reverseBytes((short) data));
        b.putShort(4, Short.reverseBytes((short) segment));
        b.putShort(6, Short.reverseBytes((short) transport));
        b.putShort(8, Short.reverseBytes((short) 16));
        b.putShort(10, (short) 0);
        int ip = HEADER + network;
        int at = HEADER + transport;
        for (int i = 0; i < tags; i++) {
            b.putShort(HEADER + 12 + 4 * i, (short) (i == 0 && tags == 2 ? 0x88a8 : 0x8100));
        }
        b.putShort(ip - 2, (short) (v6 ? 0x86dd : 0x0800));
        if (v6) {
            b.put(ip, (byte) 0x60).putShort(ip + 4, (short) (8 + 20 + options + payload));
            b.put(ip + 6, (byte) 0).put(ip + 40, (byte) 6).put(ip + 41, (byte) 0);
        } else {
            b.put(ip, (byte) 0x46).putShort(ip + 2, (short) (24 + 20 + options + payload));
            b.putShort(ip + 6, (short) 0x4000).put(ip + 9, (byte) 6);
        }
        b.put(at + 12, (byte) ((20 + options) / 4 << 4)).put(at + 13, (byte) flags);
        int addresses = v6 ? 32 : 8;
        int sum = InternetChecksumTest.slow(b.array(), v6 ? ip + 8 : ip + 12, addresses);
        sum += 6 + 20 + options + payload;
        b.putShort(at + 16, (short) ((sum & 0xffff) + (sum >>> 16)));
        return b.array();
    }

    private static int read16(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
    }

    /** Asserts that a packet has nothing left undone; the offset of its TCP header. */
    private static int assertWhole(byte[] packet, boolean v6, int tags) {
        assertThat(packet).startsWith(new byte[10]);
        int ip = HEADER + 14 + 4 * tags;
        int at = ip + (v6 ? 48 : 24);
        int tcpBytes = packet.length - at;
        if (v6) {
            assertThat(read16(packet, ip + 4)).isEqualTo(packet.length - ip - 40);
        } else {
            assertThat(read16(packet, ip + 2)).isEqualTo(packet.length - ip);
        }
        int sum = InternetChecksumTest.slow(packet, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8);
        sum += 6 + tcpBytes + InternetChecksumTest.slow(packet, at, tcpBytes);
        assertThat(sum % 0xffff).as("checksum of TCP").isZero();
        return at;
    }

    @ParameterizedTest
    @CsvSource({
        "false, 0, 0, 1460",
        "true, 0, 12, 1428",
        "false, 1, 40, 100",
        "true, 2, 0, 8",
        "false, 2, 12, 9000"
    })
    void segments_ofAnyHeaders_comeApartIntoWholeOnes(
            boolean v6, int tags, int options, int segment) {
        for (int payload : new int[] {0, 1, segment, segment + 1, 5 * segment, 20_001}) {
            byte[] packet = tcp(v6, tags, options, payload, segment, ACK | PSH | FIN | CWR);
            assertThat(finish(packet, CHECKSUM)).isTrue();
            assertThat(received).hasSize(Math.max(1, (payload + segment - 1) / segment));
            ByteArrayOutputStream data = new ByteArrayOutputStream();
            int headers = packet.length - payload;
            for (int i = 0; i < received.size(); i++) {
                byte[] part = received.get(i);
                int at = assertWhole(part, v6, tags);
                boolean last = i == received.size() - 1;
                int flags = ACK | (i == 0 ? CWR : 0) | (last ? FIN | PSH : 0);
                assertThat(part[at + 13] & 0xff).isEqualTo(flags);
                int sequence = ByteBuffer.wrap(part).getInt(at + 4);
                assertThat(sequence - ByteBuffer.wrap(packet).getInt(at + 4))
                        .isEqualTo(data.size());
                if (!v6) {
                    int ip = HEADER + 14 + 4 * tags;
                    assertThat(InternetChecksumTest.slow(part, ip, 24) % 0xffff).isZero();
                    assertThat(read16(part, ip + 4)).isEqualTo(read16(packet, ip + 4) + i & 0xffff);
                }
                data.write(part, headers, part.length - headers);
            }
            assertThat(data.toByteArray())
                    .isEqualTo(Arrays.copyOfRange(packet, headers, packet.length));
        }
    }

    @Test
    void segment_thatTheReceiverTakes_isLeftAlone() {
        byte[] packet = tcp(false, 0, 0, 5000, 1000, ACK);
        assertThat(finish(packet, new Offloads(true, true, false, false))).isTrue();
        assertThat(received).containsExactly(packet);
        assertThat(finish(packet, new Offloads(true, false, true, true))).isTrue();
        assertThat(received).hasSize(5);
        byte[] congested = tcp(true, 0, 0, 5000, 1000, ACK | CWR);
        assertThat(finish(congested, new Offloads(true, true, true, false))).isTrue();
        assertThat(received).hasSize(5);
        assertThat(finish(congested, Offloads.ALL)).isTrue();
        assertThat(received).containsExactly(congested);
    }

    @Test
    void checksum_isFilledInUnlessTaken() {
        byte[] packet = tcp(false, 1, 12, 333, 0, ACK);
        assertThat(finish(packet, Offloads.NONE)).isTrue();
        int ignored = assertWhole(received.getFirst(), false, 1);
        assertThat(finish(packet, CHECKSUM)).isTrue();
        assertThat(received.getFirst()[0]).isEqualTo((byte) 1);
        assertThat(received.getFirst()).endsWith(Arrays.copyOfRange(packet, 6, packet.length));
    }

    @Test
    void packet_withNothingUndone_isUnchangedButForItsHeader() {
        byte[] packet = new byte[100];
        random.nextBytes(packet);
        packet[0] = 0x7e; // whatever that means, but no checksum to fill in
        packet[1] = 0;
        byte[] clean = packet.clone();
        Arrays.fill(clean, 0, 10, (byte) 0);
        assertThat(finish(packet, Offloads.NONE)).isTrue();
        assertThat(received).containsExactly(clean);
    }

    @Test
    void headers_thatDoNotFitTheContent_areDropped() {
        assertThat(finish(new byte[25], Offloads.ALL)).as("short").isFalse();
        for (int start : new int[] {0, 13, 400, 65_535}) {
            byte[] packet = tcp(false, 0, 0, 300, 0, ACK);
            packet[6] = (byte) start;
            packet[7] = (byte) (start >> 8);
            assertThat(finish(packet, Offloads.ALL)).as("checksum from %d", start).isFalse();
        }
        for (int type : new int[] {2, 3, 4, 5, 0x83, 0x7f}) {
            byte[] packet = tcp(false, 0, 0, 300, 100, ACK);
            packet[1] = (byte) type;
            assertThat(finish(packet, Offloads.ALL)).as("type %d", type).isFalse();
        }
        byte[] small = tcp(false, 0, 0, 300, 7, ACK);
        assertThat(finish(small, Offloads.NONE)).isFalse();
        byte[] unsummed = tcp(false, 0, 0, 300, 100, ACK);
        unsummed[0] = 0;
        assertThat(finish(unsummed, Offloads.ALL)).isFalse();
    }

    @Test
    void hostilePackets_neverThrowAndNeverLeaveWorkUndone() {
        int cases = Seeds.all() ? 1_000_000 : 20_000;
        for (int n = 0; n < cases; n++) {
            boolean v6 = random.nextBoolean();
            byte[] packet =
                    tcp(v6, random.nextInt(3), 4 * random.nextInt(4), random.nextInt(200), 50, ACK);
            for (int i = random.nextInt(4); i > 0; i--) {
                packet[random.nextInt(Math.min(packet.length, 90))] = (byte) random.nextInt();
            }
            byte[] cut = Arrays.copyOf(packet, random.nextInt(packet.length + 1));
            boolean whole = finish(random.nextBoolean() ? cut : packet, Offloads.NONE);
            assertThat(whole).isEqualTo(!received.isEmpty());
            for (byte[] part : received) {
                assertThat(part[0]).isZero();
                assertThat(part[1]).isZero();
            }
        }
    }
}
