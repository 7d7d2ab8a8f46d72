package io.queztl.devices.firmware;

/**
 * A {@link FwCfg} at rest.
 *
 * @param selector the selected item
 * @param offset where in it the next byte is read
 * @param dmaHigh what was written to the upper half of the DMA register
 */
public record FwCfgState(int selector, int offset, int dmaHigh) {}
