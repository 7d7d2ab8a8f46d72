package io.queztl.devices.irq;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import java.util.ArrayList;
import java.util.List;

/**
 * The I/O APIC with 24 inputs and the EOI register of version 0x20 (Intel 82093AA data sheet; ICH9
 * data sheet, 13.5). A true level on a line means asserted, whatever polarity the guest programs.
 */
public final class IoApic implements BusDevice {
    /** Number of inputs. */
    public static final int INPUTS = 24;

    /** Bytes of the register window. */
    public static final long WINDOW = 0x1000;

    private static final int VERSION = (INPUTS - 1) << 16 | 0x20;
    private static final int REG_SELECT = 0x00;
    private static final int REG_DATA = 0x10;
    private static final int REG_EOI = 0x40;
    private static final int REDIRECTION = 0x10;

    private static final long LOGICAL = 1 << 11;
    private static final long REMOTE_IRR = 1 << 14;
    private static final long LEVEL = 1 << 15;
    private static final long MASKED = 1 << 16;

    /** Writable bits of an entry: all but delivery status and remote IRR. */
    private static final long WRITABLE = 0xff00_0000_0001_afffL;

    private final ApicSystem apics;
    private final Object lock = new Object();
    private final long[] redirection = new long[INPUTS];
    private int lines;
    private int index;
    private int id;

    /**
     * @param apics takes the messages, and tells of the end of level-triggered interrupts
     */
    public IoApic(ApicSystem apics) {
        this.apics = apics;
        java.util.Arrays.fill(redirection, MASKED);
        apics.onEndOfInterrupt(this::endOfInterrupt);
    }

    /** The input with this number, 0–23. */
    public IrqLine line(int input) {
        if (input < 0 || input >= INPUTS) {
            throw new IllegalArgumentException("I/O APIC input " + input);
        }
        return level -> set(input, level);
    }

    private void set(int input, boolean level) {
        int bit = 1 << input;
        synchronized (lock) {
            boolean before = (lines & bit) != 0;
            if (before == level) {
                return;
            }
            if (!level) {
                lines &= ~bit;
                return;
            }
            lines |= bit;
            long entry = redirection[input];
            if ((entry & LEVEL) != 0) {
                serviceLevel(input);
            } else if ((entry & MASKED) == 0) {
                boolean ignored = send(entry, false); // a masked edge is lost (82093AA, 3.2.4)
            }
        }
    }

    private void serviceLevel(int input) {
        long entry = redirection[input];
        if ((entry & (LEVEL | MASKED | REMOTE_IRR)) == LEVEL
                && (lines >>> input & 1) != 0
                && send(entry, true)) {
            redirection[input] |= REMOTE_IRR;
        }
    }

    private boolean send(long entry, boolean level) {
        int mode = (int) (entry >>> 8) & 7;
        boolean holds = level && mode <= DeliveryMode.LOWEST_PRIORITY;
        boolean accepted =
                apics.deliver(
                        (int) (entry >>> 56),
                        (entry & LOGICAL) != 0,
                        mode,
                        (int) entry & 0xff,
                        holds,
                        false);
        return accepted && holds;
    }

    private void endOfInterrupt(int vector) {
        synchronized (lock) {
            for (int input = 0; input < INPUTS; input++) {
                long entry = redirection[input];
                if ((entry & (LEVEL | REMOTE_IRR)) == (LEVEL | REMOTE_IRR)
                        && (entry & 0xff) == vector) {
                    redirection[input] = entry & ~REMOTE_IRR;
                    serviceLevel(input);
                }
            }
        }
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            return switch ((int) offset & ~3) {
                case REG_SELECT -> index >>> ((int) offset & 3) * 8;
                case REG_DATA -> Integer.toUnsignedLong(readData()) >>> ((int) offset & 3) * 8;
                default -> 0;
            };
        }
    }

    private int readData() {
        return switch (index) {
            case 0, 2 -> id << 24;
            case 1 -> VERSION;
            default -> {
                int entry = (index - REDIRECTION) >> 1;
                if (index < REDIRECTION || entry >= INPUTS) {
                    yield 0;
                }
                long value = redirection[entry];
                yield (int) ((index & 1) == 0 ? value : value >>> 32);
            }
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        switch ((int) offset) {
            case REG_SELECT -> {
                synchronized (lock) {
                    index = (int) value & 0xff;
                }
            }
            case REG_DATA -> {
                if (size >= 4) {
                    synchronized (lock) {
                        writeData((int) value);
                    }
                }
            }
            case REG_EOI -> endOfInterrupt((int) value & 0xff);
            default -> {}
        }
    }

    private void writeData(int value) {
        if (index == 0) {
            id = value >>> 24 & 0xf;
            return;
        }
        int input = (index - REDIRECTION) >> 1;
        if (index < REDIRECTION || input >= INPUTS) {
            return;
        }
        long old = redirection[input];
        long word = Integer.toUnsignedLong(value);
        long entry =
                (index & 1) == 0
                        ? old & 0xffff_ffff_0000_0000L | word
                        : old & 0xffff_ffffL | word << 32;
        entry = entry & WRITABLE | old & REMOTE_IRR;
        if ((entry & LEVEL) == 0) {
            entry &= ~REMOTE_IRR; // how software ends an interrupt without the EOI register
        }
        redirection[input] = entry;
        serviceLevel(input);
    }

    /** A copy of the registers. */
    public IoApicState state() {
        synchronized (lock) {
            List<Long> entries = new ArrayList<>(INPUTS);
            for (long entry : redirection) {
                entries.add(entry);
            }
            return new IoApicState(id, index, List.copyOf(entries), lines);
        }
    }

    /** Replaces the registers; to be done after the devices are restored. */
    public void restore(IoApicState state) {
        synchronized (lock) {
            id = state.id();
            index = state.index();
            for (int i = 0; i < INPUTS; i++) {
                redirection[i] = state.redirection().get(i);
            }
            lines = state.lines();
        }
    }
}
