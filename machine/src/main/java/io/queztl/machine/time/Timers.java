package io.queztl.machine.time;

/** Makes timers on the VM's {@link Clock}. */
public interface Timers {
    /** The clock that deadlines refer to. */
    Clock clock();

    /**
     * A disarmed timer.
     *
     * @param action run on the timer thread when the deadline has passed; it must not block
     */
    Timer timer(Runnable action);

    /** One deadline. Any thread may arm it; arming replaces the earlier deadline. */
    interface Timer {
        /** Runs the action once the clock reaches {@code deadlineNanos}; at once if it has. */
        void arm(long deadlineNanos);

        /** Forgets the deadline. */
        void disarm();
    }
}
