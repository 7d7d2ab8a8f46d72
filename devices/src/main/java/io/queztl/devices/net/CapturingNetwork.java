package io.queztl.devices.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A network whose packets, in both directions, go to a {@link PacketCapture} too. */
public final class CapturingNetwork extends DelegatingNetwork {
    private final PacketCapture capture;

    /** Closes {@code inner} and the file when it is closed. */
    public CapturingNetwork(NetworkBackend inner, Path file) throws IOException {
        super(inner);
        capture = PacketCapture.create(file);
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
    public void close() {
        super.close();
        capture.close();
    }
}
