package io.queztl.devices.net.user;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * What a user-mode network is to be.
 *
 * @param subnet the guest's IPv4 network as ADDRESS/BITS, of 8 to 27 bits; the gateway is its
 *     number 2, the DNS server 3, the guest 15
 * @param hostname what the DHCP server calls the guest
 * @param mtu bytes of an IP packet, 1,280 to 65,520
 * @param resolvers DNS servers to ask instead of the host's; none for the host's
 * @param ipv6 the guest gets IPv6 too
 * @param hostAccess the gateway's address leads to the host's own services
 * @param restricted nothing outside can be reached; forwarded ports still lead inside
 * @param allowed blocks of addresses that may be reached whatever else forbids it
 * @param denied blocks of addresses that may not be reached
 * @param forwards ports of the host that lead into the guest
 */
public record UserNetworkOptions(
        String subnet,
        String hostname,
        int mtu,
        List<InetSocketAddress> resolvers,
        boolean ipv6,
        boolean hostAccess,
        boolean restricted,
        List<String> allowed,
        List<String> denied,
        List<PortForward> forwards) {

    /** How {@link #parse} wants it. */
    public static final String SYNTAX =
            "user[,net=ADDRESS/BITS][,hostname=NAME][,mtu=BYTES][,dns=ADDRESS][,ipv6=off]"
                    + "[,host-access][,restrict][,allow=ADDRESS/BITS][,deny=ADDRESS/BITS]";

    /** What a guest gets without options. */
    public static final UserNetworkOptions DEFAULT =
            new UserNetworkOptions(
                    "10.0.2.0/24",
                    "queztl",
                    1500,
                    List.of(),
                    true,
                    false,
                    false,
                    List.of(),
                    List.of(),
                    List.of());

    private static final int MIN_MTU = 1280;
    private static final int MAX_MTU = 65_520;
    private static final int DNS_PORT = 53;

    /**
     * Checks itself.
     *
     * @throws IllegalArgumentException with a sentence
     */
    public UserNetworkOptions {
        Cidr network = Cidr.parse(subnet);
        if (!network.base().isV4() || network.bits() < 8 || network.bits() > 27) {
            throw new IllegalArgumentException(
                    "the network of a guest is an IPv4 one of 8 to 27 bits, not '%s'."
                            .formatted(subnet));
        }
        if (!hostname.matches("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")) {
            throw new IllegalArgumentException(
                    "the guest's name has 1 to 63 letters, digits and inner hyphens, not '%s'."
                            .formatted(hostname));
        }
        if (mtu < MIN_MTU || mtu > MAX_MTU) {
            throw new IllegalArgumentException(
                    "the MTU is %d to %d, not %d.".formatted(MIN_MTU, MAX_MTU, mtu));
        }
        for (String block : allowed) {
            Cidr ignored = Cidr.parse(block);
        }
        for (String block : denied) {
            Cidr ignored = Cidr.parse(block);
        }
        resolvers = List.copyOf(resolvers);
        allowed = List.copyOf(allowed);
        denied = List.copyOf(denied);
        forwards = List.copyOf(forwards);
    }

    /**
     * Reads {@link #SYNTAX}; {@code dns}, {@code allow} and {@code deny} may be given several
     * times.
     *
     * @param forwards goes into the result as it is
     * @throws IllegalArgumentException with a sentence, if it is written differently
     */
    public static UserNetworkOptions parse(String text, List<PortForward> forwards) {
        String[] parts = text.split(",", -1);
        if (!parts[0].equals("user")) {
            throw wrong(text);
        }
        String subnet = DEFAULT.subnet;
        String hostname = DEFAULT.hostname;
        int mtu = DEFAULT.mtu;
        boolean ipv6 = DEFAULT.ipv6;
        boolean hostAccess = false;
        boolean restricted = false;
        List<InetSocketAddress> resolvers = new ArrayList<>();
        List<String> allowed = new ArrayList<>();
        List<String> denied = new ArrayList<>();
        for (int i = 1; i < parts.length; i++) {
            int equals = parts[i].indexOf('=');
            String value = parts[i].substring(equals + 1);
            switch (equals < 0 ? parts[i] : parts[i].substring(0, equals + 1)) {
                case "net=" -> subnet = value;
                case "hostname=" -> hostname = value;
                case "mtu=" -> mtu = number(value, text);
                case "dns=" -> resolvers.add(resolver(value));
                case "ipv6=" -> ipv6 = onOrOff(value, text);
                case "host-access" -> hostAccess = true;
                case "restrict" -> restricted = true;
                case "allow=" -> allowed.add(value);
                case "deny=" -> denied.add(value);
                default -> throw wrong(text);
            }
        }
        return new UserNetworkOptions(
                subnet,
                hostname,
                mtu,
                resolvers,
                ipv6,
                hostAccess,
                restricted,
                allowed,
                denied,
                forwards);
    }

    /** The same with these ports of the host. */
    public UserNetworkOptions withForwards(List<PortForward> ports) {
        return new UserNetworkOptions(
                subnet,
                hostname,
                mtu,
                resolvers,
                ipv6,
                hostAccess,
                restricted,
                allowed,
                denied,
                ports);
    }

    private static IllegalArgumentException wrong(String text) {
        return new IllegalArgumentException(
                "a user network is written %s, not '%s'.".formatted(SYNTAX, text));
    }

    private static int number(String value, String text) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw wrong(text);
        }
    }

    private static boolean onOrOff(String value, String text) {
        return switch (value) {
            case "on" -> true;
            case "off" -> false;
            default -> throw wrong(text);
        };
    }

    /** An address, or {@code ADDRESS:PORT}, that of IPv6 in brackets. */
    private static InetSocketAddress resolver(String text) {
        try {
            int colon = text.lastIndexOf(':');
            boolean bracketed = text.startsWith("[");
            boolean port = colon > 0 && (bracketed || text.indexOf(':') == colon);
            if (port && text.charAt(colon - 1) == ']' == bracketed) {
                String address =
                        bracketed ? text.substring(1, colon - 1) : text.substring(0, colon);
                return new InetSocketAddress(
                        InetAddress.ofLiteral(address),
                        Integer.parseInt(text.substring(colon + 1)));
            }
            return new InetSocketAddress(InetAddress.ofLiteral(text), DNS_PORT);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "a DNS server is an address, or ADDRESS:PORT, not '%s'.".formatted(text), e);
        }
    }
}
