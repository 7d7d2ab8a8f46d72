package io.queztl.devices.virtio.rng;

import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.security.SecureRandom;
import java.util.random.RandomGenerator;

/** The entropy device (VirtIO 1.2, 5.4): fills buffers with random bytes. */
public final class VirtioRng extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 4;

    /** PCI class: other system peripheral. */
    public static final int PCI_CLASS = 0x08_8000;

    private static final int QUEUE_SIZE = 64;

    /** The most bytes given for one buffer: a driver that wants more asks again. */
    private static final int MAX_BYTES = 4096;

    private final RandomGenerator random;
    private final DescriptorChain chain;
    private final byte[] bytes = new byte[MAX_BYTES];

    /** Random bytes from the host. */
    public VirtioRng(String name, GuestMemory memory) {
        this(name, memory, new SecureRandom());
    }

    /** Random bytes from {@code random}. */
    public VirtioRng(String name, GuestMemory memory, RandomGenerator random) {
        super(name, DEVICE_ID, memory, 0, 1, QUEUE_SIZE);
        this.random = random;
        chain = new DescriptorChain(memory);
    }

    @Override
    protected long deviceFeatures() {
        return 0;
    }

    @Override
    protected void process(int queue, Virtqueue ring) {
        do {
            ring.disableNotifications();
            while (ring.pop(chain)) {
                random.nextBytes(bytes);
                int n = chain.write(bytes, 0, MAX_BYTES);
                ring.push(chain, n);
                complete(queue, ring);
            }
        } while (ring.enableNotifications());
    }

    /** A copy of its state. */
    public VirtioRngState state() {
        return atRest(() -> new VirtioRngState(commonState()));
    }

    /** Replaces its state. */
    public void restore(VirtioRngState state) {
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    return true;
                });
    }
}
