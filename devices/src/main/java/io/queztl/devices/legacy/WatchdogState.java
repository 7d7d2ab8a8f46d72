package io.queztl.devices.legacy;

/**
 * A {@link Watchdog} at rest.
 *
 * @param running it counts
 * @param preset what it counts down from, in units of {@link Watchdog#PERIOD_MILLIS}
 * @param deadline when it expires, on the VM's clock in nanoseconds; 0 if it does not run
 */
public record WatchdogState(boolean running, int preset, long deadline) {}
