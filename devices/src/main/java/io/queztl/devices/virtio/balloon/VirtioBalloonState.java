package io.queztl.devices.virtio.balloon;

import io.queztl.devices.virtio.VirtioDeviceState;

/**
 * A {@link VirtioBalloon} at rest.
 *
 * @param common what all VirtIO devices have
 * @param targetPages how many pages of 4096 bytes the balloon should have
 * @param actualPages how many the driver says it has
 * @param statisticsHeld the buffer of statistics that waits in its queue was read
 */
public record VirtioBalloonState(
        VirtioDeviceState common, int targetPages, int actualPages, boolean statisticsHeld) {}
