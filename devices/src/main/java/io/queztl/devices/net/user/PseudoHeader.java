package io.queztl.devices.net.user;

import io.queztl.devices.net.InternetChecksum;

/** What the checksums of TCP, UDP and ICMPv6 cover besides their packets. */
final class PseudoHeader {
    private static final long LOW = 0xffff_ffffL;

    private PseudoHeader() {}

    /**
     * Its sum, to go on with by {@link InternetChecksum#add} (RFC 9293 3.1, RFC 8200 8.1).
     *
     * @param bytes of the packet behind it
     */
    static long sum(IpAddress source, IpAddress destination, int protocol, int bytes) {
        return sum(source) + sum(destination) + protocol + bytes;
    }

    private static long sum(IpAddress a) {
        if (a.isV4()) {
            return a.v4() & LOW;
        }
        return (a.high() & LOW) + (a.high() >>> 32) + (a.low() & LOW) + (a.low() >>> 32);
    }
}
