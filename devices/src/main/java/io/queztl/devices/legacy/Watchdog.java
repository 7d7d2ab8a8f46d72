package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.time.Clock;
import io.queztl.machine.time.Timers;

/**
 * A watchdog: once started it must be patted before it has counted down, or it acts. The guest
 * finds its registers by the ACPI table WDAT (Microsoft, Hardware Watchdog Timers Design
 * Specification), for which Linux has the driver {@code wdat_wdt}. Registers, 32 bits each:
 *
 * <pre>
 *  0  preset     what it counts down from, in tenths of a second, 1 to 65535
 *  4  control    1 starts it, 0 stops it; reads as that
 *  8  countdown  what is left; writing anything pats it
 * </pre>
 */
public final class Watchdog implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 16;

    /** The unit of its counter. */
    public static final int PERIOD_MILLIS = 100;

    /** The most it can count. */
    public static final int MAX_COUNT = 0xffff;

    /** Offset of the preset register. */
    public static final int PRESET = 0;

    /** Offset of the control register. */
    public static final int CONTROL = 4;

    /** Offset of the countdown register. */
    public static final int COUNTDOWN = 8;

    private static final long PERIOD_NANOS = PERIOD_MILLIS * 1_000_000L;
    private static final int DEFAULT_PRESET = 300;

    private final Object lock = new Object();
    private final Clock clock;
    private final Timers.Timer timer;
    private final Runnable expired;
    private boolean running;
    private int preset = DEFAULT_PRESET;
    private long deadline;

    /**
     * @param expired what it does; called on the timers' thread without a lock held. A VM that goes
     *     on afterwards has the whole time again.
     */
    public Watchdog(Timers timers, Runnable expired) {
        clock = timers.clock();
        timer = timers.timer(this::ring);
        this.expired = expired;
    }

    private void ring() {
        synchronized (lock) {
            if (!running || clock.nanos() < deadline) {
                return;
            }
            pat();
        }
        expired.run();
    }

    private void pat() {
        if (running) {
            deadline = clock.nanos() + preset * PERIOD_NANOS;
            timer.arm(deadline);
        } else {
            deadline = 0;
            timer.disarm();
        }
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            return switch ((int) offset) {
                case PRESET -> preset;
                case CONTROL -> running ? 1 : 0;
                case COUNTDOWN ->
                        running
                                ? Math.ceilDiv(Math.max(0, deadline - clock.nanos()), PERIOD_NANOS)
                                : preset;
                default -> 0;
            };
        }
    }

    @Override
    public void write(long offset, int size, long value) {
        synchronized (lock) {
            switch ((int) offset) {
                case PRESET -> preset = Math.clamp(value & 0xffff_ffffL, 1, MAX_COUNT);
                case CONTROL -> {
                    boolean start = (value & 1) != 0;
                    if (start != running) {
                        running = start;
                        pat();
                    }
                }
                case COUNTDOWN -> pat();
                default -> {}
            }
        }
    }

    /** A copy of the registers. */
    public WatchdogState state() {
        synchronized (lock) {
            return new WatchdogState(running, preset, deadline);
        }
    }

    /** Replaces the registers. The VM's clock must go on from where the state was taken. */
    public void restore(WatchdogState state) {
        synchronized (lock) {
            running = state.running();
            preset = Math.clamp(state.preset(), 1, MAX_COUNT);
            deadline = state.deadline();
            if (running) {
                timer.arm(deadline);
            } else {
                timer.disarm();
            }
        }
    }
}
