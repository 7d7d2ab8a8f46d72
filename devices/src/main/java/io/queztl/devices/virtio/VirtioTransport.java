package io.queztl.devices.virtio;

/** How a {@link VirtioDevice} reaches its driver: what its bus has to offer. Any thread. */
interface VirtioTransport {
    /** The driver has buffers of this queue to look at. */
    void queueInterrupt(int queue);

    /** The configuration space or the status has changed. */
    void configInterrupt();

    /** True while the guest allows the device to reach memory. */
    boolean memoryAccess();

    /** The device was reset: no interrupt may be asserted any more, no vector assigned. */
    void deviceReset();
}
