package io.queztl.devices.virtio.fs9p;

import io.queztl.devices.virtio.VirtioDeviceState;
import java.util.List;

/**
 * A {@link Virtio9p} at rest; the files are not part of it.
 *
 * @param common what all VirtIO devices have
 * @param messageSize agreed size of messages in bytes; 0 before that
 * @param fids what the guest has, by number
 */
public record Virtio9pState(VirtioDeviceState common, int messageSize, List<FidState> fids) {}
