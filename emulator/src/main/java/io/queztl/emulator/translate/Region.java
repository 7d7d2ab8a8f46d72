package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.mmu.Mmu;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Translated guest code: several basic blocks, entered at one guest-physical address in 64-bit
 * mode. It works at any linear address: RIPs are computed from the one it was entered with.
 *
 * <p>Any vCPU runs it. Invalidation clears {@link #physical}, so that nobody enters it again, and
 * asks the vCPUs inside to leave at their next back edge.
 */
public abstract class Region {
    /** {@link #run} ended with RET: the caller goes on if RIP is where it expects it. */
    public static final int RETURNED = 0;

    /** {@link #run} ended: whoever runs the vCPU must look at it. */
    public static final int LEFT = 1;

    /** {@link #run} ended with a fault: {@link Cpu#faulted} and the CPU's exception have it. */
    public static final int FAULTED = 2;

    /** Regions that call each other at most, in Java frames of up to some 1,500 bytes. */
    private static final int MAX_DEPTH = 96;

    private static final long WARM_UP_NANOS = 100_000_000;

    /** As many calls as HotSpot wants before it compiles. */
    private static final int WARM_UP_CALLS = 250;

    private static final int PROBE_CALLS = 8;

    /** Instructions that only take time in a JVM's interpreter. */
    static final int WARM_UP_NOPS = 160;

    /** Guest-physical address of the entry; -1 once invalid. */
    long physical = -1;

    /** Length of all parts in guest instructions. */
    int size;

    /** Offset of the entry in its page. */
    int entryOffset;

    /** Pages other than the entry's that must be mapped as they were, by distance in bytes. */
    int[] spanDistance = {};

    /** Their guest-physical addresses. */
    long[] spanPhysical = {};

    /** Regions last entered from here, by exit. */
    @Nullable Region[] links = {};

    /** All instructions, in the order of the parts. */
    Insn[] insns = {};

    /** For each instruction its distance from the entry's page, in bytes. */
    int[] distance = {};

    /** For each instruction how many of its part are not done when it faults, itself included. */
    int[] remaining = {};

    /** What calls without a CPU took before HotSpot had a look. */
    private long interpretedNanos;

    private long warmedUp;

    /** For the class that the translator makes. */
    protected Region() {}

    /**
     * Runs from RIP, which must be that of the entry, until something ends it. Without a CPU it
     * does nothing.
     */
    public abstract int run(@Nullable Cpu c);

    /**
     * Calls {@link #run} without a CPU so often that HotSpot compiles it: a JVM's own interpreter
     * is many times slower on a region than ours is on the instructions.
     */
    public final void warmUp() {
        interpretedNanos = probe();
        warmedUp = System.nanoTime();
        for (int k = 0; k < WARM_UP_CALLS; k++) {
            run(null);
        }
    }

    /** True once HotSpot seems to have compiled it, or has had time enough. */
    public final boolean warm() {
        return probe() <= interpretedNanos / 3 || System.nanoTime() - warmedUp > WARM_UP_NANOS;
    }

    /** The shortest time that some calls took, in nanoseconds. */
    private long probe() {
        long best = Long.MAX_VALUE;
        for (int k = 0; k < 4; k++) {
            long before = System.nanoTime();
            for (int n = 0; n < PROBE_CALLS; n++) {
                run(null);
            }
            best = Math.min(best, System.nanoTime() - before);
        }
        return best;
    }

    /** True until the code was written. */
    public final boolean valid() {
        return physical != -1;
    }

    /** Guest instructions in it. */
    public final int size() {
        return size;
    }

    /** Guest-physical address of the entry, or -1. */
    public final long physical() {
        return physical;
    }

    /** Makes everybody leave and nobody enter. */
    public final void invalidate() {
        physical = -1;
        unlink();
    }

    /** Forgets the regions entered from here. */
    public final void unlink() {
        Arrays.fill(links, null);
    }

    /** True if a linear address is the entry's and all pages are mapped as they must be. */
    public final boolean at(Cpu c, long linear) {
        long[] t = c.mem.fetchTlb;
        int x = Mmu.slot(linear);
        return t[x] == (linear & Mmu.PAGE)
                && linear + t[x + 1] == physical
                && (spanDistance.length == 0 || spans(c, linear));
    }

    private boolean spans(Cpu c, long linear) {
        for (int k = 0; k < spanDistance.length; k++) {
            long page = (linear & Mmu.PAGE) + spanDistance[k];
            if (c.mem.fetchQuietly(page) != spanPhysical[k]) {
                return false;
            }
        }
        return true;
    }

    // --- what translated code calls
    // ---------------------------------------------------------------

    /**
     * CALL: runs what is at the target until it returns, translated or not, through interrupts of
     * the guest's own making, but not those that need attention. RIP is the target already, and the
     * return address is pushed.
     *
     * @param expected the return address
     * @param entry linear address of the caller's entry
     * @return {@link #RETURNED} if the caller may go on at the return address, else what it returns
     */
    static int call(Cpu c, Region from, int link, long target, long expected, long entry) {
        if (c.attention != 0 || c.depth >= MAX_DEPTH) {
            return LEFT;
        }
        Region t = from.links[link];
        if (t == null || !t.at(c, target)) {
            t = c.regions.find(target);
            from.links[link] = t;
        }
        long stack = c.r[Cpu.RSP];
        int result = LEFT;
        c.depth++;
        if (t != null) {
            result = t.run(c);
            if (result == RETURNED && c.rip == expected) {
                c.depth--;
                return from.physical < 0 ? LEFT : RETURNED;
            }
        }
        if (c.regions.flat) {
            c.depth--;
            return result == FAULTED ? FAULTED : LEFT;
        }
        boolean returned = c.regions.until(expected, stack, result == FAULTED);
        c.depth--;
        // Another process may be here by now.
        return returned && from.at(c, entry) ? RETURNED : LEFT;
    }

    /** A jump out of a region. RIP is the target already. */
    static int jump(Cpu c, Region from, int link, long target) {
        if (link < 0 || c.attention != 0) {
            return LEFT;
        }
        Region t = from.links[link];
        if (t == null || !t.at(c, target)) {
            t = c.regions.find(target);
            if (t == null) {
                return LEFT;
            }
            from.links[link] = t;
        }
        if (c.depth >= MAX_DEPTH) {
            return LEFT;
        }
        c.depth++;
        int result = t.run(c);
        c.depth--;
        return result;
    }

    /** A guest exception at instruction {@code at}; all registers are in the CPU. */
    static int fault(Cpu c, Region from, int at, int count, long page, GuestException e) {
        c.instructions += count - from.remaining[at];
        c.rip = page + from.distance[at];
        c.faulted = from.insns[at];
        return FAULTED;
    }
}
