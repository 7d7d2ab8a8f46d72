package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.RamRegion;
import io.queztl.vmm.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/** What a PC's firmware reports as the memory map (ACPI specification, 15 "System Address Map"). */
public final class MemoryMap {
    /** Usable RAM. */
    public static final int RAM = 1;

    /** Not to be used. */
    public static final int RESERVED = 2;

    /**
     * A range.
     *
     * @param start first guest-physical address
     * @param bytes its length
     * @param type {@link #RAM} or {@link #RESERVED}
     */
    public record Entry(long start, long bytes, int type) {}

    private MemoryMap() {}

    /** The map of a guest with this memory, in ascending order, without overlaps. */
    public static List<Entry> of(GuestMemory memory) {
        List<Entry> map = new ArrayList<>();
        map.add(new Entry(0, Layout.EBDA, RAM));
        map.add(new Entry(Layout.EBDA, Layout.EBDA_END - Layout.EBDA, RESERVED));
        map.add(
                new Entry(
                        Layout.ACPI_TABLES, Layout.ACPI_TABLES_END - Layout.ACPI_TABLES, RESERVED));
        map.add(new Entry(Layout.KERNEL_MINIMUM, lowRamEnd(memory) - Layout.KERNEL_MINIMUM, RAM));
        map.add(new Entry(Layout.ECAM, Layout.ECAM_BYTES, RESERVED));
        for (RamRegion region : memory.regions()) {
            if (region.guestPhysical() >= Layout.HIGH_RAM_START) {
                map.add(new Entry(region.guestPhysical(), region.bytes(), RAM));
            }
        }
        return List.copyOf(map);
    }

    /** End of the RAM that starts at address 0. */
    public static long lowRamEnd(GuestMemory memory) {
        return memory.regions().getFirst().bytes();
    }
}
