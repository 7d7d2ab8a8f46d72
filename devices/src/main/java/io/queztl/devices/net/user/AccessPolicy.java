package io.queztl.devices.net.user;

import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which addresses the guest may reach through the host's sockets, which can reach more than a
 * machine on a network of its own could: the host's loopback services, its link's neighbours and,
 * in a cloud, the service that gives out the host's credentials.
 */
final class AccessPolicy {
    private static final List<Cidr> REFUSED =
            Stream.of(
                            "0.0.0.0/8",
                            "127.0.0.0/8",
                            "169.254.0.0/16", // link local; metadata services
                            "224.0.0.0/4",
                            "240.0.0.0/4",
                            "100.100.100.200", // metadata services outside 169.254.0.0/16
                            "168.63.129.16",
                            "192.0.0.192",
                            "::/96",
                            "fe80::/10",
                            "fec0::/10",
                            "ff00::/8",
                            "fd00:ec2::254",
                            "fd20:ce::254",
                            "fd00:c1::a9fe:a9fe")
                    .map(Cidr::parse)
                    .toList();

    private static final Cidr NAT64 = Cidr.parse("64:ff9b::/96");
    private static final Cidr SIX_TO_FOUR = Cidr.parse("2002::/16");
    private static final long HOST_ADDRESSES_NANOS = 30_000_000_000L;

    private final NetworkAddresses addresses;
    private final boolean hostAccess;
    private final boolean restricted;
    private final List<Cidr> allowed;
    private final List<Cidr> denied;
    private Set<IpAddress> hostAddresses = Set.of();
    private long hostAddressesRead;
    private boolean hostAddressesKnown;

    AccessPolicy(UserNetworkOptions options, NetworkAddresses addresses) {
        this.addresses = addresses;
        hostAccess = options.hostAccess();
        restricted = options.restricted();
        allowed = options.allowed().stream().map(Cidr::parse).toList();
        denied = options.denied().stream().map(Cidr::parse).toList();
    }

    /** Where the host connects to for the guest, or null if the guest may not go there. */
    @Nullable InetSocketAddress target(IpAddress to, int port) {
        if (port == 0) {
            return null;
        }
        if (addresses.isGateway(to)) {
            IpAddress own = to.isV4() ? IpAddress.LOOPBACK_V4 : IpAddress.LOOPBACK_V6;
            return hostAccess ? new InetSocketAddress(own.inet(), port) : null;
        }
        return mayReach(to) ? new InetSocketAddress(to.inet(), port) : null;
    }

    /** True if the guest may reach an address that is none of the gateway's. */
    boolean mayReach(IpAddress to) {
        if (addresses.onLink(to) || to.isMulticast()) {
            return false;
        }
        if (contained(allowed, to)) {
            return true;
        }
        if (restricted || contained(denied, to) || contained(REFUSED, to)) {
            return false;
        }
        if (NAT64.contains(to)) {
            return mayReach(IpAddress.v4((int) to.low()));
        }
        if (SIX_TO_FOUR.contains(to)) {
            return mayReach(IpAddress.v4((int) (to.high() >>> 16)));
        }
        return hostAccess || !hostAddresses().contains(to);
    }

    private static boolean contained(List<Cidr> blocks, IpAddress address) {
        for (Cidr block : blocks) {
            if (block.contains(address)) {
                return true;
            }
        }
        return false;
    }

    /** The addresses of the host's interfaces, read anew now and then. */
    private Set<IpAddress> hostAddresses() {
        long now = System.nanoTime();
        if (!hostAddressesKnown || now - hostAddressesRead > HOST_ADDRESSES_NANOS) {
            Set<IpAddress> found = new HashSet<>();
            try {
                NetworkInterface.networkInterfaces()
                        .flatMap(NetworkInterface::inetAddresses)
                        .forEach(a -> found.add(IpAddress.of(a)));
            } catch (SocketException e) {
                found.addAll(hostAddresses); // those of before
            }
            hostAddresses = found;
            hostAddressesRead = now;
            hostAddressesKnown = true;
        }
        return hostAddresses;
    }

    /** True if the host has an address by which IPv6 leads out. */
    boolean hostHasIpv6() {
        for (IpAddress a : hostAddresses()) {
            if (!a.isV4() && !a.isLoopback() && !a.isLinkLocalV6()) {
                return true;
            }
        }
        return false;
    }
}
