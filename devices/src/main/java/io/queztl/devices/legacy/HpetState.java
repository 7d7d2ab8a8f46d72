package io.queztl.devices.legacy;

import java.util.List;

/**
 * A {@link Hpet} at rest. Times are nanoseconds of the VM's clock.
 *
 * @param configuration the general configuration register
 * @param status the general interrupt status register
 * @param counter the main counter when it was last started, stopped or written
 * @param startNanos when that was
 * @param timers the comparators
 */
public record HpetState(
        int configuration, int status, long counter, long startNanos, List<Comparator> timers) {
    /**
     * One comparator.
     *
     * @param configuration the low word of its configuration register
     * @param comparator its comparator register
     * @param period what a periodic comparator adds
     * @param message FSB address and data
     * @param pending it has yet to match
     * @param matchAt the value of the 64-bit main counter at which it matches
     */
    public record Comparator(
            int configuration,
            long comparator,
            long period,
            long message,
            boolean pending,
            long matchAt) {}
}
