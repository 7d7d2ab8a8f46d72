package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.sight.InvalidationReason;
import io.queztl.emulator.sight.Sight;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Translated guest code: several basic blocks of 64-bit mode, some of which are entries. It works
 * at any linear address: RIPs are computed from the one it was entered with.
 *
 * <p>Any vCPU runs it. Invalidation ends {@link #valid} and all entries, so that nobody enters it
 * again; vCPUs inside are asked to leave at their next back edge.
 */
public abstract class Region {
    /** {@link #run} ended with RET: the caller goes on if RIP is where it expects it. */
    public static final int RETURNED = 0;

    /** {@link #run} ended: whoever runs the vCPU must look at it. */
    public static final int LEFT = 1;

    /** {@link #run} ended with a fault: {@link Cpu#faulted} and the CPU's exception have it. */
    public static final int FAULTED = 2;

    /** {@link #run} ended with a jump to {@link Cpu#next}, which {@link #follow} runs. */
    public static final int JUMPED = 3;

    /** Regions that call each other at most, in Java frames of up to some 1,500 bytes. */
    private static final int MAX_DEPTH = 96;

    private static final long WARM_UP_NANOS = 100_000_000;
    private static final long COMPILE_NANOS = 2_000_000_000;
    private static final long GIVE_UP_NANOS = 20_000_000_000L;

    /** Samples after which C2 is worth its time. */
    private static final int HOT_SAMPLES = Integer.getInteger("queztl.cpu.samples", 25);

    /** Times in a millisecond that a hot region may be left for what is not as usual. */
    private static final int MAX_UNUSUAL = 400;

    /** As many calls as HotSpot wants before it compiles. */
    private static final int WARM_UP_CALLS = 250;

    private static final int PROBE_CALLS = 8;

    /** Instructions that only take time in a JVM's interpreter. */
    static final int WARM_UP_NOPS = 160;

    /** False once the code was written. */
    boolean valid = true;

    /** Where it can be entered; the first is the block it was made for. */
    RegionEntry[] entries = {};

    /** Length of all parts in guest instructions. */
    int size;

    /** Length of its bytecode. */
    int bytecode;

    /** If it lies in several pages, all of them, by distance in bytes. */
    int[] spanDistance = {};

    /** Their guest-physical addresses. */
    long[] spanPhysical = {};

    /** Regions last entered from here, by exit. */
    @Nullable RegionEntry[] links = {};

    /** All instructions, in the order of the parts. */
    Insn[] insns = {};

    /** For each instruction its distance from the first page, in bytes. */
    int[] distance = {};

    /** For each instruction how many of its part are not done when it faults, itself included. */
    int[] remaining = {};

    /** What calls without a CPU took before HotSpot had a look. */
    private long interpretedNanos;

    private long warmedUp;

    /** Something else runs in its place until HotSpot is done. */
    private boolean waits;

    /** How many milliseconds it was found running. */
    private int samples;

    /** How often a hot region was left for an instruction that is not as usual. */
    int unusual;

    /** Being a hot region does not suit it. */
    private boolean plain;

    private int unusualBefore;

    /** For the class that the translator makes. */
    protected Region() {}

    /**
     * Runs from RIP, which must be that of an entry, until something ends it. Without a CPU it does
     * nothing.
     *
     * @param entry number of the entry
     */
    public abstract int run(@Nullable Cpu c, int entry);

    /**
     * Has HotSpot compile it, if need be by calling it often without a CPU: a JVM's own interpreter
     * is many times slower on a region than ours is on the instructions.
     *
     * @param fully by the better of its compilers
     */
    public final void warmUp(boolean fully) {
        if (HotSpot.available()) {
            int linked = run(null, 0);
            warmedUp = System.nanoTime();
            waits = fully;
            if (fully) {
                Odds.teach();
            }
            HotSpot.compile(this, fully ? HotSpot.FULL : HotSpot.SIMPLE);
            return;
        }
        interpretedNanos = probe();
        warmedUp = System.nanoTime();
        for (int k = 0; k < WARM_UP_CALLS; k++) {
            int ignored = run(null, 0);
        }
    }

    /** Has the better of HotSpot's compilers have a go at it. */
    public final void compileFully() {
        HotSpot.compile(this, HotSpot.FULL);
    }

    /**
     * It was found running; true if it should be made anew.
     *
     * @param millis for how long it may have run
     */
    public final boolean sample(int millis) {
        int before = samples;
        samples += millis;
        if (before / HOT_SAMPLES == samples / HOT_SAMPLES) {
            return false;
        }
        if (before < HOT_SAMPLES) {
            return true;
        }
        int since = unusual - unusualBefore;
        unusualBefore = unusual;
        plain |= since > HOT_SAMPLES * MAX_UNUSUAL;
        return plain;
    }

    /**
     * True if it deserves the form for the better compiler; the other, if that does not suit it.
     */
    public final boolean deservesHotForm() {
        return !plain;
    }

    /** It is made because the hot form did not suit. */
    public final void stayPlain() {
        plain = true;
    }

    /** Lets it be sampled anew. */
    public final void forgetSamples() {
        samples = 0;
    }

    /** True once HotSpot seems to have compiled it, or has had time enough. */
    public final boolean warm() {
        long waited = System.nanoTime() - warmedUp;
        return HotSpot.available()
                ? HotSpot.isCompiled(this) || !waits && waited > COMPILE_NANOS
                : probe() <= interpretedNanos / 3 || waited > WARM_UP_NANOS;
    }

    /** True if HotSpot must have given up. */
    public final boolean hopeless() {
        return waits && System.nanoTime() - warmedUp > GIVE_UP_NANOS;
    }

    /** The shortest time that some calls took, in nanoseconds. */
    private long probe() {
        long best = Long.MAX_VALUE;
        for (int k = 0; k < 4; k++) {
            long before = System.nanoTime();
            for (int n = 0; n < PROBE_CALLS; n++) {
                int ignored = run(null, 0);
            }
            best = Math.min(best, System.nanoTime() - before);
        }
        return best;
    }

    /** True until the code was written. */
    public final boolean valid() {
        return valid;
    }

    /** Length of its bytecode. */
    public final int bytecode() {
        return bytecode;
    }

    /** Guest instructions in it. */
    public final int size() {
        return size;
    }

    /** Guest-physical address of the first entry, or -1. */
    public final long physical() {
        return entries[0].physical();
    }

    /** The entry at a distance from the first page, in bytes, or null. */
    public final @Nullable RegionEntry entry(int distance) {
        for (RegionEntry e : entries) {
            if (e.distance == distance) {
                return e;
            }
        }
        return null;
    }

    /** As {@link #invalidate()}, seen by those who look on. */
    public final void invalidate(Sight sight, InvalidationReason reason) {
        if (valid) {
            sight.invalidated(physical(), size, reason);
            invalidate();
        }
    }

    /** Makes everybody leave and nobody enter. */
    public final void invalidate() {
        valid = false;
        for (RegionEntry e : entries) {
            e.invalidate();
        }
        unlink();
    }

    /** Forgets the regions entered from here. */
    public final void unlink() {
        Arrays.fill(links, null);
    }

    /** True if all pages but that of {@code linear}, at a distance, are mapped as they were. */
    final boolean spans(Cpu c, long linear, int distance) {
        long first = linear - distance;
        for (int k = 0; k < spanDistance.length; k++) {
            if (spanDistance[k] != (distance & -4096)
                    && c.mem.fetchQuietly(first + spanDistance[k]) != spanPhysical[k]) {
                return false;
            }
        }
        return true;
    }

    // --- what translated code calls
    // ---------------------------------------------------------------

    /**
     * CALL: what can be entered at the target, one call deeper; null if nothing can. RIP is the
     * target already, and the return address is pushed. The caller runs it itself, so that each
     * call has a cache of its own in the machine code that HotSpot makes.
     */
    static @Nullable RegionEntry callee(Cpu c, Region from, int link, long target) {
        if (c.attention != 0 || c.depth >= MAX_DEPTH) {
            return null;
        }
        RegionEntry t = from.links[link];
        if (t == null || !t.at(c, target)) {
            t = c.regions.find(target);
            from.links[link] = t;
            if (t == null) {
                return null;
            }
        }
        c.depth++;
        c.running = t.region;
        return t;
    }

    /**
     * A jump out of a region; RIP is the target already. What is there runs once the region has
     * ended, so that jumps in a circle take no more of the stack than one.
     *
     * @param link where the target is remembered, or negative to leave
     * @return what the region ends with
     */
    static int jump(Cpu c, Region from, int link, long target) {
        if (link < 0 || c.attention != 0) {
            return LEFT;
        }
        RegionEntry t = from.links[link];
        if (t == null || !t.at(c, target)) {
            t = c.regions.find(target);
            from.links[link] = t;
            if (t == null) {
                return LEFT;
            }
        }
        c.next = t;
        return JUMPED;
    }

    /** Runs what was jumped to, until something else happens; {@code result} is how it began. */
    static int follow(Cpu c, int result) {
        int n = c.regions.flat ? MAX_DEPTH : Integer.MAX_VALUE;
        while (result == JUMPED) {
            if (n-- == 0) {
                return LEFT;
            }
            RegionEntry t = Objects.requireNonNull(c.next);
            c.running = t.region;
            result = t.region.run(c, t.index);
        }
        return result;
    }

    /**
     * Behind a CALL that did not simply return: runs what is at RIP until it returns, translated or
     * not, through interrupts of the guest's own making, but not those that need attention.
     *
     * @param t what was entered, or null
     * @param result what it ended with
     * @param stack the stack pointer at its start
     * @param expected the return address
     * @param entry linear address of the caller's first entry
     * @return {@link #RETURNED} if the caller may go on at the return address, else what it returns
     */
    static int afterCall(
            Cpu c,
            Region from,
            @Nullable RegionEntry t,
            int result,
            long stack,
            long expected,
            long entry) {
        if (t == null) {
            if (c.attention != 0 || c.depth >= MAX_DEPTH) {
                return LEFT;
            }
            c.depth++;
        } else {
            result = follow(c, result);
            if (result == RETURNED && c.rip == expected) {
                c.depth--;
                c.running = from;
                return from.valid ? RETURNED : LEFT;
            }
        }
        if (c.regions.flat) {
            c.depth--;
            return result == FAULTED ? FAULTED : LEFT;
        }
        c.running = null;
        boolean returned = c.regions.until(expected, stack, result == FAULTED);
        c.depth--;
        c.running = from;
        // Another process may be here by now.
        return returned && from.entries[0].at(c, entry) ? RETURNED : LEFT;
    }

    /** {@link Flags#addCarry}, out of the way. */
    static long addCarry(long first, long second, long result, int size) {
        return Flags.addCarry(first, second, result, size);
    }

    /** {@link Flags#subCarry}, out of the way. */
    static long subCarry(long first, long second, long result, int size) {
        return Flags.subCarry(first, second, result, size);
    }

    /**
     * The carry word of an addition or subtraction of which no more is known.
     *
     * @param kind 0 if it is {@code word}, else the operands' size times 2, plus 1 for a
     *     subtraction
     */
    static long carry(long first, long second, long result, long word, int kind) {
        return kind == 0
                ? word
                : (kind & 1) != 0
                        ? Flags.subCarry(first, second, result, kind >> 1)
                        : Flags.addCarry(first, second, result, kind >> 1);
    }

    /** A guest exception at instruction {@code at}; all registers are in the CPU. */
    static int fault(Cpu c, Region from, int at, int count, long page, GuestException e) {
        c.instructions += count - from.remaining[at];
        c.rip = page + from.distance[at];
        c.faulted = from.insns[at];
        return FAULTED;
    }
}
