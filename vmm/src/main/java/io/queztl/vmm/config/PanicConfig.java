package io.queztl.vmm.config;

/** A port by which the guest's kernel says that it has panicked: pvpanic. */
public record PanicConfig() implements DeviceConfig {}
