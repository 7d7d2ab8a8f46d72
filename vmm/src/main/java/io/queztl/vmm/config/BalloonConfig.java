package io.queztl.vmm.config;

/**
 * A memory balloon.
 *
 * @param target bytes that the guest is asked to do without from the start
 */
public record BalloonConfig(long target) implements DeviceConfig {}
