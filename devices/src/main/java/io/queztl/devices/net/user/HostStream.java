package io.queztl.devices.net.user;

import java.io.IOException;
import java.nio.channels.ScatteringByteChannel;

/**
 * The half of a TCP connection that carries the host's bytes to the guest: the sender of RFC 9293,
 * with retransmission (RFC 6298), congestion control (RFC 5681, RFC 6582) and zero-window probes.
 * The link to the guest loses nothing as long as the guest has buffers, so the first window is
 * larger than that of a sender to the world.
 */
final class HostStream {
    private static final int FIRST_WINDOW = 256 << 10;
    private static final int DUPLICATES = 3;

    /** Timeouts in a row before the guest counts as gone: two minutes, if the first is a second. */
    private static final int MAX_TIMEOUTS = 7;

    /** Sends segments for the stream. */
    interface Segments {
        /** Sends one; false if the guest has no room. */
        boolean emit(int sequence, int flags, StreamBuffer data, int distance, int bytes);

        /** The most payload of one segment now. */
        int segmentLimit();
    }

    private final Segments segments;
    private final StreamBuffer buffer;
    private final int capacity;
    private final RoundTrip roundTrip = new RoundTrip();
    private int mss;
    private int unacknowledged;
    private int next;
    private int highest;
    private long window;
    private long widest;
    private int windowSequence;
    private int windowAcknowledgement;
    private int congestionWindow;
    private int threshold = Integer.MAX_VALUE;
    private int recover;
    private boolean recovering;
    private boolean retransmit;
    private boolean probe;
    private int duplicates;
    private int timeouts;
    private boolean timing;
    private int timedSequence;
    private long timedAt;
    private boolean ended;
    private boolean finished;
    private long timer = HostLoop.NEVER;

    HostStream(Segments segments, ChunkPool pool, int capacity) {
        this.segments = segments;
        this.capacity = capacity;
        buffer = new StreamBuffer(pool, capacity);
    }

    /** Our SYN has this number and goes out now. */
    void start(int sequence) {
        unacknowledged = sequence;
        next = sequence + 1;
        highest = next;
    }

    /** The guest has acknowledged our SYN. */
    void established(int segmentSize, long firstWindow, int sequence) {
        mss = segmentSize;
        unacknowledged = next;
        window = firstWindow;
        widest = firstWindow;
        windowSequence = sequence;
        windowAcknowledgement = next;
        congestionWindow = Math.max(FIRST_WINDOW, 10 * mss);
        timeouts = 0;
        roundTrip.recovered();
        timer = HostLoop.NEVER;
    }

    int mss() {
        return mss;
    }

    /** The sequence number of the next new byte (SND.NXT). */
    int next() {
        return next;
    }

    int highest() {
        return highest;
    }

    int unacknowledged() {
        return unacknowledged;
    }

    /** The number that our SYN had, while it is not acknowledged. */
    int synSequence() {
        return unacknowledged;
    }

    /** The host has ended its side. */
    boolean ended() {
        return ended;
    }

    /** The guest has acknowledged everything, the end included. */
    boolean finished() {
        return finished;
    }

    /** When {@link #timeout} is due. */
    long timer() {
        return timer;
    }

    /** The time to wait for the answer to a SYN; longer each time. */
    long synTimeout() {
        long nanos = roundTrip.timeout();
        roundTrip.backOff();
        return nanos;
    }

    /** True if there is room for more of the host's bytes. */
    boolean hungry() {
        return !ended && buffer.space() > 0;
    }

    /** {@link StreamBuffer#read} and {@link StreamBuffer#readable}: true if there may be more. */
    boolean read(ScatteringByteChannel host) throws IOException {
        int most = buffer.readable();
        int n = buffer.read(host);
        if (n < 0) {
            ended = true;
            return false;
        }
        return n == most;
    }

    /**
     * An acceptable segment with an acknowledgement has come.
     *
     * @param plain it has no payload, no FIN
     * @return false if it acknowledges what was never sent
     */
    boolean acknowledged(int ack, long newWindow, int sequence, boolean plain, long now) {
        if (TcpHeader.before(highest, ack)) {
            return false;
        }
        int bytes = ack - unacknowledged;
        if (bytes > 0) {
            advance(ack, bytes, now);
        } else if (bytes == 0
                && plain
                && newWindow == window
                && highest != unacknowledged
                && ++duplicates >= DUPLICATES) {
            duplicate();
        }
        timeouts = 0;
        if (bytes >= 0
                && (TcpHeader.before(windowSequence, sequence)
                        || windowSequence == sequence
                                && !TcpHeader.before(ack, windowAcknowledgement))) {
            window = newWindow;
            widest = Math.max(widest, newWindow);
            windowSequence = sequence;
            windowAcknowledgement = ack;
        }
        return true;
    }

    private void advance(int ack, int bytes, long now) {
        int data = Math.min(bytes, buffer.size());
        buffer.discard(data);
        unacknowledged = ack;
        if (TcpHeader.before(next, ack)) {
            next = ack;
        }
        if (data < bytes && ended) {
            finished = true;
        }
        if (timing && !TcpHeader.before(ack, timedSequence)) {
            timing = false;
            roundTrip.sample(now - timedAt);
        } else {
            roundTrip.recovered();
        }
        duplicates = 0;
        if (recovering) {
            if (TcpHeader.before(ack, recover)) {
                retransmit = true;
            } else {
                recovering = false;
                congestionWindow = threshold;
            }
        } else if (congestionWindow < threshold) {
            congestionWindow += bytes;
        } else {
            congestionWindow += Math.max(1, (int) ((long) mss * bytes / congestionWindow));
        }
        congestionWindow = Math.min(congestionWindow, capacity + mss);
        timer = unacknowledged == highest ? HostLoop.NEVER : now + roundTrip.timeout();
    }

    private void duplicate() {
        if (recovering) {
            congestionWindow = Math.min(congestionWindow + mss, capacity + mss);
            return;
        }
        recovering = true;
        retransmit = true;
        timing = false;
        recover = highest;
        threshold = halfFlight();
        congestionWindow = threshold;
    }

    private int halfFlight() {
        return Math.max((highest - unacknowledged) / 2, 2 * mss);
    }

    /**
     * The time of {@link #timer} has come.
     *
     * @return false if the guest is gone
     */
    boolean timeout(long now, boolean blocked) {
        timer = now + roundTrip.timeout();
        if (blocked) {
            return true; // nothing can have come: the guest does not even take packets
        }
        if (++timeouts > MAX_TIMEOUTS) {
            return false;
        }
        roundTrip.backOff();
        timer = now + roundTrip.timeout();
        timing = false;
        if (unacknowledged == highest || window == 0) {
            probe = true;
            return true;
        }
        threshold = halfFlight();
        congestionWindow = mss;
        next = unacknowledged;
        recovering = false;
        duplicates = 0;
        return true;
    }

    /**
     * Sends what may be sent.
     *
     * @return false if the guest has no room for more
     */
    boolean send(long now) {
        if (retransmit && !resend(Math.max(mss, threshold))) {
            return false;
        }
        retransmit = false;
        if (probe && !resend(1)) {
            return false;
        }
        probe = false;
        while (true) {
            int flight = next - unacknowledged;
            int pending = buffer.size() - flight;
            if (pending < 0) {
                break; // the end is on its way
            }
            int n = Math.min(pending, usable(flight));
            n = Math.min(n, segments.segmentLimit());
            boolean all = n == pending;
            boolean fin = all && ended;
            if (n <= 0 && !fin || !all && n < mss && n < widest / 2) {
                break;
            }
            if (!all && n > mss) {
                n -= n % mss;
            }
            int flags = TcpHeader.ACK | (all ? TcpHeader.PSH : 0) | (fin ? TcpHeader.FIN : 0);
            if (!segments.emit(next, flags, buffer, flight, n)) {
                return false;
            }
            sent(n + (fin ? 1 : 0), now);
        }
        boolean waits = unacknowledged != highest || buffer.size() > 0;
        if (waits && timer == HostLoop.NEVER) {
            timer = now + roundTrip.timeout(); // retransmission, or a probe of the window
        }
        return true;
    }

    private int usable(int flight) {
        return (int) Math.min(window, congestionWindow) - flight;
    }

    private void sent(int length, long now) {
        boolean isNew = next == highest;
        next += length;
        if (TcpHeader.before(highest, next)) {
            highest = next;
        }
        if (isNew && !timing) {
            timing = true;
            timedSequence = next;
            timedAt = now;
        }
        if (timer == HostLoop.NEVER) {
            timer = now + roundTrip.timeout();
        }
    }

    /** Sends again from the first byte that is not acknowledged. */
    private boolean resend(int most) {
        int n = Math.min(Math.min(most, buffer.size()), segments.segmentLimit());
        boolean fin = ended && n == buffer.size();
        if (n == 0 && !fin) {
            return true;
        }
        int flags = TcpHeader.ACK | TcpHeader.PSH | (fin ? TcpHeader.FIN : 0);
        if (!segments.emit(unacknowledged, flags, buffer, 0, n)) {
            return false;
        }
        int end = unacknowledged + n + (fin ? 1 : 0);
        if (TcpHeader.before(highest, end)) {
            highest = end;
        }
        return true;
    }

    void close() {
        buffer.close();
        timer = HostLoop.NEVER;
    }
}
