package io.queztl.devices.net;

import java.nio.ByteBuffer;

/**
 * Where the Ethernet frames of one network device go to and come from: a TAP interface, a user-mode
 * network stack, a switch.
 *
 * <p>A packet, in both directions, is the 12 bytes of {@code struct virtio_net_hdr} (virtio 1.2
 * section 5.1.6, {@code num_buffers} included, little endian) followed by one Ethernet frame
 * without its check sequence. The header names a checksum still to be filled in and a segmentation
 * still to be done; which of them may be left is settled once by {@link #offloads} and {@link
 * #start}.
 */
public interface NetworkBackend extends AutoCloseable {

    /** Bytes of the header in front of every frame. */
    int HEADER_BYTES = 12;

    /** The longest packet in either direction: header, Ethernet header, 64 KiB of IP packet. */
    int MAX_PACKET_BYTES = HEADER_BYTES + 18 + 65_535;

    /** What this side can finish itself when the guest leaves it undone in {@link #send}. */
    Offloads offloads();

    /**
     * Begins delivery of packets to the guest. Called once, before the first {@link #send}.
     *
     * @param receiver takes packets for the guest; may be called from any one thread at a time
     */
    void start(Receiver receiver);

    /**
     * What the guest's driver takes undone from now on; nothing until called. Called when the
     * driver has negotiated its features and again after a reset.
     */
    void guestOffloads(Offloads offloads);

    /**
     * Takes one packet from the guest, between position and limit of the buffer, which is only
     * valid during the call. Does not wait for the outside world: what cannot be taken now is
     * dropped, as Ethernet does. The content is hostile. Called by one thread at a time for each
     * queue.
     */
    void send(ByteBuffer packet);

    /**
     * The guest has made buffers available after {@link Receiver#deliver} had answered false. May
     * come before that answer does, and when there is nothing to deliver.
     */
    void receiverReady();

    /** How many queues of packets it can serve at the same time; one, if not overridden. */
    default int queues() {
        return 1;
    }

    /** The guest uses the queues below {@code count}; one, until called. */
    default void activeQueues(int count) {}

    /** {@link #send} for one of several queues. */
    default void send(int queue, ByteBuffer packet) {
        send(packet);
    }

    /**
     * The guest has sent what it had to send for now: what was kept to go out together goes. Unlike
     * {@link #send}, which must not, it may deliver.
     */
    default void flush(int queue) {}

    /** True while the far end is reachable; the device shows it as its link status. */
    default boolean linkUp() {
        return true;
    }

    /** Ends all traffic and frees what the host lent. No packet is delivered after it returns. */
    @Override
    void close();

    /** The guest's end. */
    interface Receiver {

        /**
         * Gives one packet, between position and limit, to the guest. False when the guest has no
         * buffer for it: the sender keeps or drops it, and {@link NetworkBackend#receiverReady} is
         * called when there is room again.
         */
        boolean deliver(ByteBuffer packet);

        /** {@link #deliver} from one of several queues; one thread at a time for each of them. */
        default boolean deliver(int queue, ByteBuffer packet) {
            return deliver(packet);
        }

        /** The backend's {@link #linkUp} has changed. */
        void linkChanged();
    }

    /**
     * Which work one side may leave to the other.
     *
     * @param checksum TCP and UDP checksums
     * @param tcp4 segmentation of TCP over IPv4
     * @param tcp6 segmentation of TCP over IPv6
     * @param ecn segmentation of TCP with CWR set
     */
    record Offloads(boolean checksum, boolean tcp4, boolean tcp6, boolean ecn) {
        public static final Offloads NONE = new Offloads(false, false, false, false);
        public static final Offloads ALL = new Offloads(true, true, true, true);
    }
}
