package io.queztl.devices.net.user;

/**
 * What a user network keeps in a snapshot. Connections are not part of it: after a restore the
 * guest's next segment of one is answered with a reset.
 *
 * @param guestMac the guest's MAC address as last seen, 0 if none
 * @param leasedTo the MAC address that has the DHCP lease, 0 if none
 */
public record UserNetworkState(long guestMac, long leasedTo) {}
