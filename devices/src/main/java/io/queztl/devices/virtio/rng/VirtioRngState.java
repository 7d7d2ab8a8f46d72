package io.queztl.devices.virtio.rng;

import io.queztl.devices.virtio.VirtioDeviceState;

/**
 * A {@link VirtioRng} at rest.
 *
 * @param common what all VirtIO devices have
 */
public record VirtioRngState(VirtioDeviceState common) {}
