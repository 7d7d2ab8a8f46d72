package io.queztl.devices.net.user;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * One TCP connection of the guest, ended here, and the host's socket that it is continued by. Each
 * side's end of data is passed on when all before it has been (half close); a reset of either is
 * the other's reset.
 *
 * <pre>
 *   guest's SYN ──▶ CONNECTING ──host connected──▶ SYN_RECEIVED ──ACK──┐
 *   host's client ──▶ SYN_SENT ──guest's SYN-ACK────────────────────▶ OPEN
 *   OPEN ──both ends acknowledged──▶ TIME_WAIT if the host's came first ──▶ CLOSED
 *   any ──reset, timeout──▶ CLOSED
 * </pre>
 *
 * <p>RFC 9293's states from ESTABLISHED to LAST-ACK are OPEN here, told apart by which of the two
 * streams has ended. Guarded by the stack's lock.
 */
final class TcpConnection implements HostLoop.Handler, HostStream.Segments {
    enum State {
        CONNECTING,
        SYN_SENT,
        SYN_RECEIVED,
        OPEN,
        TIME_WAIT,
        CLOSED
    }

    static final int WINDOW_SHIFT = 7;
    private static final int MAX_SHIFT = 14;
    private static final int SMALLEST_SEGMENT = 88;
    private static final int MAX_SYNS = 6;
    private static final long SECOND = 1_000_000_000L;
    private static final long CONNECT_NANOS = 75 * SECOND;
    private static final long TIME_WAIT_NANOS = 10 * SECOND;
    private static final long IDLE_NANOS = 2 * 3600 * SECOND + 240 * SECOND; // RFC 5382 REQ-5
    private static final long HALF_CLOSED_NANOS = 1800 * SECOND;

    final Flow flow;
    private final TcpTable table;
    private final SocketChannel channel;
    private final GuestStream toHost;
    private final HostStream toGuest;
    private final TcpHeader header = new TcpHeader();
    private @Nullable SelectionKey key;
    private State state;
    private long mac;
    private int guestSegment;
    private int guestShift;
    private boolean scaled;
    private boolean synDue;
    private boolean ackDue;
    private boolean readable;
    private boolean hostFirst;
    private boolean outputShut;
    private int syns;
    private long timer = HostLoop.NEVER;

    /** True while it waits to send. */
    boolean queued;

    TcpConnection(TcpTable table, Flow flow, SocketChannel channel, long mac, State state) {
        this.table = table;
        this.flow = flow;
        this.channel = channel;
        this.mac = mac;
        this.state = state;
        toHost = new GuestStream(table.pool, table.limits.streamBytes());
        toGuest = new HostStream(this, table.pool, table.limits.streamBytes());
        guestSegment = defaultSegment();
        timer = table.loop.now() + CONNECT_NANOS;
    }

    State state() {
        return state;
    }

    private boolean halfOpen() {
        return state == State.CONNECTING || state == State.SYN_SENT || state == State.SYN_RECEIVED;
    }

    private void become(State to) {
        boolean wasHalfOpen = halfOpen();
        state = to;
        if (wasHalfOpen && !halfOpen()) {
            table.opened();
        }
    }

    private int defaultSegment() {
        return flow.guest().isV4() ? 536 : 1220;
    }

    private int largestSegment() {
        return table.mtu - (flow.guest().isV4() ? 40 : 60);
    }

    /** What acknowledges all that has come. */
    int acknowledgement() {
        return toHost.next();
    }

    // ---- beginnings

    /** The guest's SYN; the host's side is being connected. */
    void synReceived(GuestPacket p, int headerBytes) {
        toHost.start(p.data.getInt(p.at + 4), 0);
        options(p, headerBytes);
        toHost.start(p.data.getInt(p.at + 4), scaled ? WINDOW_SHIFT : 0);
        toGuest.start(table.initialSequence());
    }

    void registered(SelectionKey registered) {
        key = registered;
    }

    /** The host's side is there: the guest's SYN is answered. */
    void hostConnected() {
        become(State.SYN_RECEIVED);
        interest(0);
        synDue = true;
        table.output(this);
    }

    /** A client of a forwarded port: asks the guest. */
    void connectGuest() {
        toGuest.start(table.initialSequence());
        synDue = true;
        table.output(this);
    }

    private void options(GuestPacket p, int headerBytes) {
        int i = p.at + FrameWriter.TCP_HEADER;
        int end = p.at + headerBytes;
        while (i < end) {
            int kind = p.data.get(i);
            if (kind == 0) {
                return;
            }
            if (kind == 1) {
                i++;
                continue;
            }
            int length = i + 1 < end ? p.data.get(i + 1) & 0xff : 0;
            if (length < 2 || i + length > end) {
                return;
            }
            if (kind == 2 && length == 4) {
                guestSegment = p.data.getShort(i + 2) & 0xffff;
            } else if (kind == 3 && length == 3) {
                scaled = true;
                guestShift = Math.min(p.data.get(i + 2) & 0xff, MAX_SHIFT);
            }
            i += length;
        }
    }

    private void open(int window, int sequence, long now) {
        become(State.OPEN);
        timer = HostLoop.NEVER;
        int mss = Math.clamp(guestSegment, SMALLEST_SEGMENT, largestSegment());
        toGuest.established(mss, window, sequence);
        interest(SelectionKey.OP_READ);
        idle(now);
    }

    // ---- from the guest

    /** A segment of this connection, its header checked. */
    void segment(GuestPacket p, int headerBytes, long now) {
        mac = p.sourceMac;
        int flags = p.u16(12) & 0x3f;
        switch (state) {
            case CONNECTING -> {
                if ((flags & TcpHeader.RST) != 0) {
                    reset();
                }
            }
            case SYN_SENT -> answer(p, headerBytes, flags, now);
            case SYN_RECEIVED, OPEN, TIME_WAIT -> established(p, headerBytes, flags, now);
            case CLOSED -> {}
        }
    }

    /** RFC 9293 section 3.10.7.3. */
    private void answer(GuestPacket p, int headerBytes, int flags, long now) {
        int ack = p.data.getInt(p.at + 8);
        boolean acknowledges = (flags & TcpHeader.ACK) != 0;
        if (acknowledges && ack != toGuest.next()) {
            if ((flags & TcpHeader.RST) == 0) {
                table.reset(p, headerBytes);
            }
            return;
        }
        if ((flags & TcpHeader.RST) != 0) {
            if (acknowledges) {
                reset();
            }
            return;
        }
        if ((flags & TcpHeader.SYN) != 0 && acknowledges) {
            int sequence = p.data.getInt(p.at + 4);
            options(p, headerBytes);
            toHost.start(sequence, scaled ? WINDOW_SHIFT : 0);
            open(p.u16(14), sequence, now);
            ackDue = true;
            table.output(this);
        }
    }

    private void established(GuestPacket p, int headerBytes, int flags, long now) {
        int sequence = p.data.getInt(p.at + 4);
        int ack = p.data.getInt(p.at + 8);
        int bytes = p.bytes - headerBytes;
        boolean fin = (flags & TcpHeader.FIN) != 0;
        boolean syn = (flags & TcpHeader.SYN) != 0;
        boolean rst = (flags & TcpHeader.RST) != 0;
        if (!toHost.acceptable(sequence, bytes + (fin ? 1 : 0) + (syn ? 1 : 0))) {
            if (!rst) {
                synDue |= state == State.SYN_RECEIVED && syn;
                acknowledge();
            }
            return;
        }
        if (rst) {
            if (sequence == toHost.next()) {
                reset();
            } else {
                acknowledge(); // RFC 5961 section 3.2
            }
            return;
        }
        if (syn) {
            acknowledge(); // RFC 5961 section 4.2
            return;
        }
        if ((flags & TcpHeader.ACK) == 0) {
            return;
        }
        long window = (long) p.u16(14) << (scaled ? guestShift : 0);
        if (state == State.SYN_RECEIVED) {
            if (ack != toGuest.next()) {
                table.reset(p, headerBytes);
                return;
            }
            open((int) window, sequence, now);
        }
        if (!toGuest.acknowledged(ack, window, sequence, bytes == 0 && !fin, now)) {
            acknowledge();
            return;
        }
        if (state == State.OPEN) {
            idle(now);
            payload(p, headerBytes, sequence, bytes, fin);
        } else if (fin) {
            timer = now + TIME_WAIT_NANOS;
            acknowledge();
        }
        table.output(this);
    }

    private void payload(GuestPacket p, int headerBytes, int sequence, int bytes, boolean fin) {
        if (bytes == 0 && !fin || toHost.ended()) {
            ackDue |= bytes != 0 || fin;
            return;
        }
        try {
            boolean ignored =
                    toHost.accept(channel, sequence, p.data, p.at + headerBytes, bytes, fin);
        } catch (IOException e) {
            abort();
            return;
        }
        ackDue = true;
        hostWrites();
    }

    private void acknowledge() {
        ackDue = true;
        table.output(this);
    }

    private void idle(long now) {
        boolean half = toHost.ended() || toGuest.ended();
        timer = now + (half ? HALF_CLOSED_NANOS : IDLE_NANOS);
    }

    // ---- from the host

    @Override
    public void ready(SelectionKey ready) {
        if (state == State.CONNECTING) {
            try {
                if (channel.finishConnect()) {
                    hostConnected();
                }
            } catch (IOException e) {
                table.refused(this, mac);
            }
            return;
        }
        if (ready.isReadable()) {
            readable = true;
        }
        if (ready.isWritable()) {
            try {
                toHost.drain(channel);
            } catch (IOException e) {
                abort();
                return;
            }
            hostWrites();
        }
        interest(wanted());
        table.output(this);
    }

    /** Passes the guest's end on when all before it has been written. */
    private void hostWrites() {
        if (toHost.ended() && toHost.waiting() == 0 && !outputShut) {
            outputShut = true;
            try {
                SocketChannel ignored = channel.shutdownOutput();
            } catch (IOException e) {
                abort();
                return;
            }
        }
        interest(wanted());
    }

    private int wanted() {
        if (state != State.OPEN) {
            return 0;
        }
        return (readable || toGuest.ended() ? 0 : SelectionKey.OP_READ)
                | (toHost.waiting() > 0 ? SelectionKey.OP_WRITE : 0);
    }

    private void interest(int operations) {
        SelectionKey k = key;
        if (k != null) {
            table.loop.interest(k, operations);
        }
    }

    private boolean pull() {
        try {
            while (readable && toGuest.hungry()) {
                if (table.pool.available() == 0) {
                    table.starved(this);
                    break;
                }
                readable = toGuest.read(channel);
            }
        } catch (IOException e) {
            abort();
            return false;
        }
        hostFirst |= toGuest.ended() && !toHost.ended();
        interest(wanted());
        return true;
    }

    // ---- to the guest

    /**
     * Sends what is due.
     *
     * @return false if the guest has no room for more
     */
    boolean output(long now) {
        if (synDue && (state == State.SYN_SENT || state == State.SYN_RECEIVED)) {
            if (!emitSyn()) {
                return false;
            }
            synDue = false;
            ackDue = false;
            timer = now + toGuest.synTimeout();
        }
        if (state == State.OPEN) {
            if (!pull()) {
                return true;
            }
            if (!toGuest.send(now)) {
                return false;
            }
            ackDue |= toHost.updateDue();
        }
        if (ackDue && (state == State.OPEN || state == State.TIME_WAIT)) {
            if (!emit(toGuest.next(), TcpHeader.ACK, null, 0, 0)) {
                return false;
            }
        }
        ackDue = false;
        if (state == State.OPEN && toGuest.finished() && outputShut) {
            finish(now);
        }
        table.loop.wakeAt(deadline());
        return true;
    }

    private boolean emitSyn() {
        boolean active = state == State.SYN_SENT;
        if (active && mac == 0) {
            mac = table.guestMac(flow.guest());
            if (mac == 0) {
                return true; // it has been asked for; the next attempt may know
            }
        }
        int at = FrameWriter.payload(flow.guest().isV4()) + FrameWriter.TCP_HEADER;
        table.writer.buffer.putInt(at, 0x0204_0000 | largestSegment());
        boolean scale = active || scaled;
        table.writer.buffer.putInt(at + 4, 0x0103_0300 | WINDOW_SHIFT);
        header.sequence = toGuest.synSequence();
        header.acknowledgement = active ? 0 : toHost.next();
        header.flags = active ? TcpHeader.SYN : TcpHeader.SYN | TcpHeader.ACK;
        header.window = toHost.advertise(true);
        return table.writer.sendTcp(mac, flow, header, scale ? 8 : 4, null, 0, 0, guestSegment);
    }

    @Override
    public boolean emit(
            int sequence, int flags, @Nullable StreamBuffer data, int distance, int bytes) {
        header.sequence = sequence;
        header.acknowledgement = toHost.next();
        header.flags = flags;
        header.window = toHost.advertise(false);
        boolean sent =
                table.writer.sendTcp(mac, flow, header, 0, data, distance, bytes, toGuest.mss());
        if (sent) {
            ackDue = false;
        }
        return sent;
    }

    @Override
    public int segmentLimit() {
        return table.writer.segmentLimit(flow.guest().isV4(), toGuest.mss());
    }

    // ---- time

    /** When {@link #expire} is due. */
    long deadline() {
        return state == State.OPEN ? Math.min(timer, toGuest.timer()) : timer;
    }

    /** The deadline has come. */
    void expire(long now) {
        if (state == State.OPEN && toGuest.timer() <= now) {
            if (toGuest.timeout(now, table.writer.blocked())) {
                table.output(this);
            } else {
                abort();
            }
            return;
        }
        switch (state) {
            case SYN_SENT, SYN_RECEIVED -> {
                if (++syns >= MAX_SYNS) {
                    abort();
                } else {
                    synDue = true;
                    timer = now + SECOND; // set anew when it goes out
                    table.output(this);
                }
            }
            case CONNECTING -> table.refused(this, mac);
            case OPEN -> abort();
            case TIME_WAIT -> close();
            case CLOSED -> {}
        }
    }

    // ---- endings

    private void finish(long now) {
        release();
        if (hostFirst) {
            become(State.TIME_WAIT);
            timer = now + TIME_WAIT_NANOS;
        } else {
            close();
        }
    }

    /** The guest has reset it: so is the host's side. */
    private void reset() {
        lingerNot();
        close();
    }

    /** Ends both sides with a reset. */
    void abort() {
        if (state == State.OPEN || state == State.SYN_RECEIVED || state == State.SYN_SENT) {
            if (mac != 0) {
                boolean ignored = emit(toGuest.next(), TcpHeader.RST | TcpHeader.ACK, null, 0, 0);
            }
        }
        reset();
    }

    private void lingerNot() {
        try {
            SocketChannel ignored = channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException | UnsupportedOperationException e) {
            // It is closed already: nothing is left to reset.
        }
    }

    private void release() {
        table.loop.close(channel);
        toHost.close();
        toGuest.close();
    }

    void close() {
        if (state != State.CLOSED) {
            if (state != State.TIME_WAIT) {
                release();
            }
            become(State.CLOSED);
            timer = HostLoop.NEVER;
            table.closed(this);
        }
    }
}
