package io.queztl.devices.virtio.vsock;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.Arrays;

/**
 * One stream between a port of the guest and a socket of the host. Towards the host up to {@link
 * #WINDOW} bytes wait here, which is what the guest is told; towards the guest nothing waits, bytes
 * stay in the socket until the guest has room (5.10.6.3). Guarded by the lock of its {@link
 * VirtioVsock}.
 */
final class VsockConnection {
    /** Bytes that the guest may send ahead of the host's reading. */
    static final int WINDOW = 128 << 10;

    private static final int FIRST_BUFFER = 4096;

    final int hostPort;
    final int guestPort;
    final SocketChannel channel;
    final SelectionKey key;

    /** When the guest must have answered, by {@link System#nanoTime}. */
    final long deadline;

    /** Opened by the host, not answered by the guest yet. */
    boolean connecting;

    /** In the list of those that have something for the guest. */
    boolean queued;

    /** Operations that are still to be sent, a bit each. */
    int pending;

    /** The socket has something to read, or has ended. */
    boolean readable;

    /** The host sends no more. */
    boolean hostDone;

    /** What the guest has said with SHUTDOWN. */
    int guestShutdown;

    boolean gone;

    private byte[] buffer = new byte[0];
    private int head;
    private int count;
    private boolean outputShut;
    private int received;
    private int forwarded;
    private int told;
    private int sent;
    private int peerAlloc;
    private int peerForwarded;

    VsockConnection(
            int hostPort, int guestPort, SocketChannel channel, SelectionKey key, long deadline) {
        this.hostPort = hostPort;
        this.guestPort = guestPort;
        this.channel = channel;
        this.key = key;
        this.deadline = deadline;
    }

    // ---- to the guest

    /** Takes in what a packet says of the guest's buffer. */
    void peer(int alloc, int forwardedBytes) {
        peerAlloc = alloc;
        peerForwarded = forwardedBytes;
    }

    /** Bytes that the guest has room for. */
    int credit() {
        long waiting = Integer.toUnsignedLong(sent - peerForwarded);
        long room = Integer.toUnsignedLong(peerAlloc) - waiting;
        return Math.clamp(room, 0, Integer.MAX_VALUE);
    }

    void sent(int bytes) {
        sent += bytes;
    }

    /** True if bytes of the host can go to the guest now. */
    boolean deliverable() {
        return readable
                && !connecting
                && !hostDone
                && (guestShutdown & VsockLayout.NO_RECEIVE) == 0
                && credit() > 0;
    }

    /** What the next packet says of our buffer, after which the guest knows it. */
    int tellForwarded() {
        told = forwarded;
        pending &= ~(1 << VsockLayout.CREDIT_UPDATE);
        return forwarded;
    }

    // ---- to the host

    /** True if the guest may send this many bytes. */
    boolean hasRoom(long bytes) {
        return bytes <= WINDOW - Integer.toUnsignedLong(received - forwarded);
    }

    /** Takes bytes, for which there is room, of the guest's. */
    void receive(byte[] bytes, int length) {
        if (count + length > buffer.length) {
            int size = Math.max(FIRST_BUFFER, Integer.highestOneBit(count + length - 1) << 1);
            byte[] larger = new byte[Math.min(size, WINDOW)];
            copyOut(larger);
            buffer = larger;
            head = 0;
        }
        int tail = (head + count) % buffer.length;
        int first = Math.min(length, buffer.length - tail);
        System.arraycopy(bytes, 0, buffer, tail, first);
        System.arraycopy(bytes, first, buffer, 0, length - first);
        count += length;
        received += length;
    }

    private void copyOut(byte[] target) {
        int first = Math.min(count, buffer.length - head);
        System.arraycopy(buffer, head, target, 0, first);
        System.arraycopy(buffer, 0, target, first, count - first);
    }

    /**
     * Writes to the socket what it takes.
     *
     * @return true if nothing waits any more
     */
    boolean flush() throws IOException {
        while (count > 0) {
            int n = channel.write(ByteBuffer.wrap(buffer, head, chunk()));
            if (n == 0) {
                break;
            }
            head = (head + n) % buffer.length;
            count -= n;
            forwarded += n;
        }
        boolean hungry = Integer.toUnsignedLong(received - told) >= WINDOW / 2;
        if (hungry && forwarded != told) {
            pending |= 1 << VsockLayout.CREDIT_UPDATE;
        }
        if (count > 0) {
            return false;
        }
        if (buffer.length > FIRST_BUFFER) {
            buffer = Arrays.copyOf(buffer, FIRST_BUFFER);
        }
        head = 0;
        if ((guestShutdown & VsockLayout.NO_SEND) != 0 && !outputShut) {
            outputShut = true;
            SocketChannel ignored = channel.shutdownOutput();
        }
        return true;
    }

    private int chunk() {
        return Math.min(count, buffer.length - head);
    }

    /** True if the guest neither sends nor receives any more, and the host has what it sent. */
    boolean finished() {
        return count == 0 && guestShutdown == (VsockLayout.NO_RECEIVE | VsockLayout.NO_SEND);
    }
}
