package io.queztl.testkit.virtio;

import io.queztl.machine.bus.BusDevice;

/**
 * What a driver does with a device's registers: those of the PCI transport (VirtIO 1.2, 4.1.4.3),
 * whose common configuration begins at offset 0 of the region, or of the MMIO transport (4.2.2).
 */
public final class VirtioRegisters {
    private static final long VERSION_1 = 1L << 32;
    private static final int PCI_NOTIFY = 0x3000;
    private static final int PCI_CONFIG = 0x2000;
    private static final int MMIO_CONFIG = 0x100;
    private static final int MOST_QUEUES = 64;

    /** A register: where it is and of how many bytes, by the transport; -1 where there is none. */
    private enum Register {
        DEVICE_SELECT(0, 4, 0x14),
        DEVICE_FEATURES(4, 4, 0x10),
        DRIVER_SELECT(8, 4, 0x24),
        DRIVER_FEATURES(12, 4, 0x20),
        QUEUES(18, 2, -1),
        STATUS(20, 1, 0x70),
        GENERATION(21, 1, 0xfc),
        QUEUE_SELECT(22, 2, 0x30),
        QUEUE_SIZE(24, 2, 0x38),
        QUEUE_MAXIMUM(24, 2, 0x34),
        QUEUE_ENABLE(28, 2, 0x44),
        DESCRIPTORS(32, 4, 0x80),
        DRIVER(40, 4, 0x90),
        DEVICE(48, 4, 0xa0),
        QUEUE_RESET(58, 2, 0xc0);

        final int pci;
        final int pciBytes;
        final int mmio;

        Register(int pci, int pciBytes, int mmio) {
            this.pci = pci;
            this.pciBytes = pciBytes;
            this.mmio = mmio;
        }
    }

    private final BusDevice window;
    private final boolean mmio;

    /** A driver of the device whose registers are in this BAR. */
    public VirtioRegisters(BusDevice bar) {
        this(bar, false);
    }

    private VirtioRegisters(BusDevice window, boolean mmio) {
        this.window = window;
        this.mmio = mmio;
    }

    /** A driver of the device whose MMIO registers are in this window. */
    public static VirtioRegisters mmio(BusDevice window) {
        return new VirtioRegisters(window, true);
    }

    private long get(Register register) {
        return mmio
                ? window.read(register.mmio, 4) & 0xffff_ffffL
                : window.read(register.pci, register.pciBytes) & -1L >>> 64 - 8 * register.pciBytes;
    }

    private void set(Register register, long value) {
        if (mmio) {
            window.write(register.mmio, 4, value & 0xffff_ffffL);
        } else {
            window.write(register.pci, register.pciBytes, value);
        }
    }

    private void setAddress(Register register, long address) {
        int low = mmio ? register.mmio : register.pci;
        window.write(low, 4, address & 0xffff_ffffL);
        window.write(low + 4, 4, address >>> 32);
    }

    /** What the device offers. */
    public long offered() {
        set(Register.DEVICE_SELECT, 0);
        long low = get(Register.DEVICE_FEATURES);
        set(Register.DEVICE_SELECT, 1);
        return low | get(Register.DEVICE_FEATURES) << 32;
    }

    /** Resets the device and waits until that is done. */
    public void reset() throws InterruptedException {
        status(0);
        while (status() != 0) {
            Thread.sleep(1);
        }
    }

    /** The status field. */
    public int status() {
        return (int) get(Register.STATUS) & 0xff;
    }

    /** Sets status bits. */
    public void status(int value) {
        set(Register.STATUS, value);
    }

    /** The generation of the device's own configuration. */
    public int generation() {
        return (int) get(Register.GENERATION);
    }

    /**
     * Negotiates: ACKNOWLEDGE, DRIVER, features, FEATURES_OK.
     *
     * @return true if the device agrees
     */
    public boolean negotiate(long features) {
        status(1);
        status(3);
        features(features);
        status(11);
        return (status() & 8) != 0;
    }

    /** Chooses features, whatever the status. */
    public void features(long features) {
        set(Register.DRIVER_SELECT, 0);
        set(Register.DRIVER_FEATURES, features & 0xffff_ffffL);
        set(Register.DRIVER_SELECT, 1);
        set(Register.DRIVER_FEATURES, features >>> 32);
    }

    /** VERSION_1 and those of {@code wanted} that are offered. */
    public long choose(long wanted) {
        return VERSION_1 | offered() & wanted;
    }

    /** Gives the device a queue. */
    public void enable(int index, VirtqueueDriver queue) {
        set(Register.QUEUE_SELECT, index);
        set(Register.QUEUE_SIZE, queue.size());
        setAddress(Register.DESCRIPTORS, queue.descriptors());
        setAddress(Register.DRIVER, queue.driver());
        setAddress(Register.DEVICE, queue.device());
        set(Register.QUEUE_ENABLE, 1);
    }

    /** Resets one queue, which may take until its request has ended. */
    public void resetQueue(int index) {
        set(Register.QUEUE_SELECT, index);
        set(Register.QUEUE_RESET, 1);
    }

    /** The number of queues; behind MMIO, how many have a size before the first that has none. */
    public int queues() {
        if (!mmio) {
            return (int) get(Register.QUEUES);
        }
        for (int q = 0; q < MOST_QUEUES; q++) {
            set(Register.QUEUE_SELECT, q);
            if (get(Register.QUEUE_MAXIMUM) == 0) {
                return q;
            }
        }
        return MOST_QUEUES;
    }

    /** Sets DRIVER_OK. */
    public void start() {
        status(15);
    }

    /** Notifies the device of a queue. */
    public void notifyQueue(int index) {
        if (mmio) {
            window.write(0x50, 4, index);
        } else {
            window.write(PCI_NOTIFY + 4L * index, 2, index);
        }
    }

    /** Reads the device's own configuration. */
    public long config(int offset, int size) {
        return window.read((mmio ? MMIO_CONFIG : PCI_CONFIG) + offset, size);
    }

    /** Writes the device's own configuration. */
    public void config(int offset, int size, long value) {
        window.write((mmio ? MMIO_CONFIG : PCI_CONFIG) + offset, size, value);
    }

    /** The causes of interrupts on the wire since the last call: 1 a queue, 2 the configuration. */
    public long takeInterrupts() {
        if (!mmio) {
            return window.read(0x1000, 1);
        }
        long causes = window.read(0x60, 4);
        window.write(0x64, 4, causes);
        return causes;
    }
}
