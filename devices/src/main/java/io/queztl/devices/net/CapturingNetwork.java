package io.queztl.devices.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A network whose packets, in both directions, go to a {@link PacketCapture} too. */
public final class CapturingNetwork implements NetworkBackend {
    private final NetworkBackend inner;
    private final PacketCapture capture;

    /** Closes {@code inner} and the file when it is closed. */
    public CapturingNetwork(NetworkBackend inner, Path file) throws IOException {
        this.inner = inner;
        capture = PacketCapture.create(file);
    }

    @Override
    public Offloads offloads() {
        return inner.offloads();
    }

    @Override
    public void send(ByteBuffer packet) {
        send(0, packet);
    }

    @Override
    public void send(int queue, ByteBuffer packet) {
        capture.add(packet, PacketCapture.Direction.FROM_GUEST);
        inner.send(queue, packet);
    }

    @Override
    public void start(Receiver receiver) {
        inner.start(
                new Receiver() {
                    @Override
                    public boolean deliver(ByteBuffer packet) {
                        return deliver(0, packet);
                    }

                    @Override
                    public boolean deliver(int queue, ByteBuffer packet) {
                        boolean taken = receiver.deliver(queue, packet);
                        if (taken) {
                            capture.add(packet, PacketCapture.Direction.TO_GUEST);
                        }
                        return taken;
                    }

                    @Override
                    public void linkChanged() {
                        receiver.linkChanged();
                    }
                });
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
        capture.close();
    }
}
