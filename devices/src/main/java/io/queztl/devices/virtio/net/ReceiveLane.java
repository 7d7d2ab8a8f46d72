package io.queztl.devices.virtio.net;

import static io.queztl.devices.virtio.net.NetLayout.NUM_BUFFERS;

import io.queztl.devices.net.NetworkBackend;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.MalformedRingException;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Puts packets into the buffers of one receive queue (VirtIO 1.2, 5.1.6.3, 5.1.6.4), with mergeable
 * buffers over as many as it takes. A packet goes in whole or not at all. For one thread at a time.
 */
final class ReceiveLane {
    /** What became of a packet. */
    enum Result {
        DELIVERED,
        /** The buffers that there are do not hold it; the driver will notify when it adds some. */
        NO_ROOM,
        /** No buffer, or no number of buffers, of this driver will hold it. */
        TOO_LARGE
    }

    /** The most buffers for one packet: Linux gives at least 1,500 bytes in each. */
    private static final int MAX_BUFFERS = 128;

    private final GuestMemory memory;
    private final @Nullable DescriptorChain[] chains = new DescriptorChain[MAX_BUFFERS];
    private final byte[] header = new byte[NetworkBackend.HEADER_BYTES];

    ReceiveLane(GuestMemory memory) {
        this.memory = memory;
    }

    /**
     * Delivers what is between position and limit of {@code packet}, with the lock of the queue
     * held.
     *
     * @param mergeable whether several buffers may hold it
     */
    Result deliver(Virtqueue ring, ByteBuffer packet, boolean mergeable) {
        int bytes = packet.remaining();
        long room = 0;
        int count = 0;
        while (room < bytes) {
            if (count == (mergeable ? MAX_BUFFERS : 1)) {
                giveBack(ring, count);
                return Result.TOO_LARGE;
            }
            DescriptorChain chain = chain(count);
            if (ring.pop(chain)) {
                if (chain.writable() == 0) {
                    throw new MalformedRingException("a receive buffer that cannot be written");
                }
                room += chain.writable();
                count++;
            } else if (!ring.enableNotifications()) {
                // Asked for while all buffers are taken: so it names the next one to come.
                giveBack(ring, count);
                return Result.NO_ROOM;
            }
        }
        fill(ring, packet, count);
        return Result.DELIVERED;
    }

    private DescriptorChain chain(int index) {
        DescriptorChain chain = chains[index];
        if (chain == null) {
            chain = new DescriptorChain(memory);
            chains[index] = chain;
        }
        return chain;
    }

    private void giveBack(Virtqueue ring, int count) {
        for (int i = count - 1; i >= 0; i--) {
            ring.unpop(chain(i));
        }
    }

    private void fill(Virtqueue ring, ByteBuffer packet, int count) {
        int start = packet.position();
        packet.get(start, header);
        header[NUM_BUFFERS] = (byte) count;
        header[NUM_BUFFERS + 1] = 0;
        MemorySegment source = MemorySegment.ofBuffer(packet);
        long bytes = source.byteSize();
        long done = 0;
        for (int i = 0; i < count; i++) {
            DescriptorChain chain = chain(i);
            if (done < header.length) {
                done += chain.write(header, (int) done, header.length - (int) done);
            }
            if (done >= header.length) {
                done += chain.write(source, done, bytes - done);
            }
            ring.push(chain, chain.written());
        }
    }
}
