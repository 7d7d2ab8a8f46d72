package io.queztl.devices.net.user;

/** The retransmission timeout of one connection (RFC 6298), in nanoseconds. */
final class RoundTrip {
    /**
     * The second of the RFC, not the fraction that is usual: a guest whose host is busy answers
     * late, but what was given to it is seldom lost.
     */
    static final long LEAST = 1_000_000_000L;

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
