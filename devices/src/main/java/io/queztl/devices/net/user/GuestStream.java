package io.queztl.devices.net.user;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.GatheringByteChannel;

/**
 * The half of a TCP connection that carries the guest's bytes to the host: the receiver of RFC 9293
 * section 3.4. What comes in order goes straight into the host's socket; what that does not take,
 * and what comes early, is kept, and the window says how much more can be.
 */
final class GuestStream {
    private static final int MAX_PIECES = 8;
    private static final int PLAIN_WINDOW = 65_535;
    private static final int WORTH_TELLING = 32 << 10;

    private final StreamBuffer buffer;
    private final int[] pieceStart = new int[MAX_PIECES];
    private final int[] pieceEnd = new int[MAX_PIECES];
    private int pieces;
    private int next;
    private int edge;
    private int shift;
    private boolean finKnown;
    private int fin;
    private boolean ended;

    GuestStream(ChunkPool pool, int capacity) {
        buffer = new StreamBuffer(pool, capacity);
    }

    /** The guest's SYN has come. */
    void start(int sequence, int windowShift) {
        next = sequence + 1;
        edge = next;
        shift = windowShift;
    }

    /** The sequence number expected next (RCV.NXT). */
    int next() {
        return next;
    }

    /** The guest has ended its side and all before that has come. */
    boolean ended() {
        return ended;
    }

    /** Bytes that the host's socket has not taken yet. */
    int waiting() {
        return buffer.size();
    }

    /** The window field of the next segment; what it promises is kept. */
    int advertise(boolean syn) {
        int scale = syn ? 0 : shift;
        int field = Math.min(buffer.space() >>> scale, PLAIN_WINDOW);
        int newEdge = next + (field << scale);
        if (TcpHeader.before(edge, newEdge)) {
            edge = newEdge;
        }
        return field;
    }

    /** True if the window has opened by so much that the guest should hear of it. */
    boolean updateDue() {
        int space = Math.min(buffer.space(), PLAIN_WINDOW << shift);
        return next + space - edge >= WORTH_TELLING;
    }

    /** True if some of a segment is in the window (RFC 9293 section 3.10.7.4, first check). */
    boolean acceptable(int sequence, int length) {
        int window = Math.max(edge - next, 0);
        if (length == 0) {
            return sequence == next || inWindow(sequence, window);
        }
        return window > 0
                && (inWindow(sequence, window) || inWindow(sequence + length - 1, window));
    }

    private boolean inWindow(int sequence, int window) {
        int distance = sequence - next;
        return distance >= 0 && distance < window;
    }

    /**
     * Takes an acceptable segment's payload.
     *
     * @param hasFin a FIN is behind the payload
     * @return true if it was in order, so that its acknowledgement is no news to the sender
     */
    boolean accept(
            GatheringByteChannel host,
            int sequence,
            ByteBuffer data,
            int start,
            int length,
            boolean hasFin)
            throws IOException {
        if (hasFin && !finKnown) {
            finKnown = true;
            fin = sequence + length;
        }
        int at = start;
        int bytes = length;
        int distance = sequence - next;
        if (distance < 0) {
            at -= distance;
            bytes += distance;
            distance = 0;
        }
        int room = edge - next - distance;
        bytes = Math.min(bytes, room);
        if (finKnown) {
            bytes = Math.min(bytes, fin - next - distance);
        }
        boolean inOrder = distance == 0;
        if (bytes > 0) {
            if (inOrder) {
                take(host, data, at, bytes);
            } else {
                keepEarly(distance, data, at, bytes);
            }
        }
        if (finKnown && next == fin && !ended) {
            ended = true;
            next++;
        }
        return inOrder;
    }

    private void take(GatheringByteChannel host, ByteBuffer data, int at, int bytes)
            throws IOException {
        int written = 0;
        if (buffer.size() == 0) {
            int limit = data.limit();
            data.limit(at + bytes).position(at);
            written = host.write(data);
            data.limit(limit).position(0);
            buffer.discard(written);
        }
        int kept = 0;
        if (written < bytes) {
            kept = buffer.put(0, data, at + written, bytes - written);
            buffer.extend(kept);
        }
        next += written + kept;
        if (pieces > 0) {
            joinPieces();
            int ignored = buffer.write(host);
        }
    }

    private void keepEarly(int distance, ByteBuffer data, int at, int bytes) {
        int kept = buffer.put(distance, data, at, bytes);
        int from = next + distance;
        int to = from + kept;
        if (kept == 0) {
            return;
        }
        // Joins what it touches, in place; a piece too many is forgotten and comes again.
        int n = 0;
        for (int i = 0; i < pieces; i++) {
            if (pieceEnd[i] - from < 0 || to - pieceStart[i] < 0) {
                pieceStart[n] = pieceStart[i];
                pieceEnd[n++] = pieceEnd[i];
            } else {
                from = pieceStart[i] - from < 0 ? pieceStart[i] : from;
                to = pieceEnd[i] - to > 0 ? pieceEnd[i] : to;
            }
        }
        if (n < MAX_PIECES) {
            pieceStart[n] = from;
            pieceEnd[n++] = to;
        }
        pieces = n;
    }

    /** Moves over the pieces that are no longer early. */
    private void joinPieces() {
        boolean moved = true;
        while (moved) {
            moved = false;
            for (int i = 0; i < pieces; i++) {
                if (pieceStart[i] - next <= 0) {
                    int more = pieceEnd[i] - next;
                    if (more > 0) {
                        buffer.extend(more);
                        next += more;
                    }
                    pieces--;
                    pieceStart[i] = pieceStart[pieces];
                    pieceEnd[i] = pieceEnd[pieces];
                    moved = true;
                    break;
                }
            }
        }
        if (pieces == 0) {
            buffer.noneEarly();
        }
    }

    /** Writes what waits to the host. */
    void drain(GatheringByteChannel host) throws IOException {
        int ignored = buffer.write(host);
    }

    void close() {
        buffer.close();
    }
}
