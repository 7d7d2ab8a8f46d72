package io.queztl.vmm.config;

/** The ports of the guest's agent; at most once. */
public record AgentConfig() implements DeviceConfig {}
