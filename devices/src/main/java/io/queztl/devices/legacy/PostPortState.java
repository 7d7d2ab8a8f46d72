package io.queztl.devices.legacy;

/**
 * A {@link PostPort} at rest.
 *
 * @param code the last byte written
 */
public record PostPortState(int code) {}
