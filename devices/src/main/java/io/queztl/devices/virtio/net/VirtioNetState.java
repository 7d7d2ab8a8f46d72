package io.queztl.devices.virtio.net;

import io.queztl.devices.virtio.VirtioDeviceState;

/**
 * A {@link VirtioNet} at rest; what is on its way between it and the backend is lost, as Ethernet
 * may lose it.
 *
 * @param common what all VirtIO devices have
 * @param filter which frames the driver wants
 * @param pairs how many pairs of queues the driver uses
 * @param guestOffloads what the driver takes undone, as feature bits
 * @param announce the driver was asked to announce itself and has not said that it did
 */
public record VirtioNetState(
        VirtioDeviceState common,
        ReceiveFilter filter,
        int pairs,
        long guestOffloads,
        boolean announce) {}
