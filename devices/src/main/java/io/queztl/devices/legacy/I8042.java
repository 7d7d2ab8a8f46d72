package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The keyboard controller of a PC, enough for an operating system to probe it and to reset the
 * machine through it: {@link #data()} at port 0x60 and {@link #command()} at 0x64. There is no
 * auxiliary device; the keyboard is optional and answers commands but has no keys.
 */
public final class I8042 {
    private static final int STATUS_OUTPUT = 0x01;
    private static final int STATUS_COMMAND = 0x08;
    private static final int STATUS_UNLOCKED = 0x10;
    private static final int STATUS_AUX = 0x20;
    private static final int STATUS_TIMEOUT = 0x40;

    private static final int CONFIG_INTERRUPT = 0x01;
    private static final int CONFIG_SYSTEM = 0x04;
    private static final int CONFIG_KEYBOARD_OFF = 0x10;

    /** As firmware leaves it: interrupt on, self test passed, auxiliary port off, translation. */
    private static final int CONFIG_DEFAULT = 0x65;

    private static final int OUTPUT_PORT_DEFAULT = 0xcf;
    private static final int QUEUE = 16;

    private static final int KEYBOARD_ACK = 0xfa;
    private static final int KEYBOARD_RESEND = 0xfe;

    private final IrqLine line;
    private final boolean keyboard;
    private final Runnable reset;
    private final Object lock = new Object();
    private final int[] ram = new int[32];
    private final ArrayDeque<Integer> output = new ArrayDeque<>(QUEUE);
    private int outputPort = OUTPUT_PORT_DEFAULT;
    private boolean commandLast;
    private int expecting = -1;
    private int keyboardExpecting = -1;
    private int scanCodeSet = 2;

    /**
     * @param line ISA interrupt 1
     * @param keyboard whether a keyboard is plugged in
     * @param reset resets the machine; called without a lock held
     */
    public I8042(IrqLine line, boolean keyboard, Runnable reset) {
        this.line = line;
        this.keyboard = keyboard;
        this.reset = reset;
        ram[0] = CONFIG_DEFAULT;
    }

    /** Port 0x60. */
    public BusDevice data() {
        return new DataPort();
    }

    /** Port 0x64. */
    public BusDevice command() {
        return new CommandPort();
    }

    private final class DataPort implements BusDevice {
        @Override
        public long read(long offset, int size) {
            synchronized (lock) {
                Integer head = output.poll();
                line.set(false);
                update();
                return head == null ? 0 : head & 0xff;
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            boolean resets;
            synchronized (lock) {
                commandLast = false;
                resets = writeData((int) value & 0xff);
                update();
            }
            if (resets) {
                reset.run();
            }
        }
    }

    private final class CommandPort implements BusDevice {
        @Override
        public long read(long offset, int size) {
            synchronized (lock) {
                Integer head = output.peek();
                return (head == null ? 0 : STATUS_OUTPUT | head >>> 8)
                        | (ram[0] & CONFIG_SYSTEM) // the system flag has the same bit in both
                        | (commandLast ? STATUS_COMMAND : 0)
                        | STATUS_UNLOCKED;
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            boolean resets;
            synchronized (lock) {
                commandLast = true;
                resets = writeCommand((int) value & 0xff);
                update();
            }
            if (resets) {
                reset.run();
            }
        }
    }

    private boolean writeCommand(int command) {
        expecting = -1;
        if (command >= 0x20 && command < 0x40) {
            answer(ram[command & 0x1f], 0);
        } else if (command >= 0x60 && command < 0x80) {
            expecting = command;
        } else if (command >= 0xf0) {
            return (command & 1) == 0; // pulses the lines whose bit is 0; line 0 is reset
        } else {
            switch (command) {
                case 0xa7 -> ram[0] |= 0x20;
                case 0xa8 -> ram[0] &= ~0x20;
                case 0xa9 -> answer(0x01, 0); // clock line stuck: nothing there
                case 0xaa -> {
                    ram[0] |= CONFIG_SYSTEM;
                    answer(0x55, 0);
                }
                case 0xab -> answer(0x00, 0);
                case 0xad -> ram[0] |= CONFIG_KEYBOARD_OFF;
                case 0xae -> ram[0] &= ~CONFIG_KEYBOARD_OFF;
                case 0xc0 -> answer(0x80, 0);
                case 0xd0 -> answer(outputPort, 0);
                case 0xd1, 0xd2, 0xd3, 0xd4 -> expecting = command;
                default -> {}
            }
        }
        return false;
    }

    private boolean writeData(int value) {
        int command = expecting;
        expecting = -1;
        if (command >= 0x60 && command < 0x80) {
            ram[command & 0x1f] = value;
            return false;
        }
        switch (command) {
            case 0xd1 -> {
                outputPort = value;
                return (value & 1) == 0;
            }
            case 0xd2 -> answer(value, 0);
            // The loop of an absent auxiliary port does not give the byte back.
            case 0xd3 -> answer(0x00, STATUS_AUX);
            case 0xd4 -> answer(KEYBOARD_RESEND, STATUS_AUX | STATUS_TIMEOUT);
            default -> toKeyboard(value);
        }
        return false;
    }

    private void toKeyboard(int value) {
        ram[0] &= ~CONFIG_KEYBOARD_OFF;
        if (!keyboard) {
            answer(KEYBOARD_RESEND, STATUS_TIMEOUT);
            return;
        }
        if (keyboardExpecting >= 0) {
            int command = keyboardExpecting;
            keyboardExpecting = -1;
            answer(KEYBOARD_ACK, 0);
            if (command == 0xf0) {
                if (value == 0) {
                    answer(scanCodeSet, 0);
                } else if (value <= 3) {
                    scanCodeSet = value;
                }
            }
            return;
        }
        switch (value) {
            case 0xed, 0xf0, 0xf3 -> {
                answer(KEYBOARD_ACK, 0);
                keyboardExpecting = value;
            }
            case 0xee -> answer(0xee, 0);
            case 0xf2 -> {
                answer(KEYBOARD_ACK, 0);
                answer(0xab, 0);
                answer(0x83, 0);
            }
            case 0xf4, 0xf5, 0xf6 -> answer(KEYBOARD_ACK, 0);
            case 0xff -> {
                scanCodeSet = 2;
                answer(KEYBOARD_ACK, 0);
                answer(0xaa, 0);
            }
            default -> answer(KEYBOARD_RESEND, 0);
        }
    }

    private void answer(int value, int status) {
        if (output.size() < QUEUE) {
            output.add(value & 0xff | status << 8);
        }
    }

    private void update() {
        Integer head = output.peek();
        boolean aux = head != null && (head >>> 8 & STATUS_AUX) != 0;
        line.set(head != null && !aux && (ram[0] & CONFIG_INTERRUPT) != 0);
    }

    /** A copy of the registers. */
    public I8042State state() {
        synchronized (lock) {
            List<Integer> bytes = new ArrayList<>(ram.length);
            for (int b : ram) {
                bytes.add(b);
            }
            return new I8042State(
                    List.copyOf(bytes),
                    outputPort,
                    commandLast,
                    expecting,
                    List.copyOf(output),
                    keyboardExpecting,
                    scanCodeSet);
        }
    }

    /** Replaces the registers. */
    public void restore(I8042State state) {
        synchronized (lock) {
            for (int i = 0; i < ram.length; i++) {
                ram[i] = state.ram().get(i);
            }
            outputPort = state.outputPort();
            commandLast = state.commandLast();
            expecting = state.expecting();
            output.clear();
            output.addAll(state.output());
            keyboardExpecting = state.keyboardExpecting();
            scanCodeSet = state.scanCodeSet();
            update();
        }
    }
}
