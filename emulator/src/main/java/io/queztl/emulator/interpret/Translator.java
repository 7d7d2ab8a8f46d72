package io.queztl.emulator.interpret;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.sight.InvalidationReason;
import io.queztl.emulator.sight.Translation;
import io.queztl.emulator.translate.HotSpot;
import io.queztl.emulator.translate.Part;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionCompiler;
import io.queztl.emulator.translate.RegionEntry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
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

    /** A block that ran this many times less often than the hot one is left out. */
    private static final int COLD = 64;

    /** How often a region is made anew because it is entered elsewhere, too. */
    private static final int MAX_VERSIONS = 3;

    /** For how long at most a region counts as running that is found so. */
    private static final int MAX_MILLIS = 8;

    private static final long POLL_NANOS = 300_000;

    /** Executions after which a block is hot. */
    private static final int THRESHOLD =
            Integer.getInteger("queztl.cpu.threshold", HotSpot.available() ? 1600 : 5000);

    /** Guest instructions in a region at most. */
    private static final int MAX_SIZE = Integer.getInteger("queztl.cpu.region", 200);

    /** Guest instructions in all regions together at most; one costs 1 to 2 KiB in the JVM. */
    private final int budget = Integer.getInteger("queztl.cpu.budget", 400_000);

    private static final System.Logger LOG = System.getLogger(Translator.class.getName());

    private final CodeCache codeCache;
    private final Shared shared;
    private final ExecutionMode mode;
    private final ThreadPoolExecutor thread;

    /** Regions that HotSpot is at work on; belongs to the translator's thread. */
    private final List<Made> warming = new ArrayList<>();

    /** Regions that vCPUs may enter, oldest first. */
    private final ArrayDeque<Made> kept = new ArrayDeque<>();

    /** Their guest instructions. */
    private int instructions;

    /** No region gets the form for the better compiler. */
    private volatile boolean plain;

    /** Somebody looks what vCPUs run. */
    private boolean sampling;

    /** A region, the blocks in it by distance, and what it takes to make it once more. */
    record Made(
            Region region,
            Request request,
            Map<Integer, Block> blocks,
            int version,
            boolean hot,
            Translation sight) {}

    /** A hot block and where the pages around it lie, as the vCPU that found it sees them. */
    record Request(Block block, long linear, long before, long after) {}

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
        if (!c.mode64 || !b.valid || b.entry != null) {
            return;
        }
        long page = linear & -PAGE;
        Request r = new Request(b, linear, c.mem.probe(page - PAGE), c.mem.probe(page + PAGE));
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

    private synchronized void translate(Request r) {
        try {
            Made member = r.block.member;
            if (member != null && member.region.valid()) {
                again(r.block, member);
                return;
            }
            for (int size = MAX_SIZE; size >= 1; size /= 2) {
                if (make(r, gather(r, size), 1, null, inHotForm(r.block))) {
                    return;
                }
            }
        } catch (RuntimeException e) {
            failed(r, e);
        }
    }

    private void failed(Request r, RuntimeException e) {
        shared.sight.failed(r.linear, r.block.physical());
        // Whatever the reason, the interpreter can run it. The count never comes by here again.
        LOG.log(System.Logger.Level.WARNING, "code is not translated: " + e);
    }

    /** Forced translation takes the two forms in turn. */
    private boolean inHotForm(Block b) {
        long p = b.physical();
        return mode == ExecutionMode.TRANSLATOR && (p >>> 2 & 1 ^ p >>> 5 & 1) != 0;
    }

    /**
     * Makes a region that runs much once more in the form for the better compiler, or one that has
     * it in the other, if it is too often left.
     */
    private synchronized void promote(Region region) {
        for (Made m : kept) {
            if (m.region == region) {
                if (region.valid()) {
                    promote(m);
                }
                return;
            }
        }
    }

    /** From now on no region gets the form for the better compiler. */
    void stayPlain() {
        plain = true;
    }

    private void promote(Made m) {
        boolean hot = m.region.deservesHotForm() && !plain;
        try {
            if (hot == m.hot || !make(m.request, m.blocks, m.version, m, hot)) {
                m.region.compileFully();
            } else if (!hot && !warming.isEmpty()) {
                warming.getLast().region.stayPlain();
            }
        } catch (RuntimeException e) {
            failed(m.request, e);
        }
    }

    /** Makes a region once more, for a part of it that is hot by itself. */
    private void again(Block hot, Made m) {
        if (warming.contains(m)) {
            hot.count = 0; // HotSpot is at work on it
            return;
        }
        if (!make(m.request, m.blocks, m.version + 1, m, m.hot)) {
            // One region that can be entered everywhere is too long: several small ones.
            synchronized (this) {
                kept.remove(m);
                boolean ignored = forget(m, true, InvalidationReason.REPLACED);
            }
            for (int size = MAX_SIZE / 4; size >= 1; size /= 2) {
                boolean near = ((hot.physical() ^ m.request.block.physical()) & -PAGE) == 0;
                long linear = (m.request.linear & -PAGE) + distance(m, hot);
                Request r =
                        near
                                ? new Request(hot, linear, m.request.before, m.request.after)
                                : new Request(hot, linear, -1, -1);
                if (make(r, gather(r, size), 1, null, m.hot)) {
                    return;
                }
            }
        }
    }

    private static int distance(Made m, Block b) {
        for (Map.Entry<Integer, Block> e : m.blocks.entrySet()) {
            if (e.getValue() == b) {
                return e.getKey();
            }
        }
        return Part.UNKNOWN;
    }

    /** Keeps a region, and makes room if there are too many: the older half goes. */
    private synchronized void keep(Made m) {
        kept.add(m);
        instructions += m.region.size();
        if (instructions <= budget) {
            return;
        }
        kept.removeIf(k -> forget(k, !k.region.valid(), InvalidationReason.EVICTED));
        int before = instructions;
        int half = instructions > budget / 2 ? kept.size() / 2 : 0;
        for (int n = 0; n < half; n++) {
            boolean ignored = forget(kept.removeFirst(), true, InvalidationReason.EVICTED);
        }
        shared.sight.evicted(half, before - instructions, instructions);
        // Links and tables would keep the classes of what is gone.
        kept.forEach(k -> k.region.unlink());
        shared.exclusive.forEach(c -> {
            c.regions.clear();
            c.attend(Cpu.ATTENTION_CODE);
        });
    }

    private boolean forget(Made m, boolean gone, InvalidationReason reason) {
        if (gone) {
            instructions -= m.region.size();
            m.region.invalidate(shared.sight, reason);
            for (Block b : m.blocks.values()) {
                RegionEntry e = b.entry;
                if (e != null && e.region() == m.region) {
                    b.entry = null;
                    b.count = 0;
                }
                if (b.member == m) {
                    b.member = null;
                }
            }
        }
        return gone;
    }

    /** The hot block and those it leads to, by distance from its page. */
    private Map<Integer, Block> gather(Request r, int size) {
        long page = r.block.physical() & -PAGE;
        Map<Integer, Block> blocks = new LinkedHashMap<>();
        ArrayDeque<Integer> open = new ArrayDeque<>();
        open.add((int) r.block.physical() & PAGE - 1);
        int count = 0;
        while (!open.isEmpty()) {
            int d = open.remove();
            if (blocks.containsKey(d)) {
                continue;
            }
            Block b = blocks.isEmpty() ? r.block : at(r, page, d);
            if (b == null || !blocks.isEmpty() && !belongs(b, count, size)) {
                continue;
            }
            int last = d + b.bytes - 1;
            if (last >= 2 * PAGE || b.secondPage >= 0 && b.secondPage != page(r, page, last)) {
                if (blocks.isEmpty()) {
                    return blocks; // nothing to be done
                }
                continue;
            }
            count += b.decoded.length;
            blocks.put(d, b);
            for (int next : successors(new Part(d, b.decoded, b.bytes))) {
                if (next >= -PAGE && next < 2 * PAGE) {
                    open.add(next);
                }
            }
        }
        return blocks;
    }

    private boolean belongs(Block b, int count, int size) {
        Made member = b.member;
        return count + b.decoded.length <= size
                && (member == null || !member.region.valid())
                && (mode == ExecutionMode.TRANSLATOR || b.count >= THRESHOLD / COLD);
    }

    /**
     * Translates blocks, the first of which is the hot one.
     *
     * @param old what it replaces, or null
     * @param hot which form it is to have
     * @return false if the region came out too long
     */
    private boolean make(
            Request r, Map<Integer, Block> blocks, int version, @Nullable Made old, boolean hot) {
        if (blocks.isEmpty()) {
            return true;
        }
        long page = r.block.physical() & -PAGE;
        Map<Integer, Long> pages = new HashMap<>();
        List<Part> parts = new ArrayList<>();
        int count = 0;
        for (Map.Entry<Integer, Block> e : blocks.entrySet()) {
            Part p = part(e.getKey(), e.getValue(), blocks);
            parts.add(p);
            count += p.size();
            pages.put(p.distance() & -PAGE, page(r, page, p.distance()));
            int last = p.next() - 1;
            pages.put(last & -PAGE, page(r, page, last));
            if (mode == ExecutionMode.TRANSLATOR
                    || version == MAX_VERSIONS
                    || old != null
                            && (old.region.entry(p.distance()) != null
                                    || e.getValue().count >= THRESHOLD / 4)) {
                p.enter();
            }
        }
        Translation sight = shared.sight.translation(r.linear, r.block.physical(), count);
        Region region =
                RegionCompiler.compile(
                        parts.getFirst(),
                        parts,
                        pages,
                        shared.memory,
                        shared.smp,
                        hot,
                        shared.sight.dump(),
                        r.linear & -PAGE);
        sight.generated(region == null ? 0 : region.bytecode());
        if (region == null) {
            return false;
        }
        for (Block b : blocks.values()) {
            if (!b.use(region)) {
                region.invalidate();
                sight.end(Translation.Outcome.OVERTAKEN);
                return true;
            }
        }
        Made m = new Made(region, r, blocks, version, hot, sight);
        blocks.values().forEach(b -> b.member = m);
        if (mode == ExecutionMode.TRANSLATOR) {
            publish(m);
        } else {
            region.warmUp(hot);
            warming.add(m);
        }
        return true;
    }

    /** A block as a part; it ends where another begins. */
    private static Part part(int distance, Block b, Map<Integer, Block> blocks) {
        for (int k = 1; k < b.decoded.length; k++) {
            int offset = b.decoded[k].offset;
            if (blocks.containsKey(distance + offset)) {
                return new Part(distance, Arrays.copyOf(b.decoded, k), offset);
            }
        }
        return new Part(distance, b.decoded, b.bytes);
    }

    /** On the translator's thread: translates, and lets go what HotSpot has compiled meanwhile. */
    private void background(Request r) {
        translate(r);
        waitForHotSpot();
    }

    private void waitForHotSpot() {
        do {
            warming.removeIf(this::ready);
            if (!thread.getQueue().isEmpty() && warming.size() < MAX_WARMING) {
                return;
            }
            LockSupport.parkNanos(POLL_NANOS);
        } while (!warming.isEmpty());
    }

    private boolean ready(Made m) {
        if (!m.region.valid()) {
            m.sight.end(Translation.Outcome.OVERTAKEN);
            return true;
        }
        if (!m.region.warm()) {
            if (m.region.hopeless()) {
                m.region.invalidate();
                m.sight.end(Translation.Outcome.OVERTAKEN);
                return true;
            }
            return false;
        }
        publish(m);
        return true;
    }

    /** Looks each millisecond which region every vCPU is in, less often while none is in any. */
    private void sample() {
        int idle = 0;
        long last = System.nanoTime();
        while (true) {
            LockSupport.parkNanos(idle < 100 ? 1_000_000 : 50_000_000);
            // On a busy machine it comes late: what it finds then has run for long.
            long now = System.nanoTime();
            int millis = Math.clamp((now - last) / 1_000_000, 1, MAX_MILLIS);
            last = now;
            boolean[] any = {false};
            shared.exclusive.forEach(c -> {
                Region r = c.running;
                if (r != null) {
                    any[0] = true;
                    if (r.sample(millis)) {
                        hot(r);
                    }
                }
            });
            idle = any[0] ? 0 : idle + 1;
        }
    }

    private void hot(Region r) {
        try {
            thread.execute(() -> {
                promote(r);
                waitForHotSpot();
            });
        } catch (RejectedExecutionException e) {
            r.forgetSamples();
        }
    }

    private void publish(Made m) {
        if (!sampling && HotSpot.available()) {
            sampling = true;
            Thread t = new Thread(this::sample, "queztl-sampler");
            t.setDaemon(true);
            t.start();
        }
        for (Map.Entry<Integer, Block> e : m.blocks.entrySet()) {
            Block b = e.getValue();
            RegionEntry before = b.entry;
            b.entry = m.region.entry(e.getKey());
            b.count = 0;
            if (before != null && before.region() != m.region) {
                before.region().invalidate(shared.sight, InvalidationReason.REPLACED);
            }
        }
        m.sight.end(Translation.Outcome.PUBLISHED);
        keep(m);
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
