package io.queztl.devices.pci;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@link PciDevice} at rest.
 *
 * @param config the configuration space as 1024 little-endian words
 * @param intx the device asserts its interrupt pin
 * @param msix the MSI-X table, or null if it has none
 */
public record PciDeviceState(List<Integer> config, boolean intx, @Nullable MsixState msix) {}
