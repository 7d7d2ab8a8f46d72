package io.queztl.devices.virtio.console;

/** Where the host takes what a guest writes to a {@link ConsolePort}. */
@FunctionalInterface
public interface PortOutput {
    /** Takes everything and drops it. */
    PortOutput DISCARD = (bytes, start, length) -> length;

    /**
     * Takes bytes without blocking. If it takes fewer than given, {@link ConsolePort#outputReady}
     * must be called once it takes more; the guest waits until then.
     *
     * @return how many were taken, 0 to {@code length}
     */
    int write(byte[] bytes, int start, int length);
}
