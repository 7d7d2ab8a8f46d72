package io.queztl.emulator.interpret;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.translate.Part;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionCompiler;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Decides what is translated: counts executions of blocks, gathers the blocks around a hot one into
 * a region, and has it compiled on a thread of its own, so that no vCPU waits.
 */
final class Translator {
    private static final int QUEUE = 512;
    private static final int PAGE = 4096;

    /** Regions that wait for HotSpot at most, before the next is translated. */
    private static final int MAX_WARMING = 32;

    /** How many times longer a block that some region contains must wait for one of its own. */
    private static final int COVERED = 4;

    private static final long POLL_NANOS = 300_000;

    /** Executions after which a block is hot. */
    private static final int THRESHOLD = Integer.getInteger("queztl.cpu.threshold", 5000);

    /** Guest instructions in a region at most. */
    private static final int MAX_SIZE = Integer.getInteger("queztl.cpu.region", 200);

    /** Guest instructions in all regions together at most; one costs 1 to 2 KiB in the JVM. */
    private static final int BUDGET = Integer.getInteger("queztl.cpu.budget", 400_000);

    private static final System.Logger LOG = System.getLogger(Translator.class.getName());

    private final CodeCache codeCache;
    private final Shared shared;
    private final ExecutionMode mode;
    private final ThreadPoolExecutor thread;

    /** Regions that HotSpot is at work on; belongs to the translator's thread. */
    private final List<Warming> warming = new ArrayList<>();

    private record Warming(Block entry, Region region) {}

    /** Regions that vCPUs may enter, oldest first. */
    private final ArrayDeque<Kept> kept = new ArrayDeque<>();

    /** Their guest instructions. */
    private int instructions;

    private record Kept(Block entry, Region region) {}

    /** A hot block and where the pages around it lie, as the vCPU that found it sees them. */
    private record Request(Block block, long before, long after) {}

    Translator(CodeCache codeCache, Shared shared) {
        this.codeCache = codeCache;
        this.shared = shared;
        this.mode = shared.mode;
        thread =
                new ThreadPoolExecutor(
                        1,
                        1,
                        2,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(QUEUE),
                        r -> {
                            Thread t = new Thread(r, "queztl-translator");
                            t.setDaemon(true);
                            return t;
                        });
        thread.allowCoreThreadTimeOut(true);
    }

    /** Executions after which {@link #hot} is to be called; 0 for never. */
    int threshold() {
        return switch (mode) {
            case INTERPRETER -> 0;
            case TRANSLATOR -> 1;
            case MIXED -> THRESHOLD;
        };
    }

    /** A block at a linear address was executed {@link #threshold} times. */
    void hot(Cpu c, Block b, long linear) {
        if (!c.mode64 || !b.valid || b.region != null) {
            return;
        }
        long page = linear & -PAGE;
        Request r = new Request(b, c.mem.probe(page - PAGE), c.mem.probe(page + PAGE));
        if (mode == ExecutionMode.TRANSLATOR) {
            translate(r);
        } else {
            try {
                thread.execute(() -> background(r));
            } catch (RejectedExecutionException e) {
                b.count = THRESHOLD / 2; // try again later
            }
        }
    }

    private void translate(Request r) {
        Block entry = r.block;
        if (entry.covered && mode == ExecutionMode.MIXED) {
            // Hot together with the block before it. If it is entered by itself, it will be back.
            entry.covered = false;
            entry.count = -COVERED * THRESHOLD;
            return;
        }
        try {
            for (int size = MAX_SIZE; size >= 1; size /= 2) {
                if (r.block.region != null || translate(r, size)) {
                    return;
                }
            }
        } catch (RuntimeException e) {
            // Whatever the reason, the interpreter can run it. The count never comes by here again.
            LOG.log(System.Logger.Level.WARNING, "code is not translated: " + e);
        }
    }

    /** Keeps a region, and makes room if there are too many: the older half goes. */
    private synchronized void keep(Block entry, Region region) {
        kept.add(new Kept(entry, region));
        instructions += region.size();
        if (instructions <= BUDGET) {
            return;
        }
        kept.removeIf(k -> forget(k, !k.region.valid()));
        int half = instructions > BUDGET / 2 ? kept.size() / 2 : 0;
        for (int n = 0; n < half; n++) {
            boolean ignored = forget(kept.removeFirst(), true);
        }
        // Links and tables would keep the classes of what is gone.
        kept.forEach(k -> k.region.unlink());
        shared.exclusive.forEach(c -> {
            c.regions.clear();
            c.attend(Cpu.ATTENTION_CODE);
        });
    }

    private boolean forget(Kept k, boolean gone) {
        if (gone) {
            instructions -= k.region.size();
            k.region.invalidate();
            if (k.entry.region == k.region) {
                k.entry.region = null;
                k.entry.count = 0;
            }
        }
        return gone;
    }

    /** Returns false if the region came out too long. */
    private boolean translate(Request r, int size) {
        Block entry = r.block;
        long page = entry.physical() & -PAGE;
        Map<Integer, Block> blocks = new HashMap<>();
        List<Part> parts = new ArrayList<>();
        Map<Integer, Long> spans = new HashMap<>();
        ArrayDeque<Integer> open = new ArrayDeque<>();
        Part first = null;
        open.add((int) entry.physical() & PAGE - 1);
        int count = 0;
        while (!open.isEmpty()) {
            int d = open.remove();
            if (blocks.containsKey(d)) {
                continue;
            }
            Block b = first == null ? entry : at(r, page, d);
            if (b == null || first != null && count + b.decoded.length > size) {
                continue;
            }
            int last = d + b.bytes - 1;
            if (last >= 2 * PAGE || b.secondPage >= 0 && b.secondPage != page(r, page, last)) {
                if (first == null) {
                    return true; // nothing to be done
                }
                continue;
            }
            count += b.decoded.length;
            blocks.put(d, b);
            Part p = new Part(d, b.decoded, b.bytes);
            parts.add(p);
            if (first == null) {
                first = p;
            }
            span(spans, r, page, d);
            span(spans, r, page, last);
            for (int next : successors(p)) {
                if (next >= -PAGE && next < 2 * PAGE) {
                    open.add(next);
                }
            }
        }
        if (first == null) {
            return true;
        }
        Region region =
                RegionCompiler.compile(
                        first, parts, entry.physical(), spans, shared.memory.ram(), shared.smp);
        if (region == null) {
            return false;
        }
        for (Block b : blocks.values()) {
            if (!b.use(region)) {
                region.invalidate();
                return true;
            }
        }
        blocks.values().forEach(b -> b.covered = b != entry);
        if (mode == ExecutionMode.TRANSLATOR) {
            entry.region = region;
            keep(entry, region);
        } else {
            region.warmUp();
            warming.add(new Warming(entry, region));
        }
        return true;
    }

    /** On the translator's thread: translates, and lets go what HotSpot has compiled meanwhile. */
    private void background(Request r) {
        translate(r);
        do {
            warming.removeIf(this::publish);
            if (!thread.getQueue().isEmpty() && warming.size() < MAX_WARMING) {
                return;
            }
            LockSupport.parkNanos(POLL_NANOS);
        } while (!warming.isEmpty());
    }

    private boolean publish(Warming w) {
        if (!w.region.valid()) {
            return true;
        }
        if (!w.region.warm()) {
            return false;
        }
        w.entry.region = w.region;
        keep(w.entry, w.region);
        return true;
    }

    private static List<Integer> successors(Part p) {
        List<Integer> next = new ArrayList<>();
        if (p.fallsThrough()) {
            next.add(p.next());
        }
        if (p.jumps() && p.target() != Part.UNKNOWN) {
            next.add(p.target());
        }
        return next;
    }

    private static void span(Map<Integer, Long> spans, Request r, long page, int distance) {
        int d = distance & -PAGE;
        if (d != 0) {
            spans.put(d, page(r, page, distance));
        }
    }

    /** Guest-physical address of the page at a distance, or -1. */
    private static long page(Request r, long page, int distance) {
        long p = distance < 0 ? r.before : distance < PAGE ? page : r.after;
        return p < 0 ? -1 : p & -PAGE;
    }

    private @Nullable Block at(Request r, long page, int distance) {
        long p = page(r, page, distance);
        return p < 0 ? null : codeCache.find((p | distance & PAGE - 1) << 2 | Block.sizeCode(8));
    }
}
