package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/** Finds the region's entry at a linear address, for one vCPU. */
public final class RegionTable {
    private static final int SIZE = 1 << 13;

    private final Cpu c;
    private final @Nullable RegionEntry[] table = new RegionEntry[SIZE];
    private LongFunction<@Nullable RegionEntry> source = p -> null;

    /** Nothing but translated code runs between the entry to a region and its end. */
    public boolean flat;

    private Dispatcher dispatcher = (rip, stack, faulted) -> false;

    /** Runs a vCPU wherever it is, translated or not. */
    @FunctionalInterface
    public interface Dispatcher {
        /**
         * Runs until RIP is {@code rip} and the stack pointer is above {@code stack}, or something
         * needs attention.
         *
         * @param faulted whether translated code has just ended with a fault
         * @return true if RIP is there
         */
        boolean until(long rip, long stack, boolean faulted);
    }

    /** For {@link Cpu} only. */
    public RegionTable(Cpu c) {
        this.c = c;
    }

    /** Says who knows the entry at a physical address. */
    public void source(LongFunction<@Nullable RegionEntry> source) {
        this.source = source;
    }

    /** Says who goes on where no region is. */
    public void dispatcher(Dispatcher dispatcher) {
        this.dispatcher = dispatcher;
    }

    boolean until(long rip, long stack, boolean faulted) {
        return dispatcher.until(rip, stack, faulted);
    }

    /** The entry at a linear address, or null; looks at nothing but the caches of the CPU. */
    @Nullable RegionEntry find(long linear) {
        long physical = c.mem.fetchQuietly(linear);
        if (physical < 0) {
            return null;
        }
        int x = (int) (physical ^ physical >>> 13) & SIZE - 1;
        RegionEntry r = table[x];
        if (r == null || r.physical() != physical) {
            r = source.apply(physical);
            if (r == null) {
                return null;
            }
            table[x] = r;
        }
        return r.at(c, linear) ? r : null;
    }

    /** Forgets all regions, so that their classes can be unloaded. */
    public void clear() {
        java.util.Arrays.fill(table, null);
    }
}
