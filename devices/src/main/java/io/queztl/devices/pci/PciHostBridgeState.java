package io.queztl.devices.pci;

/**
 * A {@link PciHostBridge} at rest, without the devices that were added to it.
 *
 * @param address the configuration address register
 * @param host function 00:00.0
 * @param isa function 00:1f.0
 */
public record PciHostBridgeState(int address, PciDeviceState host, PciDeviceState isa) {}
