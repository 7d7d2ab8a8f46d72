package io.queztl.machine.memory;

/**
 * A run of guest-physical addresses with RAM behind it.
 *
 * @param guestPhysical first address, a multiple of 4096
 * @param bytes length, a multiple of 4096
 * @param ramOffset offset of its first byte in {@link GuestMemory#ram()}
 */
public record RamRegion(long guestPhysical, long bytes, long ramOffset) {}
