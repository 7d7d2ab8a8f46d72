package io.queztl.devices.virtio;

/** Feature bits that belong to no one device type (VirtIO 1.2, section 6), as masks. */
public final class VirtioFeatures {
    /** VIRTIO_F_INDIRECT_DESC: a descriptor may point to a table of descriptors. */
    public static final long INDIRECT_DESCRIPTORS = 1L << 28;

    /** VIRTIO_F_EVENT_IDX: both sides say from which position on they want to be told. */
    public static final long EVENT_INDEX = 1L << 29;

    /** VIRTIO_F_VERSION_1: not the legacy interface. */
    public static final long VERSION_1 = 1L << 32;

    /** VIRTIO_F_RING_PACKED: packed rings. */
    public static final long PACKED_RING = 1L << 34;

    /** VIRTIO_F_RING_RESET: queues can be reset one by one. */
    public static final long RING_RESET = 1L << 40;

    /** What every device here offers beside its own bits. */
    static final long COMMON =
            INDIRECT_DESCRIPTORS | EVENT_INDEX | VERSION_1 | PACKED_RING | RING_RESET;

    private VirtioFeatures() {}
}
