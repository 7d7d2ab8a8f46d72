package io.queztl.devices.legacy;

import java.util.List;

/**
 * A {@link Pit} at rest. Times are nanoseconds of the VM's clock.
 *
 * @param channels the three counters
 * @param speaker the speaker data bit of port 0x61
 */
public record PitState(List<Channel> channels, boolean speaker) {
    /**
     * One counter.
     *
     * @param mode 0–5
     * @param bcd counts in BCD
     * @param access 1 low byte, 2 high byte, 3 low then high
     * @param reload the count register, 1–65536; 0 if none was written since the control word
     * @param nextReload what modes 2 and 3 load at the end of the period, 0 if the same
     * @param started the count was loaded, for modes 1 and 5 by a trigger
     * @param startNanos when counting began or went on
     * @param ticksBefore ticks counted before that, while the gate stopped the counter
     * @param gate level of the gate
     * @param writeLow the first byte of a 16-bit count, or -1 if none is waiting
     * @param readHigh the next read of a 16-bit count gives the high byte
     * @param latched the latched count, or -1
     * @param latchedStatus the latched status byte, or -1
     */
    public record Channel(
            int mode,
            boolean bcd,
            int access,
            int reload,
            int nextReload,
            boolean started,
            long startNanos,
            long ticksBefore,
            boolean gate,
            int writeLow,
            boolean readHigh,
            int latched,
            int latchedStatus) {}
}
