package io.queztl.devices.virtio;

/**
 * A {@link VirtioMmio} at rest, without the device behind it.
 *
 * @param deviceFeatureSelect which 32 device features are shown
 * @param driverFeatureSelect which 32 driver features are shown
 * @param queueSelect which queue's registers are shown
 * @param interruptStatus causes not yet acknowledged
 */
public record VirtioMmioState(
        int deviceFeatureSelect, int driverFeatureSelect, int queueSelect, int interruptStatus) {}
