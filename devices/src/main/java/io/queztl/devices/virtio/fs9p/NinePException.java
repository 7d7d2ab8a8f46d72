package io.queztl.devices.virtio.fs9p;

/** A request that is answered with an error of Linux; it has no stack, since guests cause it. */
final class NinePException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    NinePException(int errno) {
        super("errno " + errno, null, false, false);
        this.errno = errno;
    }

    /** The number that the guest gets. */
    int errno() {
        return errno;
    }
}
