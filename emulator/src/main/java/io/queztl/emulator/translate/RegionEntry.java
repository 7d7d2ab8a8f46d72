package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.mmu.Mmu;

/** A way into a region: a basic block of it, at a guest-physical address. */
public final class RegionEntry {
    final Region region;
    final int index;

    /** Distance of the block from the start of the region's first page, in bytes. */
    final int distance;

    /** The region lies in several pages. */
    private final boolean spans;

    /** Guest-physical address; -1 once invalid. */
    private long physical;

    RegionEntry(Region region, int index, int distance, long physical) {
        this.region = region;
        this.index = index;
        this.distance = distance;
        this.physical = physical;
        this.spans = region.spanDistance.length > 0;
    }

    /** What it leads into. */
    public Region region() {
        return region;
    }

    /** Guest-physical address, or -1. */
    public long physical() {
        return physical;
    }

    /** True until the code was written. */
    public boolean valid() {
        return physical != -1;
    }

    void invalidate() {
        physical = -1;
    }

    /** True if a linear address is this entry's and all pages are mapped as they must be. */
    public boolean at(Cpu c, long linear) {
        long[] t = c.mem.fetchTlb;
        int x = Mmu.slot(linear);
        return t[x] == (linear & Mmu.PAGE)
                && linear + t[x + 1] == physical
                && (!spans || region.spans(c, linear, distance));
    }

    /** Runs from RIP, which must be this entry's, until something ends it. */
    public int run(Cpu c) {
        c.running = region;
        return Region.follow(c, region.run(c, index));
    }
}
