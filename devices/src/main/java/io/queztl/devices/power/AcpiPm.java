package io.queztl.devices.power;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.time.Clock;
import io.queztl.machine.time.Timers;

/**
 * The fixed hardware of ACPI (specification 6.5, 4.8): PM1a event and control blocks, the power
 * management timer, the power button, soft-off and an empty GPE0 block, {@link #PORTS} ports. The
 * command port that switches between legacy and ACPI mode is {@link #command()}.
 */
public final class AcpiPm implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 0x20;

    /** Offset of the PM1a event block, 4 bytes. */
    public static final int EVENT_BLOCK = 0x00;

    /** Offset of the PM1a control block, 2 bytes. */
    public static final int CONTROL_BLOCK = 0x04;

    /** Offset of the power management timer, 4 bytes. */
    public static final int TIMER_BLOCK = 0x08;

    /** Offset of the GPE0 block, 4 bytes. */
    public static final int GPE0_BLOCK = 0x10;

    /** What the guest writes to the command port to enter ACPI mode. */
    public static final int ENABLE_COMMAND = 0x02;

    /** What the guest writes to the command port to leave ACPI mode. */
    public static final int DISABLE_COMMAND = 0x03;

    /** The SLP_TYP value of S5. */
    public static final int SOFT_OFF = 5;

    private static final long TIMER_HZ = 3_579_545;

    private static final int TIMER_BIT = 1;
    private static final int POWER_BUTTON = 1 << 8;
    private static final int STATUS_WRITABLE = 0x8731;
    private static final int ENABLE_WRITABLE = 0x0721;
    private static final int SCI_ENABLE = 1;
    private static final int SLEEP_ENABLE = 1 << 13;

    private final IrqLine sci;
    private final Clock clock;
    private final Timers.Timer carry;
    private final int timerBits;
    private final Runnable powerOff;
    private final Object lock = new Object();
    private int status;
    private int enable;
    private int control;
    private int gpeEnable;
    private int commandStatus;
    private long seenCarry;

    /**
     * @param sci the system control interrupt, level-triggered
     * @param timers the clock, and the timing of the timer's carry
     * @param wideTimer whether the timer has 32 bits (TMR_VAL_EXT in the FADT), else 24
     * @param powerOff ends the machine at S5; called without a lock held
     */
    public AcpiPm(IrqLine sci, Timers timers, boolean wideTimer, Runnable powerOff) {
        this.sci = sci;
        clock = timers.clock();
        carry = timers.timer(this::carryExpired);
        timerBits = wideTimer ? 32 : 24;
        this.powerOff = powerOff;
        seenCarry = carries();
    }

    /** Presses the power button: a tap, which asks the guest to shut down. */
    public void press() {
        synchronized (lock) {
            status |= POWER_BUTTON;
            update();
        }
    }

    private long ticks() {
        long nanos = clock.nanos();
        return nanos / 1_000_000_000 * TIMER_HZ + nanos % 1_000_000_000 * TIMER_HZ / 1_000_000_000;
    }

    private long carries() {
        return ticks() >>> timerBits - 1;
    }

    /** Sets TMR_STS if the timer's top bit has changed since last time. */
    private void catchUp() {
        long now = carries();
        if (now != seenCarry) {
            seenCarry = now;
            status |= TIMER_BIT;
        }
    }

    private void carryExpired() {
        synchronized (lock) {
            update();
        }
    }

    private void update() {
        catchUp();
        drive();
    }

    /** Sets the wire and arms the timer for the next carry. */
    private void drive() {
        sci.set((control & SCI_ENABLE) != 0 && (status & enable) != 0);
        if ((enable & TIMER_BIT) != 0 && (status & TIMER_BIT) == 0) {
            long ticks = seenCarry + 1 << timerBits - 1;
            long seconds = ticks / TIMER_HZ;
            long rest = (ticks % TIMER_HZ * 1_000_000_000 + TIMER_HZ - 1) / TIMER_HZ;
            carry.arm(seconds * 1_000_000_000 + rest);
        } else {
            carry.disarm();
        }
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            catchUp();
            if (offset >= TIMER_BLOCK && offset < TIMER_BLOCK + 4) {
                long value = ticks() & (1L << timerBits) - 1;
                return value >>> (offset - TIMER_BLOCK) * 8;
            }
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= (long) readByte((int) offset + i) << i * 8;
            }
            return value;
        }
    }

    private int readByte(int at) {
        int word =
                switch (at & ~1) {
                    case EVENT_BLOCK -> status;
                    case EVENT_BLOCK + 2 -> enable;
                    case CONTROL_BLOCK -> control;
                    case GPE0_BLOCK + 2 -> gpeEnable;
                    default -> 0;
                };
        return word >>> (at & 1) * 8 & 0xff;
    }

    @Override
    public void write(long offset, int size, long value) {
        boolean off = false;
        synchronized (lock) {
            catchUp();
            for (int i = 0; i < size; i++) {
                off |= writeByte((int) offset + i, (int) (value >>> i * 8) & 0xff);
            }
            update();
        }
        if (off) {
            powerOff.run();
        }
    }

    private boolean writeByte(int at, int data) {
        int shift = (at & 1) * 8;
        int written = 0xff << shift;
        int word = data << shift;
        switch (at & ~1) {
            case EVENT_BLOCK -> status &= ~(word & STATUS_WRITABLE);
            case EVENT_BLOCK + 2 -> enable = enable & ~written | word & ENABLE_WRITABLE;
            case CONTROL_BLOCK -> {
                // SCI_EN belongs to the command port, SLP_EN reads as 0.
                int kept = written & ~SCI_ENABLE;
                control = control & ~kept | word & kept & ~SLEEP_ENABLE;
                return (word & SLEEP_ENABLE) != 0 && (control >>> 10 & 7) == SOFT_OFF;
            }
            case GPE0_BLOCK + 2 -> gpeEnable = gpeEnable & ~written | word;
            default -> {}
        }
        return false;
    }

    /** Ports 0xb2 (command) and 0xb3 (status). */
    public BusDevice command() {
        return new CommandPorts();
    }

    private final class CommandPorts implements BusDevice {
        @Override
        public long read(long offset, int size) {
            synchronized (lock) {
                return (offset & 1) != 0 ? commandStatus : 0;
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            synchronized (lock) {
                int data = (int) value & 0xff;
                if ((offset & 1) != 0) {
                    commandStatus = data;
                } else if (data == ENABLE_COMMAND) {
                    control |= SCI_ENABLE;
                } else if (data == DISABLE_COMMAND) {
                    control &= ~SCI_ENABLE;
                }
                update();
            }
        }
    }

    /** A copy of the registers. */
    public AcpiPmState state() {
        synchronized (lock) {
            return new AcpiPmState(status, enable, control, gpeEnable, commandStatus, seenCarry);
        }
    }

    /** Replaces the registers. The VM's clock must go on from where the state was taken. */
    public void restore(AcpiPmState state) {
        synchronized (lock) {
            status = state.status();
            enable = state.enable();
            control = state.control();
            gpeEnable = state.gpeEnable();
            commandStatus = state.commandStatus();
            seenCarry = state.seenCarry();
            drive();
        }
    }
}
