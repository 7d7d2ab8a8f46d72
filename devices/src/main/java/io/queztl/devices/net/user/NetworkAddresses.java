package io.queztl.devices.net.user;

/**
 * The addresses of the guest's network: those that we are, and those that the guest may have.
 *
 * @param subnet the guest's IPv4 network
 * @param prefix the guest's IPv6 network, of 64 bits
 */
record NetworkAddresses(Cidr subnet, Cidr prefix) {
    /** The gateway's MAC address: locally administered, "QZTL" and 2. */
    static final long GATEWAY_MAC = 0x5251_5a54_4c02L;

    private static final int GATEWAY = 2;
    private static final int DNS = 3;
    private static final int GUEST = 15;

    static final IpAddress LINK_LOCAL_GATEWAY = new IpAddress(0xfe80L << 48, GATEWAY);
    static final IpAddress ALL_NODES = new IpAddress(0xff02L << 48, 1);

    IpAddress gateway() {
        return subnet.address(GATEWAY);
    }

    IpAddress dns() {
        return subnet.address(DNS);
    }

    /** The one that the DHCP server gives. */
    IpAddress guest() {
        return subnet.address(GUEST);
    }

    IpAddress broadcast() {
        return subnet.address((1 << 32 - subnet.bits()) - 1);
    }

    IpAddress netmask() {
        return IpAddress.v4(-1 << 32 - subnet.bits());
    }

    IpAddress gatewayV6() {
        return prefix.address(GATEWAY);
    }

    IpAddress dnsV6() {
        return prefix.address(DNS);
    }

    boolean isGateway(IpAddress a) {
        return a.equals(gateway()) || a.equals(gatewayV6()) || a.equals(LINK_LOCAL_GATEWAY);
    }

    boolean isDns(IpAddress a) {
        return a.equals(dns()) || a.equals(dnsV6());
    }

    /** True for the addresses that we answer for. */
    boolean isOurs(IpAddress a) {
        return isGateway(a) || isDns(a);
    }

    /** True if an address is one that the guest may send from. */
    boolean mayBeGuest(IpAddress a) {
        if (isOurs(a)) {
            return false;
        }
        if (a.isV4()) {
            return subnet.contains(a) && !a.equals(subnet.base()) && !a.equals(broadcast());
        }
        return prefix.contains(a) || a.isLinkLocalV6();
    }

    /** True if an address is on the guest's link. */
    boolean onLink(IpAddress a) {
        return subnet.contains(a) || prefix.contains(a) || a.isLinkLocalV6();
    }
}
