package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.time.Timers;

/**
 * A 16550A UART with 16-byte FIFOs (National Semiconductor PC16550D data sheet), eight ports. The
 * transmitter takes a byte in no time, except that it stays busy while the host side is full; the
 * receiver gets its next byte as soon as it has room, once the guest has raised DTR or enabled
 * receive interrupts: what arrives earlier waits rather than being lost to the guest's probing.
 */
public final class Serial implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 8;

    /** Bytes that may wait on the host's side for the guest to read. */
    public static final int INPUT_CAPACITY = 4096;

    private static final int FIFO = 16;
    private static final int CLOCK_HZ = 1_843_200;

    private static final int IER_RECEIVED = 1;
    private static final int IER_TRANSMITTER = 2;
    private static final int IER_LINE = 4;
    private static final int IER_MODEM = 8;

    private static final int IIR_NONE = 0x01;
    private static final int IIR_MODEM = 0x00;
    private static final int IIR_TRANSMITTER = 0x02;
    private static final int IIR_RECEIVED = 0x04;
    private static final int IIR_LINE = 0x06;
    private static final int IIR_TIMEOUT = 0x0c;
    private static final int IIR_FIFO = 0xc0;

    private static final int FCR_ENABLE = 1;
    private static final int FCR_CLEAR_RECEIVER = 2;
    private static final int FCR_TRIGGER = 0xc0;

    private static final int LCR_BREAK = 0x40;
    private static final int LCR_DIVISOR = 0x80;

    private static final int MCR_DTR = 0x01;
    private static final int MCR_OUT2 = 0x08;
    private static final int MCR_LOOP = 0x10;

    private static final int LSR_DATA = 0x01;
    private static final int LSR_OVERRUN = 0x02;
    private static final int LSR_BREAK = 0x10;
    private static final int LSR_ERRORS = 0x1e;
    private static final int LSR_TRANSMITTER_IDLE = 0x60;

    /** CTS, DSR and DCD: the other end is there and ready. */
    private static final int MSR_CONNECTED = 0xb0;

    private final IrqLine line;
    private final OutputBuffer output;
    private final Timers timers;
    private final Timers.Timer timeoutTimer;
    private final Object lock = new Object();

    private final ByteQueue fifo = new ByteQueue(FIFO);
    private volatile boolean eager;
    private final ByteQueue input = new ByteQueue(INPUT_CAPACITY);
    private int divisor = 12;
    private int interruptEnable;
    private int fifoControl;
    private int lineControl;
    private int modemControl;
    private int lineStatus;
    private int modemStatus = MSR_CONNECTED;
    private int scratch;
    private boolean transmitterEmpty;
    private boolean timeout;
    private long timeoutAt;

    /**
     * @param line the interrupt
     * @param output takes what the guest sends; made for this device alone
     * @param timers time the receive timeout
     */
    public Serial(IrqLine line, OutputBuffer output, Timers timers) {
        this.line = line;
        this.output = output;
        this.timers = timers;
        timeoutTimer = timers.timer(this::timeoutExpired);
        output.onDrained(this::outputDrained);
    }

    // ---- host side

    /**
     * Offers bytes to the guest.
     *
     * @return how many were taken, from the first on; the rest has no room now
     */
    public int receive(byte[] bytes, int start, int length) {
        synchronized (lock) {
            int taken = Math.min(length, input.room());
            for (int i = 0; i < taken; i++) {
                input.put(bytes[start + i]);
            }
            refill();
            update();
            return taken;
        }
    }

    /** Offers bytes to the guest and tells how many were taken. */
    public int receive(byte[] bytes) {
        return receive(bytes, 0, bytes.length);
    }

    /** Receives whatever the guest has raised: firmware polls without a word. */
    public void receiveAlways() {
        eager = true;
    }

    /**
     * Waits until {@link #receive} can take a byte.
     *
     * @return false if it still cannot after {@code millis} milliseconds
     */
    public boolean awaitRoom(long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        synchronized (lock) {
            while (input.room() == 0) {
                long left = (end - System.nanoTime() + 999_999) / 1_000_000;
                if (left <= 0) {
                    return false;
                }
                lock.wait(left);
            }
            return true;
        }
    }

    /** The other end sends a break. */
    public void receiveBreak() {
        synchronized (lock) {
            if ((modemControl & MCR_LOOP) == 0) {
                receiveNow(0);
                lineStatus |= LSR_BREAK;
                update();
            }
        }
    }

    private void outputDrained() {
        synchronized (lock) {
            transmitterEmpty = true;
            update();
        }
    }

    private void timeoutExpired() {
        synchronized (lock) {
            if (timeoutAt != 0 && timers.clock().nanos() >= timeoutAt) {
                timeoutAt = 0;
                timeout = fifo.size() > 0 && (fifoControl & FCR_ENABLE) != 0;
                update();
            }
        }
    }

    // ---- guest side

    @Override
    public long read(long offset, int size) {
        long value = 0;
        synchronized (lock) {
            for (int i = 0; i < size; i++) {
                int port = (int) offset + i;
                value |= (port < PORTS ? readPort(port) : 0xffL) << i * 8;
            }
        }
        return value;
    }

    @Override
    public void write(long offset, int size, long value) {
        synchronized (lock) {
            for (int i = 0; i < size && offset + i < PORTS; i++) {
                writePort((int) offset + i, (int) (value >>> i * 8) & 0xff);
            }
        }
    }

    private int readPort(int port) {
        boolean latch = (lineControl & LCR_DIVISOR) != 0;
        return switch (port) {
            case 0 -> latch ? divisor & 0xff : readReceiver();
            case 1 -> latch ? divisor >>> 8 : interruptEnable;
            case 2 -> readInterruptId();
            case 3 -> lineControl;
            case 4 -> modemControl;
            case 5 -> readLineStatus();
            case 6 -> readModemStatus();
            default -> scratch;
        };
    }

    private void writePort(int port, int value) {
        boolean latch = (lineControl & LCR_DIVISOR) != 0;
        switch (port) {
            case 0 -> {
                if (latch) {
                    divisor = divisor & 0xff00 | value;
                } else {
                    transmit(value);
                }
            }
            case 1 -> {
                if (latch) {
                    divisor = divisor & 0xff | value << 8;
                } else {
                    writeInterruptEnable(value & 0xf);
                }
            }
            case 2 -> writeFifoControl(value);
            case 3 -> writeLineControl(value);
            case 4 -> writeModemControl(value & 0x1f);
            case 7 -> scratch = value;
            default -> {} // LSR and MSR: factory test only
        }
    }

    private void transmit(int value) {
        transmitterEmpty = false;
        update(); // the request goes away and comes back: an edge for the 8259
        if ((modemControl & MCR_LOOP) != 0) {
            receiveNow(value);
        } else {
            output.put(value);
        }
        transmitterEmpty = !output.full();
        update();
    }

    private void writeInterruptEnable(int value) {
        boolean enabled = (value & ~interruptEnable & IER_TRANSMITTER) != 0;
        interruptEnable = value;
        if (enabled && !output.full()) {
            transmitterEmpty = true;
        }
        refill();
        update();
    }

    private void writeFifoControl(int value) {
        boolean change = ((value ^ fifoControl) & FCR_ENABLE) != 0;
        if (change || (value & FCR_CLEAR_RECEIVER) != 0) {
            fifo.clear();
            timeout = false;
            timeoutAt = 0;
            lineStatus &= ~LSR_BREAK;
        }
        fifoControl = (value & FCR_ENABLE) != 0 ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;
        refill();
        update();
    }

    private void writeLineControl(int value) {
        boolean begins = (value & ~lineControl & LCR_BREAK) != 0;
        lineControl = value;
        if (begins && (modemControl & MCR_LOOP) != 0) {
            receiveNow(0);
            lineStatus |= LSR_BREAK;
            update();
        }
    }

    private void writeModemControl(int value) {
        modemControl = value;
        int inputs = MSR_CONNECTED;
        if ((value & MCR_LOOP) != 0) {
            // RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD.
            inputs = (value & 2) << 3 | (value & 1) << 5 | (value & 4) << 4 | (value & 8) << 4;
        }
        int changed = (inputs ^ modemStatus) >>> 4;
        int deltas = changed & 0b1011;
        if ((modemStatus & 0x40) != 0 && (inputs & 0x40) == 0) {
            deltas |= 4; // trailing edge of RI
        }
        modemStatus = inputs | modemStatus & 0xf | deltas;
        refill();
        update();
    }

    private int readReceiver() {
        if (fifo.size() == 0) {
            return 0;
        }
        int value = fifo.take();
        timeout = false;
        timeoutAt = 0;
        refill();
        if (fifo.size() > 0) {
            armTimeout();
        }
        update();
        return value;
    }

    private int readInterruptId() {
        int cause = cause();
        if (cause == IIR_TRANSMITTER) {
            transmitterEmpty = false;
            update();
        }
        return cause | ((fifoControl & FCR_ENABLE) != 0 ? IIR_FIFO : 0);
    }

    private int readLineStatus() {
        int value = lineStatus;
        if (fifo.size() > 0) {
            value |= LSR_DATA;
        }
        if (!output.full()) {
            value |= LSR_TRANSMITTER_IDLE;
        }
        if (lineStatus != 0) {
            lineStatus = 0;
            update();
        }
        return value;
    }

    private int readModemStatus() {
        int value = modemStatus;
        if ((modemStatus & 0xf) != 0) {
            modemStatus &= 0xf0;
            update();
        }
        return value;
    }

    // ---- receiver

    private int capacity() {
        return (fifoControl & FCR_ENABLE) != 0 ? FIFO : 1;
    }

    private int trigger() {
        return switch (fifoControl >>> 6) {
            case 0 -> 1;
            case 1 -> 4;
            case 2 -> 8;
            default -> 14;
        };
    }

    private void refill() {
        boolean ready =
                (modemControl & MCR_LOOP) == 0
                        && (eager
                                || (modemControl & MCR_DTR) != 0
                                || (interruptEnable & IER_RECEIVED) != 0);
        if (!ready || input.size() == 0 || fifo.size() >= capacity()) {
            return;
        }
        while (input.size() > 0 && fifo.size() < capacity()) {
            fifo.put(input.take());
        }
        lock.notifyAll();
        armTimeout();
    }

    private void receiveNow(int value) {
        if (fifo.size() < capacity()) {
            fifo.put(value);
        } else {
            lineStatus |= LSR_OVERRUN;
            if (capacity() == 1) {
                int ignored = fifo.take();
                fifo.put(value);
            }
        }
        armTimeout();
    }

    /** Four character times without a byte coming or going make the timeout interrupt. */
    private void armTimeout() {
        if ((fifoControl & FCR_ENABLE) == 0 || fifo.size() >= trigger()) {
            return;
        }
        long character = 10L * 16 * Math.max(divisor, 1) * 1_000_000_000L / CLOCK_HZ;
        timeoutAt = timers.clock().nanos() + 4 * Math.min(character, 10_000_000);
        timeoutTimer.arm(timeoutAt);
    }

    // ---- interrupts

    private int cause() {
        if ((interruptEnable & IER_LINE) != 0 && (lineStatus & LSR_ERRORS) != 0) {
            return IIR_LINE;
        }
        if ((interruptEnable & IER_RECEIVED) != 0) {
            if (fifo.size() >= ((fifoControl & FCR_ENABLE) != 0 ? trigger() : 1)) {
                return IIR_RECEIVED;
            }
            if (timeout) {
                return IIR_TIMEOUT;
            }
        }
        if ((interruptEnable & IER_TRANSMITTER) != 0 && transmitterEmpty) {
            return IIR_TRANSMITTER;
        }
        if ((interruptEnable & IER_MODEM) != 0 && (modemStatus & 0xf) != 0) {
            return IIR_MODEM;
        }
        return IIR_NONE;
    }

    private void update() {
        // On a PC, OUT2 gates the interrupt; loopback disconnects it.
        boolean gate = (modemControl & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
        line.set(gate && cause() != IIR_NONE);
    }

    /** A copy of the registers and queues; bytes on their way out are not part of it. */
    public SerialState state() {
        synchronized (lock) {
            return new SerialState(
                    divisor,
                    interruptEnable,
                    fifoControl,
                    lineControl,
                    modemControl,
                    lineStatus,
                    modemStatus,
                    scratch,
                    transmitterEmpty,
                    timeout,
                    fifo.state(),
                    input.state());
        }
    }

    /** Replaces the registers and queues. */
    public void restore(SerialState state) {
        synchronized (lock) {
            divisor = state.divisor();
            interruptEnable = state.interruptEnable();
            fifoControl = state.fifoControl();
            lineControl = state.lineControl();
            modemControl = state.modemControl();
            lineStatus = state.lineStatus();
            modemStatus = state.modemStatus();
            scratch = state.scratch();
            transmitterEmpty = state.transmitterEmpty();
            timeout = state.timeout();
            fifo.restore(state.fifo());
            input.restore(state.input());
            timeoutAt = 0;
            if (fifo.size() > 0 && !timeout) {
                armTimeout();
            }
            update();
        }
    }
}
