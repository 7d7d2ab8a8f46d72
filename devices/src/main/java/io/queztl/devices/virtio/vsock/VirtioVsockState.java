package io.queztl.devices.virtio.vsock;

import io.queztl.devices.virtio.VirtioDeviceState;

/**
 * A {@link VirtioVsock} at rest. Connections do not outlive it: a guest that is restored hears that
 * they are gone.
 *
 * @param common what all VirtIO devices have
 * @param guestCid the guest's address
 * @param connectionsLost the guest is to be told that its connections are gone
 */
public record VirtioVsockState(VirtioDeviceState common, long guestCid, boolean connectionsLost) {}
