package io.queztl.machine.memory;

/** Told when guest-physical pages have got other memory behind them, or none. */
@FunctionalInterface
public interface MappingWatcher {
    /**
     * Drops what is known of the pages: translations of addresses and of code. On the thread of a
     * vCPU that accesses a device, or while no vCPU runs.
     */
    void remapped(long guestPhysical, long bytes);
}
