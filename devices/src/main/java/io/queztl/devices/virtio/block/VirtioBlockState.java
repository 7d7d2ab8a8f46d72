package io.queztl.devices.virtio.block;

import io.queztl.devices.virtio.VirtioDeviceState;

/**
 * A {@link VirtioBlock} at rest; what is on the disk is not part of it.
 *
 * @param common what all VirtIO devices have
 * @param writeBack whether writes are durable only after a flush
 */
public record VirtioBlockState(VirtioDeviceState common, boolean writeBack) {}
