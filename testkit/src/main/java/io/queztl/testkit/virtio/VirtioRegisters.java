package io.queztl.testkit.virtio;

import io.queztl.machine.bus.BusDevice;

/**
 * What a driver does with a device's common configuration, by the registers of the PCI transport
 * (VirtIO 1.2, 4.1.4.3), which begin at offset 0 of the region.
 */
public final class VirtioRegisters {
    private static final long VERSION_1 = 1L << 32;
    private static final int NOTIFY = 0x3000;
    private static final int CONFIG = 0x2000;

    private final BusDevice bar;

    /** A driver of the device whose registers are in this BAR. */
    public VirtioRegisters(BusDevice bar) {
        this.bar = bar;
    }

    /** What the device offers. */
    public long offered() {
        bar.write(0, 4, 0);
        long low = bar.read(4, 4) & 0xffff_ffffL;
        bar.write(0, 4, 1);
        return low | bar.read(4, 4) << 32;
    }

    /** Resets the device and waits until that is done. */
    public void reset() throws InterruptedException {
        bar.write(20, 1, 0);
        while (status() != 0) {
            Thread.sleep(1);
        }
    }

    /** The status field. */
    public int status() {
        return (int) bar.read(20, 1) & 0xff;
    }

    /** Sets status bits. */
    public void status(int value) {
        bar.write(20, 1, value);
    }

    /**
     * Negotiates: ACKNOWLEDGE, DRIVER, features, FEATURES_OK.
     *
     * @return true if the device agrees
     */
    public boolean negotiate(long features) {
        status(1);
        status(3);
        bar.write(8, 4, 0);
        bar.write(12, 4, features & 0xffff_ffffL);
        bar.write(8, 4, 1);
        bar.write(12, 4, features >>> 32);
        status(11);
        return (status() & 8) != 0;
    }

    /** VERSION_1 and those of {@code wanted} that are offered. */
    public long choose(long wanted) {
        return VERSION_1 | offered() & wanted;
    }

    /** Gives the device a queue. */
    public void enable(int index, VirtqueueDriver queue) {
        bar.write(22, 2, index);
        bar.write(24, 2, queue.size());
        long[] areas = {queue.descriptors(), queue.driver(), queue.device()};
        for (int i = 0; i < 3; i++) {
            bar.write(32 + 8L * i, 4, areas[i] & 0xffff_ffffL);
            bar.write(36 + 8L * i, 4, areas[i] >>> 32);
        }
        bar.write(28, 2, 1);
    }

    /** The number of queues. */
    public int queues() {
        return (int) bar.read(18, 2) & 0xffff;
    }

    /** Sets DRIVER_OK. */
    public void start() {
        status(15);
    }

    /** Notifies the device of a queue. */
    public void notifyQueue(int index) {
        bar.write(NOTIFY + 4L * index, 2, index);
    }

    /** Reads the device's own configuration. */
    public long config(int offset, int size) {
        return bar.read(CONFIG + offset, size);
    }
}
