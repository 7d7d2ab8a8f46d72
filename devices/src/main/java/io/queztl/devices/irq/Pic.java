package io.queztl.devices.irq;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;

/**
 * The two cascaded 8259A interrupt controllers of a PC with the edge/level control registers of the
 * PIIX. It is on the port bus three times: {@link #master()} and {@link #slave()} with two ports
 * each (0x20, 0xa0) and {@link #edgeLevel()} with two (0x4d0).
 */
public final class Pic implements ExternalInterrupts {
    private static final int CASCADE = 2;

    private final Runnable outputChanged;
    private final Object lock = new Object();
    private final PicChip master = new PicChip(true);
    private final PicChip slave = new PicChip(false);
    private volatile boolean output;

    /**
     * @param outputChanged told, without a lock of this device held, when INTR has changed
     */
    public Pic(Runnable outputChanged) {
        this.outputChanged = outputChanged;
    }

    /** The input of an ISA interrupt 0–15; 2 is the cascade and leads nowhere. */
    public IrqLine line(int irq) {
        if (irq < 0 || irq > 15) {
            throw new IllegalArgumentException("ISA interrupt " + irq);
        }
        if (irq == CASCADE) {
            return IrqLine.NONE;
        }
        PicChip chip = irq < 8 ? master : slave;
        return level -> {
            boolean changed;
            synchronized (lock) {
                chip.input(irq & 7, level);
                changed = update();
            }
            signal(changed);
        };
    }

    private boolean update() {
        master.cascade(slave.request() >= 0);
        boolean now = master.request() >= 0;
        if (now == output) {
            return false;
        }
        output = now;
        return true;
    }

    private void signal(boolean changed) {
        if (changed) {
            outputChanged.run();
        }
    }

    @Override
    public boolean pending() {
        return output;
    }

    @Override
    public int acknowledge() {
        int vector;
        boolean changed;
        synchronized (lock) {
            int pin = master.request();
            if (pin < 0) {
                vector = master.vector(7); // spurious: the request went away before INTA
            } else {
                master.acknowledge(pin);
                vector = pin == CASCADE ? acknowledgeSlave() : master.vector(pin);
            }
            changed = update();
        }
        signal(changed);
        return vector;
    }

    private int acknowledgeSlave() {
        int pin = slave.request();
        if (pin < 0) {
            return slave.vector(7);
        }
        slave.acknowledge(pin);
        return slave.vector(pin);
    }

    /** Ports 0x20 and 0x21. */
    public BusDevice master() {
        return new ChipPorts(master);
    }

    /** Ports 0xa0 and 0xa1. */
    public BusDevice slave() {
        return new ChipPorts(slave);
    }

    /** Ports 0x4d0 and 0x4d1. */
    public BusDevice edgeLevel() {
        return new EdgeLevelPorts();
    }

    private final class ChipPorts implements BusDevice {
        private final PicChip chip;

        ChipPorts(PicChip chip) {
            this.chip = chip;
        }

        @Override
        public long read(long offset, int size) {
            int value;
            boolean changed;
            synchronized (lock) {
                value = chip.read((int) offset & 1);
                changed = update();
            }
            signal(changed);
            return size == 1 ? value : value | -1L << 8;
        }

        @Override
        public void write(long offset, int size, long value) {
            boolean changed;
            synchronized (lock) {
                chip.write((int) offset & 1, (int) value & 0xff);
                if (size > 1 && (offset & 1) == 0) {
                    chip.write(1, (int) value >>> 8 & 0xff);
                }
                changed = update();
            }
            signal(changed);
        }
    }

    private final class EdgeLevelPorts implements BusDevice {
        @Override
        public long read(long offset, int size) {
            synchronized (lock) {
                int both = master.elcr() | slave.elcr() << 8;
                return both >>> ((int) offset & 1) * 8 | (size > 2 ? -1L << 16 : 0);
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            boolean changed;
            synchronized (lock) {
                if ((offset & 1) == 0) {
                    master.elcr((int) value & 0xff);
                    if (size > 1) {
                        slave.elcr((int) value >>> 8 & 0xff);
                    }
                } else {
                    slave.elcr((int) value & 0xff);
                }
                changed = update();
            }
            signal(changed);
        }
    }

    /** A copy of the registers. */
    public PicState state() {
        synchronized (lock) {
            return new PicState(master.state(), slave.state());
        }
    }

    /** Replaces the registers; to be done after the devices are restored. */
    public void restore(PicState state) {
        synchronized (lock) {
            master.restore(state.master());
            slave.restore(state.slave());
            boolean ignored = update();
        }
        outputChanged.run();
    }
}
