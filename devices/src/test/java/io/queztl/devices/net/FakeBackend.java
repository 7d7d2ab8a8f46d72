package io.queztl.devices.net;

import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** A network that keeps what it is sent, and delivers what a test wants the guest to get. */
public final class FakeBackend implements NetworkBackend {
    public final BlockingQueue<byte[]> sent = new LinkedBlockingQueue<>(10_000);
    public final Semaphore ready = new Semaphore(0);
    public volatile Offloads able = Offloads.ALL;
    public volatile Offloads guest = Offloads.NONE;
    public volatile boolean up = true;
    public volatile int active = 1;
    public volatile int flushed;
    public volatile boolean closed;
    private final int queues;
    private volatile @Nullable Receiver receiver;

    public FakeBackend(int queues) {
        this.queues = queues;
    }

    @Override
    public Offloads offloads() {
        return able;
    }

    @Override
    public void start(Receiver r) {
        if (receiver != null) {
            throw new IllegalStateException("started twice");
        }
        receiver = r;
    }

    public Receiver receiver() {
        return Objects.requireNonNull(receiver);
    }

    public boolean started() {
        return receiver != null;
    }

    @Override
    public void guestOffloads(Offloads offloads) {
        guest = offloads;
    }

    @Override
    public int queues() {
        return queues;
    }

    @Override
    public void activeQueues(int count) {
        active = count;
    }

    @Override
    public void send(ByteBuffer packet) {
        byte[] copy = new byte[packet.remaining()];
        ByteBuffer ignored = packet.get(copy);
        boolean kept = sent.offer(copy);
    }

    @Override
    public void flush(int queue) {
        flushed++;
    }

    @Override
    public void receiverReady() {
        ready.release();
    }

    @Override
    public boolean linkUp() {
        return up;
    }

    @Override
    public void close() {
        closed = true;
    }
}
