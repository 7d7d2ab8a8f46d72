package io.queztl.machine.memory;

/** A device or boot loader was asked to touch guest-physical addresses that are not RAM. */
public final class GuestMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param guestPhysical first address of the access
     * @param bytes its length
     */
    public GuestMemoryException(long guestPhysical, long bytes) {
        super("guest-physical 0x%x, %d bytes, is not RAM".formatted(guestPhysical, bytes));
    }
}
