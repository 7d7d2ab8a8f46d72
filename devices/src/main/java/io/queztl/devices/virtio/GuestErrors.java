package io.queztl.devices.virtio;

import org.jspecify.annotations.Nullable;

/**
 * What a driver has done wrong: counted, and the first few logged, for a guest may go on forever.
 */
final class GuestErrors {
    private static final System.Logger LOG = System.getLogger(GuestErrors.class.getName());
    private static final int LOGGED = 10;

    private final String device;
    private long count;
    private @Nullable String last;

    GuestErrors(String device) {
        this.device = device;
    }

    synchronized void add(String message) {
        last = message;
        if (++count <= LOGGED) {
            LOG.log(System.Logger.Level.DEBUG, "{0}: {1}", device, message);
        }
    }

    synchronized long count() {
        return count;
    }

    /** The last one, or null. */
    synchronized @Nullable String last() {
        return last;
    }
}
