package io.queztl.devices.pci;

import java.util.List;

/**
 * An {@link Msix} at rest.
 *
 * @param table four words a vector: address low, address high, data, control
 * @param pending the pending bits, one word each 64 vectors
 */
public record MsixState(List<Integer> table, List<Long> pending) {}
