package io.queztl.devices.virtio;

/**
 * The driver has broken the rules of its ring or of a request in a way that leaves no sensible way
 * on. Caught by {@link VirtioDevice}, which sets DEVICE_NEEDS_RESET; it has no stack trace, because
 * a hostile guest can cause it at any rate.
 */
public final class MalformedRingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Says what is wrong with the ring. */
    public MalformedRingException(String message) {
        super(message, null, false, false);
    }
}
