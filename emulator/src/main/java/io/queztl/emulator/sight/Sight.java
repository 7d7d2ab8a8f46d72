package io.queztl.emulator.sight;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.translate.RegionDump;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What can be seen of the software CPU of one VM: counters always, and what it was asked for before
 * the VM was made. Any thread may ask; {@code docs/observability.md} explains all of it.
 */
public final class Sight {
    /** How the exceptions of the CPU are called, by vector (SDM volume 3, table 6-1). */
    private static final String[] EXCEPTIONS = {
        "DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM", "DF", "9", "TS", "NP", "SS", "GP", "PF",
        "15", "MF", "AC", "MC", "XM", "VE", "CP"
    };

    private final List<Cpu> cpus = new CopyOnWriteArrayList<>();
    private @Nullable RegionDump dump;
    private @Nullable Profiler profiler;

    private final AtomicLong made = new AtomicLong();
    private final AtomicLong madeInstructions = new AtomicLong();
    private final AtomicLong madeBytecode = new AtomicLong();
    private final AtomicLong generateNanos = new AtomicLong();
    private final Map<Translation.Outcome, AtomicLong> outcomes =
            counters(Translation.Outcome.values());
    private final Map<InvalidationReason, AtomicLong> invalidations =
            counters(InvalidationReason.values());
    private final AtomicLong evictions = new AtomicLong();

    /** Sees what is always seen. */
    public Sight() {}

    private static <E> Map<E, AtomicLong> counters(E[] kinds) {
        Map<E, AtomicLong> all = new LinkedHashMap<>();
        for (E kind : kinds) {
            all.put(kind, new AtomicLong());
        }
        return all;
    }

    /** Has all regions written to a folder, which must be there; before the VM is made. */
    public void dump(Path folder) {
        dump = RegionDump.all(folder);
    }

    /** Has regions that hold a guest-linear or physical address written; before the VM is made. */
    public void dump(Path folder, long address) {
        dump = RegionDump.of(folder, address);
    }

    /** Regions that were written to files. */
    public int dumped() {
        RegionDump d = dump;
        return d == null ? 0 : d.count();
    }

    /** Has the guest's RIP sampled; before the VM is made. */
    public void profile(Profiler samples) {
        profiler = samples;
    }

    /** For the accelerator: one of the VM's vCPUs. */
    public void add(Cpu cpu) {
        cpus.add(cpu);
        Profiler p = profiler;
        if (p != null) {
            p.add(cpu);
        }
    }

    /** For the translator: where regions are written, or null. */
    public @Nullable RegionDump dump() {
        return dump;
    }

    // --- what the translator tells
    // ----------------------------------------------------------------

    /** A region is about to be made. */
    public Translation translation(long linear, long physical, int instructions) {
        return new Translation(this, linear, physical, instructions);
    }

    /** An error in the translator: the interpreter goes on with the code. */
    public void failed(long linear, long physical) {
        translation(linear, physical, 0).end(Translation.Outcome.FAILED);
    }

    void generated(Translation t) {
        long ignored = generateNanos.addAndGet(t.generateNanos);
        if (t.bytecode != 0) {
            ignored = made.incrementAndGet();
            ignored = madeInstructions.addAndGet(t.instructions);
            ignored = madeBytecode.addAndGet(t.bytecode);
        }
    }

    void ended(Translation t, Translation.Outcome outcome) {
        count(outcomes, outcome);
        Events.translation(t, outcome);
    }

    /** A valid region is about to become invalid. */
    public void invalidated(long physical, int instructions, InvalidationReason reason) {
        count(invalidations, reason);
        Events.invalidation(physical, instructions, reason);
    }

    /** The older half of the valid regions was evicted, if there were any. */
    public void evicted(int regions, int instructions, int left) {
        if (regions == 0) {
            return;
        }
        long ignored = evictions.incrementAndGet();
        Events.eviction(regions, instructions, left);
    }

    private static <E> void count(Map<E, AtomicLong> counters, E kind) {
        AtomicLong counter = counters.get(kind);
        if (counter != null) {
            long ignored = counter.incrementAndGet();
        }
    }

    // --- what everybody may ask
    // -------------------------------------------------------------------

    /**
     * All counters, by section and name, in the order in which they are to be shown; durations are
     * in seconds.
     */
    public Map<String, Map<String, Number>> statistics() {
        Map<String, Map<String, Number>> all = new LinkedHashMap<>();
        List<Counters> counters = cpus.stream().map(c -> c.counters).toList();
        Map<String, Number> instructions = section(all, "instructions");
        long total = 0;
        long interpreted = 0;
        for (Cpu c : cpus) {
            total += c.instructions;
            interpreted += c.counters.interpreted;
        }
        instructions.put("executed", total);
        instructions.put("interpreted", interpreted);
        instructions.put("translated", Math.max(0, total - interpreted));
        if (cpus.size() > 1) {
            for (Cpu c : cpus) {
                instructions.put("vcpu" + c.index, c.instructions);
            }
        }
        Map<String, Number> blocks = section(all, "blocks");
        blocks.put("decoded", sum(counters, c -> c.decodedBlocks));
        blocks.put("instructions", sum(counters, c -> c.decodedInstructions));
        regions(section(all, "regions"));
        Map<String, Number> tlb = section(all, "tlb");
        tlb.put("readFills", sum(counters, c -> c.fills[0]));
        tlb.put("writeFills", sum(counters, c -> c.fills[1]));
        tlb.put("fetchFills", sum(counters, c -> c.fetchFills));
        Map<String, Number> faults = section(all, "faults");
        for (int v = 0; v < 32; v++) {
            int vector = v;
            long n = sum(counters, c -> c.faults[vector]);
            if (n != 0) {
                faults.put(exception(v), n);
            }
        }
        Map<String, Number> interrupts = section(all, "interrupts");
        interrupts.put("external", sum(counters, c -> c.interrupts));
        interrupts.put("nmi", sum(counters, c -> c.nmis));
        Map<String, Number> devices = section(all, "devices");
        devices.put("portAccesses", sum(counters, c -> c.ports));
        devices.put("memoryMappedAccesses", sum(counters, c -> c.devices));
        Map<String, Number> exits = section(all, "exits");
        for (Counters.Exit exit : Counters.Exit.values()) {
            exits.put(
                    exit.name().toLowerCase(java.util.Locale.ROOT),
                    sum(counters, c -> c.exits[exit.ordinal()]));
        }
        return all;
    }

    private void regions(Map<String, Number> s) {
        s.put("made", made.get());
        s.put("published", get(outcomes, Translation.Outcome.PUBLISHED));
        s.put("overtaken", get(outcomes, Translation.Outcome.OVERTAKEN));
        s.put("tooLong", get(outcomes, Translation.Outcome.TOO_LONG));
        s.put("failed", get(outcomes, Translation.Outcome.FAILED));
        s.put("invalidated", get(invalidations, InvalidationReason.WRITTEN));
        s.put("replaced", get(invalidations, InvalidationReason.REPLACED));
        s.put("trimmed", get(invalidations, InvalidationReason.TRIMMED));
        s.put("evicted", get(invalidations, InvalidationReason.EVICTED));
        s.put("evictions", evictions.get());
        s.put("instructions", madeInstructions.get());
        s.put("bytecodeBytes", madeBytecode.get());
        s.put("generateSeconds", generateNanos.get() / 1e9);
    }

    private static Map<String, Number> section(Map<String, Map<String, Number>> all, String name) {
        return all.computeIfAbsent(name, k -> new LinkedHashMap<>());
    }

    private static long sum(
            List<Counters> counters, java.util.function.ToLongFunction<Counters> field) {
        return counters.stream().mapToLong(field).sum();
    }

    private static <E> long get(Map<E, AtomicLong> counters, E kind) {
        AtomicLong counter = counters.get(kind);
        return counter == null ? 0 : counter.get();
    }

    private static String exception(int vector) {
        return vector < EXCEPTIONS.length ? EXCEPTIONS[vector] : Integer.toString(vector);
    }
}
