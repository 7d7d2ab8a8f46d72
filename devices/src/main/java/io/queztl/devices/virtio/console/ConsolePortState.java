package io.queztl.devices.virtio.console;

import java.util.List;

/**
 * A {@link ConsolePort} at rest.
 *
 * @param ready the driver has said that it uses the port
 * @param guestOpen somebody in the guest has opened the port
 * @param openTold the guest was told that the host has opened the port
 * @param closing the guest is still to be told that the host has closed it
 * @param messages control messages that are still to be sent, a bit each
 * @param consumed bytes of the guest's next chain that the host has taken already
 * @param input bytes for the guest
 */
public record ConsolePortState(
        boolean ready,
        boolean guestOpen,
        boolean openTold,
        boolean closing,
        int messages,
        long consumed,
        List<Byte> input) {}
