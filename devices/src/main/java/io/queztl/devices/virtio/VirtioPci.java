package io.queztl.devices.virtio;

import io.queztl.devices.pci.BarKind;
import io.queztl.devices.pci.Msix;
import io.queztl.devices.pci.PciConfigSpace;
import io.queztl.devices.pci.PciDevice;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.irq.MsiSink;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A VirtIO device on the PCI bus, without the legacy interface (VirtIO 1.2, 4.1). MSI-X has a
 * vector for each queue and one for configuration changes; without MSI-X there is INTA#. The
 * regions are pages of one BAR:
 *
 * <p>The lock is taken before that of {@link PciDevice}.
 *
 * <pre>
 * BAR 4  0x0000 common configuration   0x1000 ISR
 *        0x2000 device configuration   0x3000 notifications, 4 bytes a queue
 * BAR 1  MSI-X
 * </pre>
 */
public final class VirtioPci implements BusDevice {
    /** Vendor id. */
    public static final int VENDOR = 0x1af4;

    private static final int FIRST_DEVICE = 0x1040;
    private static final int SUBSYSTEM = 0x1100;

    private static final int BAR = 4;
    private static final int MSIX_BAR = 1;
    private static final int PAGE = 0x1000;
    private static final int BAR_BYTES = 4 * PAGE;
    private static final int COMMON = 0;
    private static final int ISR = 1;
    private static final int DEVICE = 2;
    private static final int NOTIFY = 3;
    private static final int NOTIFY_MULTIPLIER = 4;

    private static final int VENDOR_CAPABILITY = 0x09;
    private static final int CAPABILITY_LENGTH = 16;
    private static final int CFG_COMMON = 1;
    private static final int CFG_NOTIFY = 2;
    private static final int CFG_ISR = 3;
    private static final int CFG_DEVICE = 4;
    private static final int CFG_PCI = 5;

    private static final int ISR_QUEUE = 1;
    private static final int ISR_CONFIG = 2;
    private static final int NO_VECTOR = 0xffff;

    private final VirtioDevice device;
    private final PciDevice pci;
    private final Msix msix;
    private final int pciWindow;
    private final Object lock = new Object();
    private final int[] queueVectors;
    private int configVector = NO_VECTOR;
    private int deviceFeatureSelect;
    private int driverFeatureSelect;
    private int queueSelect;
    private int isr;

    /**
     * @param device what is behind it; it must not be on another bus
     * @param classCode PCI class, 24 bits
     * @param mmio where its memory appears
     * @param ports the I/O ports, of which it has none
     * @param messages takes MSI-X interrupts
     * @param pin the wire of INTA#
     */
    public VirtioPci(
            VirtioDevice device,
            int classCode,
            Bus mmio,
            Bus ports,
            MsiSink messages,
            IrqLine pin) {
        this.device = device;
        PciConfigSpace config =
                new PciConfigSpace(VENDOR, FIRST_DEVICE + device.deviceId(), classCode, 1);
        config.subsystem(VENDOR, SUBSYSTEM);
        pci = new PciDevice(config, mmio, ports, messages, pin);
        pci.addBar(BAR, BarKind.MEMORY_64, BAR_BYTES, this);
        msix = pci.addMsix(device.queueCount() + 1, MSIX_BAR);
        queueVectors = new int[device.queueCount()];
        Arrays.fill(queueVectors, NO_VECTOR);
        addCapability(config, CFG_COMMON, CAPABILITY_LENGTH, COMMON, 64);
        addCapability(config, CFG_ISR, CAPABILITY_LENGTH, ISR, 1);
        addCapability(config, CFG_DEVICE, CAPABILITY_LENGTH, DEVICE, PAGE);
        int notify = addCapability(config, CFG_NOTIFY, CAPABILITY_LENGTH + 4, NOTIFY, PAGE);
        config.set(notify + 16, 4, NOTIFY_MULTIPLIER);
        pciWindow = addCapability(config, CFG_PCI, CAPABILITY_LENGTH + 4, 0, 0);
        config.writable(pciWindow + 4, 1, 0xff); // bar
        config.writable(pciWindow + 8, 4, -1); // offset
        config.writable(pciWindow + 12, 4, -1); // length
        pci.hook(pciWindow + 16, 4, new ConfigWindow());
        device.attach(new Interrupts());
    }

    private static int addCapability(
            PciConfigSpace config, int type, int length, int page, int bytes) {
        int at = config.addCapability(VENDOR_CAPABILITY, length);
        config.set(at + 2, 1, length);
        config.set(at + 3, 1, type);
        config.set(at + 4, 1, BAR);
        config.set(at + 8, 4, page * PAGE);
        config.set(at + 12, 4, bytes);
        return at;
    }

    /** The function to plug into the bus. */
    public PciDevice pci() {
        return pci;
    }

    /** The device behind it. */
    public VirtioDevice device() {
        return device;
    }

    // ---- BAR

    @Override
    public long read(long offset, int size) {
        int at = (int) offset & PAGE - 1;
        return switch ((int) offset >>> 12) {
            case COMMON -> readCommon(at, size);
            case ISR -> at == 0 ? takeIsr() : 0;
            case DEVICE -> device.readConfig(at, size);
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        int at = (int) offset & PAGE - 1;
        switch ((int) offset >>> 12) {
            case COMMON -> {
                if (size == 8) {
                    writeCommon(at, 4, value & 0xffff_ffffL);
                    writeCommon(at + 4, 4, value >>> 32);
                } else {
                    writeCommon(at, size, value);
                }
            }
            case DEVICE -> device.writeConfig(at, size, value);
            case NOTIFY -> device.notifyQueue(at / NOTIFY_MULTIPLIER);
            default -> {}
        }
    }

    private long takeIsr() {
        int value;
        synchronized (lock) {
            value = isr;
            if (value != 0) {
                isr = 0;
                pci.intx(false);
            }
        }
        return value;
    }

    private long readCommon(int at, int size) {
        if (size == 8) {
            return readCommon(at, 4) & 0xffff_ffffL | readCommon(at + 4, 4) << 32;
        }
        int register = at & ~3;
        return readWord(register) >>> (at & 3) * 8;
    }

    /** The registers as 32-bit words (4.1.4.3), so that any aligned access has its answer. */
    private long readWord(int register) {
        int select;
        synchronized (lock) {
            select = queueSelect;
        }
        VirtqueueState q = device.queue(select);
        long word =
                switch (register) {
                    case 0 -> deviceFeatureSelect();
                    case 4 -> {
                        int word32 = deviceFeatureSelect();
                        yield word32 == 0 || word32 == 1 ? device.offered() >>> word32 * 32 : 0;
                    }
                    case 8 -> driverFeatureSelect();
                    case 12 -> device.driverFeatures(driverFeatureSelect());
                    case 16 -> vector(-1) | (long) device.queueCount() << 16;
                    case 20 ->
                            device.status() | device.configGeneration() << 8 | (long) select << 16;
                    case 24 -> (q == null ? 0 : q.size()) | (long) vector(select) << 16;
                    case 28 -> (q != null && q.enabled() ? 1 : 0) | (long) select << 16;
                    case 32 -> q == null ? 0 : q.descriptors();
                    case 36 -> q == null ? 0 : q.descriptors() >>> 32;
                    case 40 -> q == null ? 0 : q.driver();
                    case 44 -> q == null ? 0 : q.driver() >>> 32;
                    case 48 -> q == null ? 0 : q.device();
                    case 52 -> q == null ? 0 : q.device() >>> 32;
                    case 56 -> select | (device.queueResetting(select) ? 1L << 16 : 0);
                    default -> 0;
                };
        return word & 0xffff_ffffL;
    }

    private int deviceFeatureSelect() {
        synchronized (lock) {
            return deviceFeatureSelect;
        }
    }

    private int driverFeatureSelect() {
        synchronized (lock) {
            return driverFeatureSelect;
        }
    }

    /** The vector of a queue, or of configuration changes for -1. */
    private int vector(int queue) {
        synchronized (lock) {
            if (queue < 0) {
                return configVector;
            }
            return queue < queueVectors.length ? queueVectors[queue] : NO_VECTOR;
        }
    }

    private void writeCommon(int at, int size, long value) {
        int select;
        int features;
        synchronized (lock) {
            select = queueSelect;
            features = driverFeatureSelect;
            switch (at) {
                case 0 -> deviceFeatureSelect = (int) value;
                case 8 -> driverFeatureSelect = (int) value;
                case 16 -> configVector = validVector(value);
                case 22 -> queueSelect = (int) value & 0xffff;
                case 26 -> {
                    if (select < queueVectors.length) {
                        queueVectors[select] = validVector(value);
                    }
                }
                default -> {}
            }
        }
        VirtqueueState q = device.queue(select);
        switch (at) {
            case 12 -> device.driverFeatures(features, (int) value);
            case 20 -> device.status((int) value & 0xff);
            case 24 -> device.queueSize(select, (int) value & 0xffff);
            case 28 -> {
                if ((value & 0xffff) == 1) {
                    device.enableQueue(select);
                }
            }
            case 32, 36, 40, 44, 48, 52 -> {
                if (q != null && size == 4) {
                    device.queueAddresses(
                            select,
                            at < 40 ? half(q.descriptors(), at, value) : q.descriptors(),
                            at >= 40 && at < 48 ? half(q.driver(), at, value) : q.driver(),
                            at >= 48 ? half(q.device(), at, value) : q.device());
                }
            }
            case 58 -> {
                if ((value & 0xffff) == 1) {
                    device.resetQueue(select);
                }
            }
            default -> {}
        }
    }

    static long half(long old, int at, long value) {
        return (at & 4) == 0
                ? old & ~0xffff_ffffL | value & 0xffff_ffffL
                : old & 0xffff_ffffL | value << 32;
    }

    private int validVector(long value) {
        int vector = (int) value & 0xffff;
        return vector < msix.vectors() ? vector : NO_VECTOR;
    }

    // ---- access to the BAR through configuration space (4.1.4.9)

    private final class ConfigWindow implements BusDevice {
        @Override
        public long read(long offset, int size) {
            long at = target(size);
            return at < 0 ? -1 : VirtioPci.this.read(at, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            long at = target(size);
            if (at >= 0) {
                VirtioPci.this.write(at, size, value);
            }
        }

        private long target(int size) {
            long bar = pci.readConfig(pciWindow + 4, 1);
            long offset = pci.readConfig(pciWindow + 8, 4) & 0xffff_ffffL;
            long length = pci.readConfig(pciWindow + 12, 4) & 0xffff_ffffL;
            boolean valid =
                    bar == BAR
                            && length == size
                            && (offset & size - 1) == 0
                            && offset <= BAR_BYTES - size;
            return valid ? offset : -1;
        }
    }

    // ---- interrupts

    private final class Interrupts implements VirtioTransport {
        @Override
        public void queueInterrupt(int queue) {
            raise(vector(queue), ISR_QUEUE);
        }

        @Override
        public void configInterrupt() {
            raise(vector(-1), ISR_CONFIG);
        }

        private void raise(int vector, int cause) {
            if (msix.enabled()) {
                if (vector != NO_VECTOR) {
                    msix.raise(vector);
                }
                return;
            }
            synchronized (lock) {
                isr |= cause;
                pci.intx(true);
            }
        }

        @Override
        public boolean memoryAccess() {
            return pci.busMaster();
        }

        @Override
        public void deviceReset() {
            synchronized (lock) {
                Arrays.fill(queueVectors, NO_VECTOR);
                configVector = NO_VECTOR;
                isr = 0;
                pci.intx(false);
            }
        }
    }

    // ---- snapshot

    /** A copy of the transport's state; the device's own is saved apart. */
    public VirtioPciState state() {
        List<Integer> vectors = new ArrayList<>();
        synchronized (lock) {
            for (int v : queueVectors) {
                vectors.add(v);
            }
            return new VirtioPciState(
                    pci.state(),
                    deviceFeatureSelect,
                    driverFeatureSelect,
                    queueSelect,
                    configVector,
                    List.copyOf(vectors),
                    isr);
        }
    }

    /** Replaces the transport's state. */
    public void restore(VirtioPciState state) {
        synchronized (lock) {
            deviceFeatureSelect = state.deviceFeatureSelect();
            driverFeatureSelect = state.driverFeatureSelect();
            queueSelect = state.queueSelect();
            configVector = state.configVector();
            for (int i = 0; i < queueVectors.length; i++) {
                queueVectors[i] = state.queueVectors().get(i);
            }
            isr = state.isr();
        }
        pci.restore(state.pci());
    }
}
