package io.queztl.devices.net.user;

/** The fields of a TCP header (RFC 9293 section 3.1) that differ from segment to segment. */
final class TcpHeader {
    static final int FIN = 1;
    static final int SYN = 2;
    static final int RST = 4;
    static final int PSH = 8;
    static final int ACK = 16;

    int sequence;
    int acknowledgement;
    int flags;

    /** As on the wire, after scaling. */
    int window;

    /** True if a sequence number comes before another one. */
    static boolean before(int a, int b) {
        return a - b < 0;
    }
}
