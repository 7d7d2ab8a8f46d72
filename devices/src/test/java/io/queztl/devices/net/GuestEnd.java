package io.queztl.devices.net;

import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The guest of a network in a test: keeps what it receives. */
final class GuestEnd implements NetworkBackend.Receiver {
    final BlockingQueue<byte[]> received = new LinkedBlockingQueue<>();
    final Semaphore linkChanges = new Semaphore(0);
    volatile boolean room = true;

    @Override
    public boolean deliver(ByteBuffer packet) {
        if (!room) {
            return false;
        }
        byte[] copy = new byte[packet.remaining()];
        ByteBuffer ignored = packet.get(packet.position(), copy);
        return received.offer(copy);
    }

    @Override
    public void linkChanged() {
        linkChanges.release();
    }

    byte @Nullable [] poll(int millis) throws InterruptedException {
        return received.poll(millis, TimeUnit.MILLISECONDS);
    }

    /** The next packet; there must be one. */
    byte[] take() throws InterruptedException {
        byte[] packet = poll(10_000);
        if (packet == null) {
            throw new AssertionError("no packet has come");
        }
        return packet;
    }

    /** A packet with an empty header from one station to another. */
    static byte[] packet(long target, long source, int frame) {
        ByteBuffer b = ByteBuffer.allocate(NetworkBackend.HEADER_BYTES + frame);
        for (int i = 26; i < b.limit(); i++) {
            b.put(i, (byte) (i * 31));
        }
        b.putLong(10, target).putLong(16, source | target << 48);
        b.putShort(10, (short) 0);
        b.putShort(24, (short) 0x88b5);
        return b.array();
    }
}
