package io.queztl.devices.net;

import java.nio.ByteBuffer;

/** A network in front of another one, to which it passes everything that is not overridden. */
abstract class DelegatingNetwork implements NetworkBackend {
    final NetworkBackend inner;

    /** Closes {@code inner} when it is closed. */
    DelegatingNetwork(NetworkBackend inner) {
        this.inner = inner;
    }

    @Override
    public Offloads offloads() {
        return inner.offloads();
    }

    @Override
    public final void send(ByteBuffer packet) {
        send(0, packet);
    }

    @Override
    public abstract void send(int queue, ByteBuffer packet);

    @Override
    public void start(Receiver receiver) {
        inner.start(receiver);
    }

    @Override
    public void guestOffloads(Offloads offloads) {
        inner.guestOffloads(offloads);
    }

    @Override
    public void receiverReady() {
        inner.receiverReady();
    }

    @Override
    public int queues() {
        return inner.queues();
    }

    @Override
    public void activeQueues(int count) {
        inner.activeQueues(count);
    }

    @Override
    public void flush(int queue) {
        inner.flush(queue);
    }

    @Override
    public boolean linkUp() {
        return inner.linkUp();
    }

    @Override
    public void close() {
        inner.close();
    }
}
