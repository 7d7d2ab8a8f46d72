package io.queztl.devices.virtio.balloon;

/**
 * What a guest says of its memory (VirtIO 1.2, 5.5.6.3); -1 for what it does not say.
 *
 * @param swappedIn bytes swapped in
 * @param swappedOut bytes swapped out to disk
 * @param majorFaults page faults that had to read from disk
 * @param minorFaults page faults that had not
 * @param freeBytes memory that is not used for anything
 * @param totalBytes memory that the guest has
 * @param availableBytes memory that new programs could have without swapping
 * @param cachesBytes memory that disk caches could give back
 */
public record BalloonStatistics(
        long swappedIn,
        long swappedOut,
        long majorFaults,
        long minorFaults,
        long freeBytes,
        long totalBytes,
        long availableBytes,
        long cachesBytes) {
    /** Tags with a meaning here. */
    static final int TAGS = 8;

    /** From values in the order of their tags. */
    static BalloonStatistics of(long[] v) {
        return new BalloonStatistics(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
    }
}
