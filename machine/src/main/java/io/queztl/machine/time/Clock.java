package io.queztl.machine.time;

/** The time of one VM, in nanoseconds; it stands still while the VM is paused. */
public interface Clock {
    /** Nanoseconds since the VM was created, without the time it was paused. */
    long nanos();

    /** Wall-clock nanoseconds since 1970-01-01T00:00:00Z, for the RTC and kvmclock. */
    long wallNanos();
}
