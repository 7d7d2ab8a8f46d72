package io.queztl.devices.net.user;

/**
 * A pair of endpoints, as the guest sees them.
 *
 * @param guest the guest's address
 * @param guestPort the guest's port
 * @param remote the address the guest talks to
 * @param remotePort the port there
 */
record Flow(IpAddress guest, int guestPort, IpAddress remote, int remotePort) {}
