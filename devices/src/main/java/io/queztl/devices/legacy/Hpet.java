package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.irq.MsiSink;
import io.queztl.machine.time.Clock;
import io.queztl.machine.time.Timers;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * A high-precision event timer with a 64-bit counter of 100 MHz and three comparators, all of them
 * periodic-capable (IA-PC HPET specification 1.0a): 1 KiB of registers. In legacy replacement mode
 * it takes ISA interrupts 0 and 8 over; the interval timer and the real-time clock are wired
 * through {@link #intervalTimerLine()} and {@link #realTimeClockLine()} so that it can.
 */
public final class Hpet implements BusDevice {
    /** Bytes of the register window. */
    public static final long WINDOW = 0x400;

    private static final int TIMERS = 3;
    private static final long TICK_NANOS = 10;
    private static final long PERIOD_FEMTOSECONDS = TICK_NANOS * 1_000_000;

    /** Shortest period served, in ticks, so that a guest cannot keep the timer thread busy. */
    private static final long MIN_PERIOD_TICKS = 5_000;

    /** Revision 1, three timers, 64 bits, legacy replacement, Intel. */
    private static final long CAPABILITIES =
            PERIOD_FEMTOSECONDS << 32 | 0x8086L << 16 | 1 << 15 | 1 << 13 | TIMERS - 1 << 8 | 1;

    private static final int ENABLE = 1;
    private static final int LEGACY = 2;

    private static final int T_LEVEL = 1 << 1;
    private static final int T_ENABLE = 1 << 2;
    private static final int T_PERIODIC = 1 << 3;
    private static final int T_SET = 1 << 6;
    private static final int T_32 = 1 << 8;
    private static final int T_FSB = 1 << 14;
    private static final int T_WRITABLE = 0x7f4e;

    /** Periodic, 64 bits, FSB delivery. */
    private static final int T_CAPABILITIES = 1 << 4 | 1 << 5 | 1 << 15;

    private static final int FIRST_ROUTE = 16;
    private static final int LAST_ROUTE = 23;
    private static final long ROUTES = 0x00ff_0000L;

    private final MsiSink messages;
    private final Clock clock;
    private final Object lock = new Object();
    private final IrqLine legacyTimer;
    private final IrqLine legacyClock;
    private final Gate intervalTimer;
    private final Gate realTimeClock;
    private final Comparator[] comparators = new Comparator[TIMERS];
    private int configuration;
    private int status;
    private long counter;
    private long startNanos;

    /**
     * @param lines makes a wire to an interrupt input by number, as the interrupt router does
     * @param messages takes FSB interrupts
     * @param timers time the comparators
     */
    public Hpet(IntFunction<IrqLine> lines, MsiSink messages, Timers timers) {
        this.messages = messages;
        clock = timers.clock();
        legacyTimer = lines.apply(0);
        legacyClock = lines.apply(8);
        intervalTimer = new Gate(lines.apply(0));
        realTimeClock = new Gate(lines.apply(8));
        for (int i = 0; i < TIMERS; i++) {
            comparators[i] = new Comparator(i, lines, timers);
        }
    }

    /** The wire for the interval timer: ISA interrupt 0 unless this device has taken it. */
    public IrqLine intervalTimerLine() {
        return intervalTimer;
    }

    /** The wire for the real-time clock: ISA interrupt 8 unless this device has taken it. */
    public IrqLine realTimeClockLine() {
        return realTimeClock;
    }

    private final class Gate implements IrqLine {
        private final IrqLine target;
        private boolean level;

        Gate(IrqLine target) {
            this.target = target;
        }

        @Override
        public void set(boolean high) {
            synchronized (lock) {
                level = high;
                update();
            }
        }

        void update() {
            target.set(level && (configuration & LEGACY) == 0);
        }
    }

    /** One comparator; guarded by the lock. */
    private final class Comparator {
        private final int number;
        private final Timers.Timer timer;
        private final IrqLine[] routes = new IrqLine[LAST_ROUTE + 1];
        private int config;
        private long value = -1;
        private long period;
        private long message;
        private boolean pending;
        private long matchAt;

        Comparator(int number, IntFunction<IrqLine> lines, Timers timers) {
            this.number = number;
            timer = timers.timer(this::expired);
            java.util.Arrays.fill(routes, IrqLine.NONE);
            for (int i = FIRST_ROUTE; i <= LAST_ROUTE; i++) {
                routes[i] = lines.apply(i);
            }
        }

        private boolean periodic() {
            return (config & T_PERIODIC) != 0;
        }

        /** Works out the next match from the registers. */
        void plan() {
            long now = counter();
            long mask = (config & T_32) != 0 ? 0xffff_ffffL : -1;
            long distance = value - now & mask;
            pending = distance >= 0 && now + distance >= 0; // beyond 2^63 ticks is never
            matchAt = now + distance;
            arm();
        }

        void arm() {
            if (pending && (configuration & ENABLE) != 0) {
                long ticks = matchAt - counter;
                timer.arm(
                        ticks > Long.MAX_VALUE / 16
                                ? Long.MAX_VALUE
                                : startNanos + ticks * TICK_NANOS);
            } else {
                timer.disarm();
            }
        }

        private void expired() {
            synchronized (lock) {
                long now = counter();
                if (!pending || (configuration & ENABLE) == 0 || now < matchAt) {
                    return;
                }
                pending = false;
                if (periodic() && period != 0) {
                    long step = Math.max(period, MIN_PERIOD_TICKS);
                    long laps = (now - matchAt) / step + 1;
                    matchAt += laps * step;
                    value = (config & T_32) != 0 ? matchAt & 0xffff_ffffL : matchAt;
                    pending = true;
                } else if ((config & T_32) != 0) {
                    matchAt += 1L << 32;
                    pending = true;
                }
                arm();
                fire();
            }
        }

        private void fire() {
            if ((config & T_LEVEL) != 0) {
                status |= 1 << number;
                updateLine();
            } else if ((config & T_ENABLE) != 0) {
                if ((config & T_FSB) != 0) {
                    messages.send(message >>> 32, (int) message);
                } else {
                    line().pulse();
                }
            }
        }

        private IrqLine line() {
            if ((configuration & LEGACY) != 0 && number < 2) {
                return number == 0 ? legacyTimer : legacyClock;
            }
            int route = config >>> 9 & 0x1f;
            return route <= LAST_ROUTE ? routes[route] : IrqLine.NONE;
        }

        /** Level-triggered interrupts follow the status bit. */
        void updateLine() {
            boolean high =
                    (config & (T_LEVEL | T_ENABLE | T_FSB)) == (T_LEVEL | T_ENABLE)
                            && (status >>> number & 1) != 0;
            IrqLine chosen = line();
            for (int i = FIRST_ROUTE; i <= LAST_ROUTE; i++) {
                if (routes[i] != chosen) {
                    routes[i].set(false);
                }
            }
            chosen.set(high);
        }

        void writeConfiguration(int data) {
            config = data & T_WRITABLE;
            if ((config & T_32) != 0) {
                value &= 0xffff_ffffL;
                period &= 0xffff_ffffL;
            }
            if ((config & T_LEVEL) == 0) {
                status &= ~(1 << number);
            }
            plan();
            updateLine();
        }

        void writeComparator(long data, long written) {
            boolean narrow = (config & T_32) != 0;
            if (narrow && written == 0xffff_ffff_0000_0000L) {
                return;
            }
            long limit = narrow ? 0xffff_ffffL : -1;
            if (periodic()) {
                period = (period & ~written | data & written) & limit;
            }
            if (!periodic() || (config & T_SET) != 0) {
                value = (value & ~written | data & written) & limit;
                config &= ~T_SET;
                plan();
            }
        }

        HpetState.Comparator state() {
            return new HpetState.Comparator(config, value, period, message, pending, matchAt);
        }

        void restore(HpetState.Comparator state) {
            config = state.configuration();
            value = state.comparator();
            period = state.period();
            message = state.message();
            pending = state.pending();
            matchAt = state.matchAt();
            arm();
            updateLine();
        }
    }

    private long counter() {
        return (configuration & ENABLE) == 0
                ? counter
                : counter + (clock.nanos() - startNanos) / TICK_NANOS;
    }

    @Override
    public long read(long offset, int size) {
        int inside = (int) offset & 7;
        long value = readRegister((int) offset & ~7) >>> inside * 8;
        return size == 8 ? value : value & (1L << size * 8) - 1;
    }

    private long readRegister(int register) {
        synchronized (lock) {
            if (register >= 0x100 && register < 0x100 + TIMERS * 0x20) {
                Comparator t = comparators[register - 0x100 >>> 5];
                return switch (register & 0x18) {
                    case 0x00 -> ROUTES << 32 | t.config | T_CAPABILITIES;
                    case 0x08 -> t.value;
                    case 0x10 -> t.message;
                    default -> 0;
                };
            }
            return switch (register) {
                case 0x00 -> CAPABILITIES;
                case 0x10 -> configuration;
                case 0x20 -> status;
                case 0xf0 -> counter();
                default -> 0;
            };
        }
    }

    @Override
    public void write(long offset, int size, long value) {
        int inside = (int) offset & 7;
        if (size < 4 || (inside & 3) != 0 || inside + size > 8) {
            return; // undefined by the specification
        }
        long written = size == 8 ? -1 : 0xffff_ffffL << inside * 8;
        synchronized (lock) {
            writeRegister((int) offset & ~7, value << inside * 8, written);
        }
    }

    private void writeRegister(int register, long data, long written) {
        if (register >= 0x100 && register < 0x100 + TIMERS * 0x20) {
            Comparator t = comparators[register - 0x100 >>> 5];
            switch (register & 0x18) {
                case 0x00 -> {
                    if ((written & 1) != 0) {
                        t.writeConfiguration((int) data);
                    }
                }
                case 0x08 -> t.writeComparator(data, written);
                case 0x10 -> t.message = t.message & ~written | data & written;
                default -> {}
            }
            return;
        }
        switch (register) {
            case 0x10 -> {
                if ((written & 1) != 0) {
                    writeGeneral((int) data & (ENABLE | LEGACY));
                }
            }
            case 0x20 -> {
                status &= (int) ~data;
                for (Comparator t : comparators) {
                    t.updateLine();
                }
            }
            case 0xf0 -> {
                long now = counter();
                counter = now & ~written | data & written;
                startNanos = clock.nanos();
                for (Comparator t : comparators) {
                    t.plan();
                }
            }
            default -> {}
        }
    }

    private void writeGeneral(int value) {
        int changed = configuration ^ value;
        if ((changed & ENABLE) != 0) {
            counter = counter();
            startNanos = clock.nanos();
        }
        configuration = value;
        if ((changed & ENABLE) != 0) {
            for (Comparator t : comparators) {
                t.arm();
            }
        }
        if ((changed & LEGACY) != 0) {
            legacyTimer.set(false);
            legacyClock.set(false);
            for (Comparator t : comparators) {
                t.updateLine();
            }
            intervalTimer.update();
            realTimeClock.update();
        }
    }

    /** A copy of the registers. */
    public HpetState state() {
        synchronized (lock) {
            List<HpetState.Comparator> list = new ArrayList<>(TIMERS);
            for (Comparator t : comparators) {
                list.add(t.state());
            }
            return new HpetState(configuration, status, counter, startNanos, List.copyOf(list));
        }
    }

    /** Replaces the registers. The VM's clock must go on from where the state was taken. */
    public void restore(HpetState state) {
        synchronized (lock) {
            configuration = state.configuration();
            status = state.status();
            counter = state.counter();
            startNanos = state.startNanos();
            for (int i = 0; i < TIMERS; i++) {
                comparators[i].restore(state.timers().get(i));
            }
            intervalTimer.update();
            realTimeClock.update();
        }
    }
}
