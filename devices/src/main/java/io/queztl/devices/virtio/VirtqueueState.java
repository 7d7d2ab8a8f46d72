package io.queztl.devices.virtio;

/**
 * A virtqueue at rest: its registers and where the device stands in its ring.
 *
 * @param size entries
 * @param enabled the driver has enabled it
 * @param descriptors guest-physical address of the descriptor area
 * @param driver guest-physical address of the driver area (split: available ring)
 * @param device guest-physical address of the device area (split: used ring)
 * @param available position of the next chain to take
 * @param used position of the next chain to give back
 * @param availableWrap packed: the device's wrap counter for available descriptors
 * @param usedWrap packed: the device's wrap counter for used descriptors
 * @param unsignalled chains (packed: descriptors) given back since the driver was last interrupted,
 *     or -1 if it never was
 */
public record VirtqueueState(
        int size,
        boolean enabled,
        long descriptors,
        long driver,
        long device,
        int available,
        int used,
        boolean availableWrap,
        boolean usedWrap,
        int unsignalled) {
    /** A queue after reset. */
    static VirtqueueState initial(int size) {
        return atStart(size, false, 0, 0, 0);
    }

    /** A queue that is not enabled yet, of this size. */
    VirtqueueState ofSize(int entries) {
        return atStart(entries, false, descriptors, driver, device);
    }

    /** A queue that is not enabled yet, at these addresses. */
    VirtqueueState at(long descriptorArea, long driverArea, long deviceArea) {
        return atStart(size, false, descriptorArea, driverArea, deviceArea);
    }

    /** The same queue, enabled. */
    VirtqueueState enable() {
        return atStart(size, true, descriptors, driver, device);
    }

    private static VirtqueueState atStart(
            int size, boolean enabled, long descriptors, long driver, long device) {
        return new VirtqueueState(size, enabled, descriptors, driver, device, 0, 0, true, true, -1);
    }
}
