package io.queztl.devices.virtio.console;

import io.queztl.devices.virtio.VirtioDeviceState;
import java.util.List;

/**
 * A {@link VirtioConsole} at rest. The terminal's size and whether the host has opened a port are
 * the host's and not part of it.
 *
 * @param common what all VirtIO devices have
 * @param ports in order
 */
public record VirtioConsoleState(VirtioDeviceState common, List<ConsolePortState> ports) {}
