package io.queztl.devices.net.user;

/** The retransmission timeout of one connection (RFC 6298), in nanoseconds. */
final class RoundTrip {
    /** Below the second of the RFC, as is usual: the guest's acknowledgements come at once. */
    static final long LEAST = 200_000_000L;

    static final long MOST = 60_000_000_000L;
    private static final long FIRST = 1_000_000_000L;

    private boolean measured;
    private long smoothed;
    private long variation;
    private long timeout = FIRST;

    /** How long to wait for an acknowledgement. */
    long timeout() {
        return timeout;
    }

    /** A segment that was sent once took this long to be acknowledged. */
    void sample(long nanos) {
        if (measured) {
            variation = (3 * variation + Math.abs(smoothed - nanos)) / 4;
            smoothed = (7 * smoothed + nanos) / 8;
        } else {
            measured = true;
            smoothed = nanos;
            variation = nanos / 2;
        }
        timeout = Math.clamp(smoothed + 4 * variation, LEAST, MOST);
    }

    /** Nothing came in time. */
    void backOff() {
        timeout = Math.min(2 * timeout, MOST);
    }

    /** Something came after {@link #backOff}: what is measured counts again. */
    void recovered() {
        if (measured) {
            timeout = Math.clamp(smoothed + 4 * variation, LEAST, MOST);
        }
    }
}
