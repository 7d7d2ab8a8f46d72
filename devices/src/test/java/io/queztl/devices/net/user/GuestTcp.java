package io.queztl.devices.net.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.net.InternetChecksum;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The guest's end of one TCP connection: enough of RFC 9293 to lose nothing on a link that loses
 * much. Everything happens on the test's thread, in {@link #pump}.
 */
final class GuestTcp {
    private static final int FIN = 1;
    private static final int SYN = 2;
    private static final int RST = 4;
    private static final int ACK = 16;
    private static final long RETRANSMIT = TimeUnit.MILLISECONDS.toNanos(60);

    private final TestGuest guest;
    private final IpAddress local;
    final int localPort;
    private final IpAddress remote;
    private final int remotePort;
    private final TreeMap<Integer, byte[]> early = new TreeMap<>();
    final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private byte[] data = new byte[0];
    private int base; // sequence number of data[0]
    private int unacknowledged;
    private int next;
    private int peerNext;
    private int peerWindow;
    private int peerShift;
    private long lastProgress;
    private boolean finWanted;
    private int peerFin = -1;
    private boolean peerFinKnown;
    private int duplicates;

    int segment = 1460;
    int window = 1 << 20;
    int largestSeen;
    int gsoSeen;
    int mssSeen;
    boolean connected;
    boolean reset;
    boolean ended;

    GuestTcp(TestGuest guest, IpAddress local, int localPort, IpAddress remote, int remotePort) {
        this.guest = guest;
        this.local = local;
        this.localPort = localPort;
        this.remote = remote;
        this.remotePort = remotePort;
        unacknowledged = localPort * 77_777;
        next = unacknowledged;
        base = unacknowledged + 1;
    }

    /** Opens the connection; false if it is refused. */
    boolean connect() throws InterruptedException {
        lastProgress = System.nanoTime();
        segment(unacknowledged, SYN, 0, 0);
        next = unacknowledged + 1;
        pump(() -> connected || reset);
        return connected;
    }

    /** Accepts the connection that the network's SYN asks for. */
    void accept(TestGuest.Ip syn) throws InterruptedException {
        handle(syn);
        pump(() -> connected || reset);
    }

    void write(byte[] bytes) {
        byte[] all = new byte[data.length + bytes.length];
        System.arraycopy(data, 0, all, 0, data.length);
        System.arraycopy(bytes, 0, all, data.length, bytes.length);
        data = all;
    }

    void finish() {
        finWanted = true;
    }

    boolean allAcknowledged() {
        return unacknowledged == base + data.length + (finWanted ? 1 : 0);
    }

    void abort() {
        segment(next, RST | ACK, 0, 0);
    }

    /** A segment with nothing but an acknowledgement. */
    void acknowledge() {
        segment(next, ACK, 0, 0);
    }

    /** Works until something is true, for a minute at most. */
    void pump(BooleanSupplier done) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!done.getAsBoolean()) {
            assertThat(System.nanoTime()).as("time").isLessThan(end);
            sendMore();
            ByteBuffer frame = guest.poll(TimeUnit.MILLISECONDS.toNanos(10));
            if (frame != null) {
                TestGuest.Ip p = guest.ip(frame);
                if (p != null && p.protocol() == 6 && p.u16(2) == localPort) {
                    handle(p);
                }
            }
            if (System.nanoTime() - lastProgress > RETRANSMIT && !reset) {
                lastProgress = System.nanoTime();
                if (!connected && next != unacknowledged) {
                    segment(unacknowledged, SYN | (peerNext != 0 ? ACK : 0), 0, 0);
                } else if (next != unacknowledged) {
                    next = unacknowledged;
                    sendMore();
                }
            }
        }
    }

    private void sendMore() {
        if (!connected || reset) {
            return;
        }
        int end = base + data.length;
        while (next - end < 0 && next - unacknowledged < peerWindow) {
            int n = Math.min(segment, end - next);
            n = Math.min(n, peerWindow - (next - unacknowledged));
            boolean last = next + n == end;
            segment(next, ACK | (last && finWanted ? FIN : 0), next - base, n);
            next += n + (last && finWanted ? 1 : 0);
        }
        if (next == end && finWanted) {
            segment(next, ACK | FIN, 0, 0);
            next++;
        }
    }

    private void segment(int sequence, int flags, int offset, int bytes) {
        boolean syn = (flags & SYN) != 0;
        int options = syn ? 8 : 0;
        int n = 20 + options + bytes;
        ByteBuffer b = guest.ip(local, remote, 6, n);
        int at = TestGuest.payload(remote);
        b.putShort(at, (short) localPort);
        b.putShort(at + 2, (short) remotePort);
        b.putInt(at + 4, sequence);
        b.putInt(at + 8, (flags & ACK) != 0 ? peerNext : 0);
        b.putShort(at + 12, (short) ((20 + options) / 4 << 12 | flags));
        int space = Math.max(0, window);
        b.putShort(at + 14, (short) (syn ? Math.min(space, 65_535) : Math.min(space >> 7, 65_535)));
        if (syn) {
            b.putInt(at + 20, 0x0204_0000 | 1460);
            b.putInt(at + 24, 0x0103_0307);
        }
        if (bytes > 0) {
            b.put(at + 20, data, offset, bytes);
        }
        if (bytes > 1460) {
            long pseudo = PseudoHeader.sum(local, remote, 6, n);
            b.putShort(at + 16, (short) InternetChecksum.fold(pseudo));
            b.put(0, (byte) 1);
            b.put(1, (byte) (remote.isV4() ? 1 : 4));
            b.putShort(4, Short.reverseBytes((short) 1460));
        } else {
            long sum = InternetChecksum.add(PseudoHeader.sum(local, remote, 6, n), b, at, n);
            b.putShort(at + 16, (short) InternetChecksum.finish(sum));
        }
        guest.send(b);
    }

    private void handle(TestGuest.Ip p) {
        ByteBuffer b = p.data();
        int sequence = b.getInt(4);
        int ack = b.getInt(8);
        int flags = b.getShort(12) & 0x3f;
        int header = (b.getShort(12) >>> 12 & 15) * 4;
        int bytes = b.limit() - header;
        largestSeen = Math.max(largestSeen, bytes);
        gsoSeen = Math.max(gsoSeen, p.gso());
        if ((flags & RST) != 0) {
            reset = true;
            return;
        }
        if ((flags & SYN) != 0) {
            if (connected) {
                acknowledge();
                return;
            }
            for (int i = 20; i < header; ) {
                int kind = b.get(i);
                if (kind == 2) {
                    mssSeen = b.getShort(i + 2) & 0xffff;
                } else if (kind == 3) {
                    peerShift = b.get(i + 2);
                }
                i += kind == 1 ? 1 : Math.max(2, b.get(i + 1));
            }
            peerNext = sequence + 1;
            peerWindow = b.getShort(14) & 0xffff;
            if ((flags & ACK) != 0) {
                connected = true;
                unacknowledged = ack;
                acknowledge();
            } else {
                segment(unacknowledged, SYN | ACK, 0, 0);
                next = unacknowledged + 1;
            }
            return;
        }
        if (!connected && ack == unacknowledged + 1) {
            connected = true;
        }
        peerWindow = (b.getShort(14) & 0xffff) << peerShift;
        if (ack - unacknowledged > 0) {
            unacknowledged = ack;
            lastProgress = System.nanoTime();
            duplicates = 0;
            if (next - unacknowledged < 0) {
                next = unacknowledged;
            }
        } else if (bytes == 0 && next != unacknowledged && ++duplicates == 3) {
            int n = Math.min(segment, base + data.length - unacknowledged);
            if (n > 0) {
                segment(unacknowledged, ACK, unacknowledged - base, n);
            }
        }
        if ((flags & FIN) != 0) {
            peerFinKnown = true;
            peerFin = sequence + bytes;
        }
        if (bytes > 0) {
            byte[] payload = new byte[bytes];
            b.get(header, payload);
            if (sequence - (peerNext + window) < 0) {
                early.merge(sequence, payload, (x, y) -> x.length >= y.length ? x : y);
            }
        }
        take();
        if (peerFinKnown && peerNext == peerFin && !ended) {
            ended = true;
            peerNext++;
        }
        if (bytes > 0 || (flags & FIN) != 0) {
            acknowledge();
        }
    }

    private void take() {
        boolean moved = true;
        while (moved) {
            moved = false;
            for (Map.Entry<Integer, byte[]> e : early.entrySet()) {
                int distance = peerNext - e.getKey();
                if (distance >= 0) {
                    if (distance < e.getValue().length) {
                        int n = e.getValue().length - distance;
                        received.write(e.getValue(), distance, n);
                        peerNext += n;
                    }
                    early.remove(e.getKey());
                    moved = true;
                    break;
                }
            }
        }
    }
}
