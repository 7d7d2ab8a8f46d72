package io.queztl.devices.legacy;

/**
 * A {@link ResetControl} at rest.
 *
 * @param value the register
 */
public record ResetControlState(int value) {}
