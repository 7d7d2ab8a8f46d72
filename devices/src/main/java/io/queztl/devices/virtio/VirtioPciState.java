package io.queztl.devices.virtio;

import io.queztl.devices.pci.PciDeviceState;
import java.util.List;

/**
 * A {@link VirtioPci} at rest, without the device behind it.
 *
 * @param pci configuration space and interrupts
 * @param deviceFeatureSelect which 32 device features are shown
 * @param driverFeatureSelect which 32 driver features are shown
 * @param queueSelect which queue's registers are shown
 * @param configVector MSI-X vector of configuration changes
 * @param queueVectors MSI-X vectors of the queues
 * @param isr interrupt status
 */
public record VirtioPciState(
        PciDeviceState pci,
        int deviceFeatureSelect,
        int driverFeatureSelect,
        int queueSelect,
        int configVector,
        List<Integer> queueVectors,
        int isr) {}
