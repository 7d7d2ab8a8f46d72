package io.queztl.devices.irq;

import java.util.List;

/**
 * An {@link ApicSystem} at rest.
 *
 * @param localApics one a vCPU, in order of index
 */
public record ApicSystemState(List<LocalApicState> localApics) {}
