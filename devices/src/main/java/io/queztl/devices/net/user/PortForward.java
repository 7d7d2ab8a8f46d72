package io.queztl.devices.net.user;

import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * A port of the host that leads to a port of the guest.
 *
 * @param udp UDP instead of TCP
 * @param host where the host listens
 * @param guestPort the guest's port
 */
public record PortForward(boolean udp, InetSocketAddress host, int guestPort) {

    /**
     * Reads {@code [HOSTADDRESS:]HOSTPORT:GUESTPORT[/udp|/tcp]}; without an address the host
     * listens on 127.0.0.1, and port 0 of the host is any free one. An IPv6 address is written in
     * brackets.
     *
     * @throws IllegalArgumentException with a sentence, if it is written differently
     */
    public static PortForward parse(String text) {
        String rest = text;
        boolean udp = rest.endsWith("/udp");
        if (udp || rest.endsWith("/tcp")) {
            rest = rest.substring(0, rest.length() - 4);
        }
        int guest = rest.lastIndexOf(':');
        int host = guest < 0 ? -1 : rest.lastIndexOf(':', guest - 1);
        try {
            if (guest > 0) {
                InetAddress address =
                        host < 0
                                ? IpAddress.LOOPBACK_V4.inet()
                                : InetAddress.ofLiteral(unbracketed(rest.substring(0, host)));
                int hostPort = port(rest.substring(host + 1, guest), 0);
                int guestPort = port(rest.substring(guest + 1), 1);
                return new PortForward(udp, new InetSocketAddress(address, hostPort), guestPort);
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new IllegalArgumentException(
                "a forwarded port is [HOSTADDRESS:]HOSTPORT:GUESTPORT[/udp], such as 8080:80, not"
                        + " '%s'.".formatted(text));
    }

    private static String unbracketed(String address) {
        boolean brackets = address.startsWith("[") && address.endsWith("]");
        return brackets ? address.substring(1, address.length() - 1) : address;
    }

    private static int port(String text, int least) {
        int port = Integer.parseInt(text);
        if (port < least || port > 65_535) {
            throw new IllegalArgumentException(text);
        }
        return port;
    }

    @Override
    public String toString() {
        return "%s:%d:%d/%s"
                .formatted(
                        host.getAddress().getHostAddress(),
                        host.getPort(),
                        guestPort,
                        udp ? "udp" : "tcp");
    }
}
