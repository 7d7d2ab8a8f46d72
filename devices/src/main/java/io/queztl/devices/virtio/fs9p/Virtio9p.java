package io.queztl.devices.virtio.fs9p;

import io.queztl.devices.storage.ScatterList;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.MalformedRingException;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.linux.HostFolder;
import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * A folder of the host for the guest: 9P over VirtIO (device type 9, which VirtIO 1.2 reserves in
 * section 5; the layout is Linux's {@code virtio_9p.h}). A request is one chain: the message, and
 * room for the answer. {@link NinePServer} is what is behind it.
 */
public final class Virtio9p extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 9;

    /** PCI class: other mass storage controller. */
    public static final int PCI_CLASS = 0x01_8000;

    /** The longest tag, in bytes. */
    public static final int MAX_TAG = 31;

    private static final int QUEUE_SIZE = 128;
    private static final long F_MOUNT_TAG = 1;

    private final NinePServer server;
    private final DescriptorChain chain;
    private final ScatterList list;
    private volatile boolean busy;

    /**
     * @param name for threads and messages
     * @param folder what is shared, closed by its owner after this device
     * @param tag what the guest mounts, at most {@link #MAX_TAG} ASCII characters
     * @param readOnly whether everything that changes a file is refused
     */
    public Virtio9p(
            String name, GuestMemory memory, HostFolder folder, String tag, boolean readOnly) {
        super(name, DEVICE_ID, memory, 2 + tag.length(), 1, QUEUE_SIZE);
        server = new NinePServer(folder, readOnly);
        chain = new DescriptorChain(memory);
        list = new ScatterList(memory.ram());
        byte[] ascii = tag.getBytes(StandardCharsets.US_ASCII);
        setConfig(0, 2, ascii.length);
        for (int i = 0; i < ascii.length; i++) {
            setConfig(2 + i, 1, ascii[i]);
        }
    }

    @Override
    protected long deviceFeatures() {
        return F_MOUNT_TAG;
    }

    @Override
    protected void process(int queue, Virtqueue ring) {
        do {
            ring.disableNotifications();
            while (ring.pop(chain)) {
                boolean answered;
                try {
                    busy = true;
                    answered = unlocked(queue, () -> server.serve(chain, list) ? 1 : 0) == 1;
                    busy = false;
                } catch (IOException e) {
                    throw new IllegalStateException(e); // the server throws none
                }
                if (!answered) {
                    throw new MalformedRingException("a request without room for its answer");
                }
                ring.push(chain, chain.written());
                complete(queue, ring);
            }
        } while (ring.enableNotifications());
    }

    @Override
    protected void deviceReset() {
        server.reset();
    }

    /** A copy of its state. */
    public Virtio9pState state() {
        return atRest(() -> new Virtio9pState(commonState(), server.messageSize(), server.state()));
    }

    /** Replaces its state; files that are not there any more are stale for the guest. */
    public void restore(Virtio9pState state) {
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    server.restore(state.messageSize(), state.fids());
                    return true;
                });
    }

    @Override
    public void close() {
        super.close();
        // A request that the host does not end keeps its files: nobody may wait for it for ever.
        if (!busy) {
            server.reset();
        }
    }
}
