package io.queztl.devices.legacy;

import java.util.List;

/**
 * A {@link Cmos} at rest.
 *
 * @param index the selected byte
 * @param bytes all 128 bytes; those of the time count only while the clock is being set
 * @param offsetNanos the guest's wall clock minus the host's
 * @param flags the flags of register C without IRQF
 * @param seenSecond the last second of the guest's wall clock that was accounted for
 * @param seenPeriod the last periodic tick that was accounted for
 */
public record CmosState(
        int index,
        List<Integer> bytes,
        long offsetNanos,
        int flags,
        long seenSecond,
        long seenPeriod) {}
