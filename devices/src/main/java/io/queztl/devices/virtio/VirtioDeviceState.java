package io.queztl.devices.virtio;

import java.util.List;

/**
 * What all VirtIO devices have at rest.
 *
 * @param status device status field
 * @param driverFeatures the features that the driver has chosen
 * @param configGeneration counts changes of the configuration space
 * @param queues the virtqueues in order
 */
public record VirtioDeviceState(
        int status, long driverFeatures, int configGeneration, List<VirtqueueState> queues) {}
