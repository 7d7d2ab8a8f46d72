package io.queztl.devices.pci;

import static io.queztl.devices.pci.PciConfigSpace.BAR0;
import static io.queztl.devices.pci.PciConfigSpace.COMMAND;
import static io.queztl.devices.pci.PciConfigSpace.COMMAND_BUS_MASTER;
import static io.queztl.devices.pci.PciConfigSpace.COMMAND_INTX_OFF;
import static io.queztl.devices.pci.PciConfigSpace.COMMAND_MEMORY;
import static io.queztl.devices.pci.PciConfigSpace.COMMAND_PORTS;
import static io.queztl.devices.pci.PciConfigSpace.STATUS;
import static io.queztl.devices.pci.PciConfigSpace.STATUS_INTX;

import io.queztl.machine.bus.Bus;
import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.irq.MsiSink;
import org.jspecify.annotations.Nullable;

/**
 * One PCI function: what a device model has, rather than is, to be on the PCI bus. It keeps the
 * configuration space, puts the regions behind base address registers on the machine's buses while
 * the command register says so, and raises interrupts by MSI-X or by pin.
 *
 * <p>Lock order: the model, this, the buses or interrupt controllers. Regions are called without
 * the lock.
 */
public final class PciDevice {
    private static final int BARS = 6;

    /** The highest guest-physical address a BAR may decode. */
    private static final long ADDRESS_LIMIT = 1L << 52;

    /** A BAR's region as the bus sees it: a distinct object, so that it can be taken off alone. */
    private static final class Window implements BusDevice {
        private final BarKind kind;
        private final long size;
        private final BusDevice region;
        private long mappedAt = -1;

        Window(BarKind kind, long size, BusDevice region) {
            this.kind = kind;
            this.size = size;
            this.region = region;
        }

        @Override
        public long read(long offset, int size) {
            return region.read(offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            region.write(offset, size, value);
        }
    }

    private final PciConfigSpace config;
    private final Bus mmio;
    private final Bus ports;
    private final MsiSink messages;
    private final IrqLine pin;
    private final Object lock = new Object();
    private final @Nullable Window[] windows = new @Nullable Window[BARS];
    private @Nullable Msix msix;
    private int msixCapability;
    private boolean intx;
    private @Nullable BusDevice hook;
    private int hookOffset;
    private int hookBytes;

    /**
     * @param config the header, to which BARs and capabilities are added here
     * @param mmio where memory regions appear
     * @param ports where port regions appear
     * @param messages takes MSI-X interrupts
     * @param pin the wire of INTA#, or {@link IrqLine#NONE}
     */
    public PciDevice(PciConfigSpace config, Bus mmio, Bus ports, MsiSink messages, IrqLine pin) {
        this.config = config;
        this.mmio = mmio;
        this.ports = ports;
        this.messages = messages;
        this.pin = pin;
        if (pin != IrqLine.NONE) {
            config.set(PciConfigSpace.INTERRUPT_PIN, 1, 1);
        }
    }

    // ---- building

    /**
     * Adds a region.
     *
     * @param index 0–5; a 64-bit region takes the next one too
     * @param size bytes, a power of two, at least 4 ports or 16 bytes
     * @throws IllegalArgumentException for another size or a register that is taken
     */
    public void addBar(int index, BarKind kind, long size, BusDevice region) {
        int last = kind == BarKind.MEMORY_64 ? index + 1 : index;
        if (index < 0 || last >= BARS || taken(index) || taken(last)) {
            throw new IllegalArgumentException("BAR " + index);
        }
        if (Long.bitCount(size) != 1
                || size < (kind == BarKind.PORTS ? 4 : 16)
                || size > (kind == BarKind.MEMORY_64 ? 1L << 40 : 1L << 31)) {
            throw new IllegalArgumentException("BAR of " + size + " bytes");
        }
        int at = BAR0 + index * 4;
        long mask = -size;
        switch (kind) {
            case PORTS -> {
                config.set(at, 4, 1);
                config.writable(at, 4, (int) mask & 0xffff_fffc);
            }
            case MEMORY_32 -> {
                config.set(at, 4, 0);
                config.writable(at, 4, (int) mask & 0xffff_fff0);
            }
            case MEMORY_64 -> {
                config.set(at, 4, 0xc);
                config.writable(at, 4, (int) mask & 0xffff_fff0);
                config.writable(at + 4, 4, (int) (mask >>> 32));
            }
        }
        windows[index] = new Window(kind, size, region);
    }

    private boolean taken(int index) {
        if (windows[index] != null) {
            return true;
        }
        Window before = index > 0 ? windows[index - 1] : null;
        return before != null && before.kind == BarKind.MEMORY_64;
    }

    /**
     * Adds the MSI-X capability with its table in a BAR of its own.
     *
     * @param vectors 1–2048
     * @param bar the index of a free 32-bit BAR
     */
    public Msix addMsix(int vectors, int bar) {
        Msix added = new Msix(vectors, messages);
        addBar(bar, BarKind.MEMORY_32, added.window(), added);
        int at = config.addCapability(Msix.CAPABILITY, Msix.CAPABILITY_LENGTH);
        config.set(at + 2, 2, vectors - 1);
        config.writable(at + 2, 2, Msix.CONTROL_WRITABLE);
        config.set(at + 4, 4, bar);
        config.set(at + 8, 4, added.pendingOffset() | bar);
        msix = added;
        msixCapability = at;
        return added;
    }

    /**
     * Lets a model answer accesses to a field of configuration space itself; there is one such
     * field at most. The model is called without the lock.
     *
     * @param offset first byte of the field
     * @param bytes its length
     */
    public void hook(int offset, int bytes, BusDevice model) {
        hook = model;
        hookOffset = offset;
        hookBytes = bytes;
    }

    private @Nullable BusDevice hook(int offset, int size) {
        boolean inside = offset >= hookOffset && offset + size <= hookOffset + hookBytes;
        return inside ? hook : null;
    }

    /** The size of a BAR's region, or 0 if the register is not the first of a region. */
    public long barSize(int index) {
        Window w = windows[index];
        return w == null ? 0 : w.size;
    }

    /** What a BAR maps, or null if the register is not the first of a region. */
    public @Nullable BarKind barKind(int index) {
        Window w = windows[index];
        return w == null ? null : w.kind;
    }

    // ---- for the model

    /** True while the guest allows the device to reach memory. */
    public boolean busMaster() {
        synchronized (lock) {
            return (config.get(COMMAND, 2) & COMMAND_BUS_MASTER) != 0;
        }
    }

    /** Asserts or releases INTA#, which MSI-X and the command register keep from the wire. */
    public void intx(boolean level) {
        synchronized (lock) {
            intx = level;
            updatePin();
        }
    }

    private void updatePin() {
        int status = config.get(STATUS, 2) & ~STATUS_INTX;
        config.set(STATUS, 2, intx ? status | STATUS_INTX : status);
        Msix m = msix;
        boolean off = (config.get(COMMAND, 2) & COMMAND_INTX_OFF) != 0 || m != null && m.enabled();
        pin.set(intx && !off);
    }

    // ---- for the bridge

    /** Reads configuration space. */
    public long readConfig(int offset, int size) {
        BusDevice hooked = hook(offset, size);
        if (hooked != null) {
            return hooked.read(offset - hookOffset, size);
        }
        synchronized (lock) {
            return size == 8
                    ? Integer.toUnsignedLong(config.get(offset, 4))
                            | (long) config.get(offset + 4, 4) << 32
                    : Integer.toUnsignedLong(config.get(offset, size));
        }
    }

    /**
     * Writes configuration space.
     *
     * @return true if a region was moved, so that one of another device may now find room
     */
    public boolean writeConfig(int offset, int size, long value) {
        if (size == 8) {
            boolean low = writeConfig(offset, 4, value & 0xffff_ffffL);
            return writeConfig(offset + 4, 4, value >>> 32) | low;
        }
        BusDevice hooked = hook(offset, size);
        if (hooked != null) {
            hooked.write(offset - hookOffset, size, value);
            return false;
        }
        int last = offset + size - 1;
        synchronized (lock) {
            config.write(offset, size, (int) value);
            boolean command = offset < COMMAND + 2 && last >= COMMAND;
            boolean bars = offset < BAR0 + BARS * 4 && last >= BAR0;
            Msix m = msix;
            if (m != null && offset < msixCapability + 4 && last >= msixCapability + 2) {
                m.control(config.get(msixCapability + 2, 2));
                updatePin();
            }
            if (command) {
                updatePin();
            }
            return (command || bars) && map();
        }
    }

    /** Tries again to map regions that found no room. */
    void retry() {
        synchronized (lock) {
            boolean ignored = map();
        }
    }

    /** Sets the address of a BAR as firmware does. */
    public void assign(int index, long address) {
        boolean ignored = writeConfig(BAR0 + index * 4, 4, address & 0xffff_ffffL);
        if (barKind(index) == BarKind.MEMORY_64) {
            ignored = writeConfig(BAR0 + index * 4 + 4, 4, address >>> 32);
        }
    }

    private boolean map() {
        boolean moved = false;
        for (int i = 0; i < BARS; i++) {
            Window w = windows[i];
            if (w == null) {
                continue;
            }
            long wanted = address(i, w);
            if (wanted == w.mappedAt) {
                continue;
            }
            Bus bus = w.kind == BarKind.PORTS ? ports : mmio;
            if (w.mappedAt >= 0) {
                bus.remove(w);
                w.mappedAt = -1;
                moved = true;
            }
            if (wanted >= 0) {
                try {
                    bus.add(wanted, w.size, w);
                    w.mappedAt = wanted;
                } catch (IllegalArgumentException e) {
                    // The guest put it over something else: it stays unmapped until that moves.
                    w.mappedAt = -1;
                }
            }
        }
        return moved;
    }

    /** Where a region should be now, or -1. */
    private long address(int index, Window w) {
        int command = config.get(COMMAND, 2);
        boolean decoded =
                (command & (w.kind == BarKind.PORTS ? COMMAND_PORTS : COMMAND_MEMORY)) != 0;
        if (!decoded) {
            return -1;
        }
        int at = BAR0 + index * 4;
        long low = Integer.toUnsignedLong(config.get(at, 4));
        long address;
        long limit;
        switch (w.kind) {
            case PORTS -> {
                address = low & ~3;
                limit = 0x10000;
            }
            case MEMORY_32 -> {
                address = low & ~0xf;
                limit = 1L << 32;
            }
            default -> {
                address = low & ~0xf | (long) config.get(at + 4, 4) << 32;
                limit = ADDRESS_LIMIT;
            }
        }
        return address > 0 && address <= limit - w.size ? address : -1;
    }

    // ---- snapshot

    /** A copy of the configuration space and the interrupt state. */
    public PciDeviceState state() {
        synchronized (lock) {
            Msix m = msix;
            return new PciDeviceState(config.state(), intx, m == null ? null : m.state());
        }
    }

    /** Replaces the configuration space and the interrupt state, and maps the regions. */
    public void restore(PciDeviceState state) {
        synchronized (lock) {
            config.restore(state.config());
            intx = state.intx();
            Msix m = msix;
            MsixState table = state.msix();
            if (m != null && table != null) {
                m.restore(table, config.get(msixCapability + 2, 2));
            }
            updatePin();
            boolean ignored = map();
        }
    }
}
