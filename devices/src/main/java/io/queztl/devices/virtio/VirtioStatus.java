package io.queztl.devices.virtio;

/** Bits of the device status field (VirtIO 1.2, 2.1). */
public final class VirtioStatus {
    /** The guest has seen the device. */
    public static final int ACKNOWLEDGE = 1;

    /** The guest has a driver for it. */
    public static final int DRIVER = 2;

    /** The driver is ready; the device is live. */
    public static final int DRIVER_OK = 4;

    /** Negotiation has ended and the device agrees. */
    public static final int FEATURES_OK = 8;

    /** The device cannot go on before a reset. */
    public static final int NEEDS_RESET = 64;

    /** The guest has given up on the device. */
    public static final int FAILED = 128;

    private VirtioStatus() {}
}
