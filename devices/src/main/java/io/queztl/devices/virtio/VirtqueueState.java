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
        return new VirtqueueState(size, false, 0, 0, 0, 0, 0, true, true, -1);
    }
}
