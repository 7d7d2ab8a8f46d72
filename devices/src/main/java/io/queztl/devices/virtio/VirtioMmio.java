package io.queztl.devices.virtio;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;

/** A VirtIO device behind memory-mapped registers, version 2 (VirtIO 1.2, 4.2), with one wire. */
public final class VirtioMmio implements BusDevice {
    /** Bytes of the register window, which holds the configuration space too. */
    public static final long WINDOW = 0x1000;

    private static final int MAGIC = 0x7472_6976;
    private static final int VERSION = 2;
    private static final int VENDOR = 0x5a54_5a51;
    private static final int CONFIG = 0x100;

    private static final int CAUSE_QUEUE = 1;
    private static final int CAUSE_CONFIG = 2;

    private final VirtioDevice device;
    private final IrqLine line;
    private final Object lock = new Object();
    private int deviceFeatureSelect;
    private int driverFeatureSelect;
    private int queueSelect;
    private int interruptStatus;

    /**
     * @param device what is behind it; it must not be on another bus
     * @param line its interrupt, level-triggered
     */
    public VirtioMmio(VirtioDevice device, IrqLine line) {
        this.device = device;
        this.line = line;
        device.attach(new Interrupts());
    }

    /** The device behind it. */
    public VirtioDevice device() {
        return device;
    }

    @Override
    public long read(long offset, int size) {
        if (offset >= CONFIG) {
            return device.readConfig(offset - CONFIG, size);
        }
        if (size != 4 || (offset & 3) != 0) {
            return 0; // 4.2.2.2: the driver only uses aligned words
        }
        int features;
        int select;
        int driver;
        int causes;
        synchronized (lock) {
            features = deviceFeatureSelect;
            driver = driverFeatureSelect;
            select = queueSelect;
            causes = interruptStatus;
        }
        VirtqueueState q = device.queue(select);
        return switch ((int) offset) {
            case 0x00 -> MAGIC;
            case 0x04 -> VERSION;
            case 0x08 -> device.deviceId();
            case 0x0c -> VENDOR;
            case 0x10 -> features == 0 || features == 1 ? device.offered() >>> features * 32 : 0;
            case 0x20 -> device.driverFeatures(driver);
            case 0x34 -> device.queueMaximum(select);
            case 0x44 -> q != null && q.enabled() ? 1 : 0;
            case 0x60 -> causes;
            case 0x70 -> device.status();
            case 0xc0 -> device.queueResetting(select) ? 1 : 0;
            case 0xb0, 0xb4, 0xb8, 0xbc -> -1; // no shared memory regions
            case 0xfc -> device.configGeneration();
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        if (offset >= CONFIG) {
            device.writeConfig(offset - CONFIG, size, value);
            return;
        }
        if (size != 4 || (offset & 3) != 0) {
            return;
        }
        int word = (int) value;
        int select;
        int features;
        synchronized (lock) {
            select = queueSelect;
            features = driverFeatureSelect;
            switch ((int) offset) {
                case 0x14 -> deviceFeatureSelect = word;
                case 0x24 -> driverFeatureSelect = word;
                case 0x30 -> queueSelect = word;
                case 0x64 -> {
                    interruptStatus &= ~word;
                    line.set(interruptStatus != 0);
                }
                default -> {}
            }
        }
        int at = (int) offset;
        VirtqueueState q = device.queue(select);
        switch (at) {
            case 0x20 -> device.driverFeatures(features, word);
            case 0x38 -> device.queueSize(select, word);
            case 0x44 -> {
                if (word == 1) {
                    device.enableQueue(select);
                }
            }
            case 0x50 -> device.notifyQueue(word);
            case 0x70 -> device.status(word & 0xff);
            case 0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4 -> {
                if (q != null) {
                    device.queueAddresses(
                            select,
                            at < 0x90
                                    ? VirtioPci.half(q.descriptors(), at, value)
                                    : q.descriptors(),
                            at >= 0x90 && at < 0xa0
                                    ? VirtioPci.half(q.driver(), at, value)
                                    : q.driver(),
                            at >= 0xa0 ? VirtioPci.half(q.device(), at, value) : q.device());
                }
            }
            case 0xc0 -> {
                if (word == 1) {
                    device.resetQueue(select);
                }
            }
            default -> {}
        }
    }

    private final class Interrupts implements VirtioTransport {
        @Override
        public void queueInterrupt(int queue) {
            raise(CAUSE_QUEUE);
        }

        @Override
        public void configInterrupt() {
            raise(CAUSE_CONFIG);
        }

        private void raise(int cause) {
            synchronized (lock) {
                interruptStatus |= cause;
                line.set(true);
            }
        }

        @Override
        public boolean memoryAccess() {
            return true;
        }

        @Override
        public void deviceReset() {
            synchronized (lock) {
                interruptStatus = 0;
                line.set(false);
            }
        }
    }

    /** A copy of the transport's state; the device's own is saved apart. */
    public VirtioMmioState state() {
        synchronized (lock) {
            return new VirtioMmioState(
                    deviceFeatureSelect, driverFeatureSelect, queueSelect, interruptStatus);
        }
    }

    /** Replaces the transport's state. */
    public void restore(VirtioMmioState state) {
        synchronized (lock) {
            deviceFeatureSelect = state.deviceFeatureSelect();
            driverFeatureSelect = state.driverFeatureSelect();
            queueSelect = state.queueSelect();
            interruptStatus = state.interruptStatus();
            line.set(interruptStatus != 0);
        }
    }
}
