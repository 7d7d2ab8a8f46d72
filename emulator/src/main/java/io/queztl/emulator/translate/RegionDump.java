package io.queztl.emulator.translate;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.sight.Disassembler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Writes regions to files: the guest's code as text, and the class made of it. Used by the threads
 * that translate. A folder that cannot be written to ends the dumping, not the guest.
 */
public final class RegionDump {
    /** Files at most, so that a guest cannot fill the disk. */
    private static final int MAX_REGIONS = 20_000;

    private static final System.Logger LOG = System.getLogger(RegionDump.class.getName());

    private final Path folder;
    private final boolean all;
    private final long address;
    private final AtomicInteger count = new AtomicInteger();

    private RegionDump(Path folder, boolean all, long address) {
        this.folder = folder;
        this.all = all;
        this.address = address;
    }

    /** Writes all regions to a folder, which must be there. */
    public static RegionDump all(Path folder) {
        return new RegionDump(folder, true, 0);
    }

    /** Writes the regions that hold the instruction at a guest-linear or physical address. */
    public static RegionDump of(Path folder, long address) {
        return new RegionDump(folder, false, address);
    }

    /** Regions written so far. */
    public int count() {
        return Math.min(count.get(), MAX_REGIONS);
    }

    /**
     * Writes a region if it is asked for.
     *
     * @param linear guest-linear address of the region's first page
     * @param physical guest-physical address of the same
     * @param bytes the class file
     */
    void region(Plan plan, long linear, long physical, byte[] bytes) {
        if (!all && !holds(plan, linear) && !holds(plan, physical)) {
            return;
        }
        int number = count.incrementAndGet();
        if (number > MAX_REGIONS) {
            return;
        }
        String name = "region-%05d-%x".formatted(number, linear + plan.entry.distance);
        try {
            Files.writeString(folder.resolve(name + ".txt"), text(plan, linear, physical));
            Files.write(folder.resolve(name + ".class"), bytes);
        } catch (IOException e) {
            count.set(MAX_REGIONS);
            LOG.log(System.Logger.Level.WARNING, "no more regions are written: " + e);
        }
    }

    private boolean holds(Plan plan, long page) {
        long distance = address - page;
        return plan.parts.stream().anyMatch(p -> distance >= p.distance && distance < p.next());
    }

    private static String text(Plan plan, long linear, long physical) {
        StringBuilder s = new StringBuilder();
        s.append(
                "region at 0x%x (physical 0x%x): %d parts, %d instructions%n"
                        .formatted(
                                linear + plan.entry.distance,
                                physical + plan.entry.distance,
                                plan.parts.size(),
                                plan.insns.length));
        for (Part p : plan.parts) {
            long start = linear + p.distance;
            s.append("%npart 0x%x%s%n".formatted(start, p.isEntry() ? ", an entry" : ""));
            for (Insn i : p.insns) {
                s.append("    %x  %s%n".formatted(start + i.offset, Disassembler.text(i, start)));
            }
            s.append("    goes to").append(successors(plan, p, linear)).append('\n');
        }
        return s.toString();
    }

    private static String successors(Plan plan, Part p, long linear) {
        StringBuilder s = new StringBuilder();
        if (p.fallsThrough()) {
            s.append(successor(plan, p.next(), linear));
        }
        if (p.jumps() && p.target() != Part.UNKNOWN) {
            s.append(successor(plan, p.target(), linear));
        }
        return s.isEmpty() ? " wherever its last instruction says" : s.toString();
    }

    private static String successor(Plan plan, int distance, long linear) {
        boolean inside = plan.at(distance) != null;
        return " 0x%x%s".formatted(linear + distance, inside ? "" : " (outside)");
    }
}
