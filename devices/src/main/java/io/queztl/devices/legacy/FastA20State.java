package io.queztl.devices.legacy;

/**
 * A {@link FastA20} at rest.
 *
 * @param value the register
 */
public record FastA20State(int value) {}
