package io.queztl.vmm.config;

/** A VirtIO terminal, Linux's {@code /dev/hvc0}, beside the serial ports. */
public record ConsoleConfig() implements DeviceConfig {}
