package io.queztl.devices.irq;

import io.queztl.machine.time.Timers;

/**
 * The timer of a local APIC (SDM volume 3, 11.5.4). Its input clock is 1 GHz, so is the TSC: both
 * count nanoseconds of the VM's clock. Every method is called with the local APIC's lock held.
 */
final class ApicTimer {
    static final int ONE_SHOT = 0;
    static final int PERIODIC = 1;
    static final int TSC_DEADLINE = 2;

    /** Shortest period served, so that a guest cannot keep the timer thread busy. */
    private static final long MIN_PERIOD_NANOS = 50_000;

    private final Timers timers;
    private final Timers.Timer timer;
    private int mode = ONE_SHOT;
    private int initialCount;
    private int divide;
    private boolean armed;
    private long deadline;
    private long tscDeadline;

    ApicTimer(Timers timers, Runnable action) {
        this.timers = timers;
        timer = timers.timer(action);
    }

    void reset() {
        stop();
        mode = ONE_SHOT;
        initialCount = 0;
        divide = 0;
    }

    private void stop() {
        armed = false;
        tscDeadline = 0;
        timer.disarm();
    }

    private void start(long deadlineNanos) {
        armed = true;
        deadline = deadlineNanos;
        timer.arm(deadlineNanos);
    }

    /** The mode field of the LVT timer register was written. */
    void mode(int newMode) {
        if (newMode == mode) {
            return;
        }
        if (newMode == TSC_DEADLINE || mode == TSC_DEADLINE) {
            stop();
            initialCount = 0;
        }
        mode = newMode;
    }

    int initialCount() {
        return initialCount;
    }

    void initialCount(int count) {
        if (mode == TSC_DEADLINE) {
            return;
        }
        initialCount = count;
        if (count == 0) {
            stop();
        } else {
            start(timers.clock().nanos() + period());
        }
    }

    int currentCount() {
        if (!armed || mode == TSC_DEADLINE) {
            return 0;
        }
        long left = (deadline - timers.clock().nanos()) / divisor();
        if (left <= 0) {
            // Late: a one-shot timer has ended, a periodic one is on its next lap.
            long count = Integer.toUnsignedLong(initialCount);
            return mode == PERIODIC ? (int) (count - (-left % count)) : 0;
        }
        return (int) Math.min(left, Integer.toUnsignedLong(initialCount));
    }

    int divide() {
        return divide;
    }

    void divide(int configuration) {
        int count = currentCount();
        divide = configuration & 0xb;
        if (armed && mode != TSC_DEADLINE) {
            start(timers.clock().nanos() + Integer.toUnsignedLong(count) * divisor());
        }
    }

    private int divisor() {
        int code = divide & 3 | divide >>> 1 & 4;
        return code == 7 ? 1 : 2 << code;
    }

    private long period() {
        long nanos = Integer.toUnsignedLong(initialCount) * divisor();
        return mode == PERIODIC ? Math.max(nanos, MIN_PERIOD_NANOS) : nanos;
    }

    long tscDeadline() {
        return mode == TSC_DEADLINE ? tscDeadline : 0;
    }

    /**
     * Writes IA32_TSC_DEADLINE.
     *
     * @return true if the deadline is past and the interrupt is due now
     */
    boolean tscDeadline(long tsc) {
        if (mode != TSC_DEADLINE) {
            return false;
        }
        if (tsc == 0) {
            if (armed) {
                stop();
            }
            return false;
        }
        if (tsc > 0 && tsc <= timers.clock().nanos()) {
            if (armed) {
                stop();
            }
            return true;
        }
        tscDeadline = tsc;
        start(tsc < 0 ? Long.MAX_VALUE : tsc);
        return false;
    }

    /**
     * The host timer ran.
     *
     * @return true if the interrupt is due
     */
    boolean expire() {
        long now = timers.clock().nanos();
        if (!armed || now < deadline) {
            return false;
        }
        if (mode == PERIODIC) {
            long period = period();
            long missed = (now - deadline) / period;
            start(deadline + (missed + 1) * period);
        } else {
            armed = false;
            tscDeadline = 0;
        }
        return true;
    }

    boolean armed() {
        return armed;
    }

    long deadline() {
        return armed ? deadline : 0;
    }

    long rawTscDeadline() {
        return tscDeadline;
    }

    void restore(LocalApicState state, int newMode) {
        stop();
        mode = newMode;
        initialCount = state.initialCount();
        divide = state.divide();
        tscDeadline = state.tscDeadline();
        if (state.timerArmed()) {
            start(state.timerDeadline());
        }
    }
}
