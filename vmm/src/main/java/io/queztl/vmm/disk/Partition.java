package io.queztl.vmm.disk;

/**
 * A partition.
 *
 * @param number as in the guest's name for it, from 1 on
 * @param start its first byte
 * @param bytes its length
 * @param type a GUID, or two hexadecimal digits, in small letters
 * @param id what Linux calls its PARTUUID
 * @param name its name, empty if there is none
 */
public record Partition(int number, long start, long bytes, String type, String id, String name) {}
