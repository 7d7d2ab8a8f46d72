package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.sight.InvalidationReason;
import io.queztl.machine.memory.SecondStage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The decoded blocks of a VM, by guest-physical page. A page with blocks has {@link
 * SecondStage#CODE} set, so that every write to it comes by here: blocks that the write overlaps
 * are invalidated, and when none is left the page is plain again.
 *
 * <p>Marking a page stops all vCPUs ({@link io.queztl.emulator.cpu.ExclusiveSection}) so that none
 * keeps a write translation from before: no write can be missed. A write between the reading of a
 * page and the adding of the block shows in the page's generation; such a block runs once, as on a
 * CPU that had fetched it before the write, and is not kept.
 *
 * <p>Lock order: this (for trimming), a page. Nothing else is locked with a page's lock held.
 */
public final class CodeCache {
    private static final int MAX_INSTRUCTIONS = 64;

    /** Instructions kept at most, in all pages; one takes some 250 bytes of heap. */
    private static final int MAX_KEPT = 1 << 21;

    /** Pages with blocks at most, so that a guest that jumps everywhere costs no more either. */
    private static final int MAX_PAGES = 1 << 17;

    private final class Page {
        /** Blocks that start here, by key. */
        final HashMap<Long, Block> blocks = new HashMap<>();

        /** Blocks that start in another page and end here. */
        final List<Block> tails = new ArrayList<>();

        /** Changes when the page is written. */
        long generation;

        /** A bit for each byte that may be part of a block; others can be written at no cost. */
        final long[] code = new long[SecondStage.PAGE_SIZE / Long.SIZE];

        /** True if no block has a byte of the range, which lies in the page. */
        boolean isFree(long start, long bytes) {
            int first = (int) start & SecondStage.PAGE_SIZE - 1;
            int last = (int) Math.min(first + bytes, SecondStage.PAGE_SIZE) - 1;
            for (int word = first >> 6; word <= last >> 6; word++) {
                if ((code[word] & mask(word, first, last)) != 0) {
                    return false;
                }
            }
            return true;
        }

        void mark(int first, int last) {
            for (int word = first >> 6; word <= last >> 6; word++) {
                code[word] |= mask(word, first, last);
            }
        }

        /** The bits of a word that stand for bytes from first to last. */
        private static long mask(int word, int first, int last) {
            long from = word == first >> 6 ? -1L << (first & 63) : -1L;
            long to = word == last >> 6 ? -1L >>> 63 - (last & 63) : -1L;
            return from & to;
        }

        /** Marks the bytes of a block that starts here. */
        void markHead(Block b) {
            int first = (int) b.physical() & SecondStage.PAGE_SIZE - 1;
            mark(first, Math.min(first + b.bytes, SecondStage.PAGE_SIZE) - 1);
        }

        /** Marks the bytes of a block that ends here. */
        void markTail(Block b) {
            int first = (int) b.physical() & SecondStage.PAGE_SIZE - 1;
            mark(0, first + b.bytes - SecondStage.PAGE_SIZE - 1);
        }

        /** After blocks went: marks what is left. */
        void markAgain() {
            Arrays.fill(code, 0);
            blocks.values().forEach(this::markHead);
            tails.forEach(this::markTail);
        }

        /** No longer in {@link #pages}. */
        boolean dropped;
    }

    private final Shared shared;
    private final ConcurrentHashMap<Long, Page> pages = new ConcurrentHashMap<>();
    private final AtomicInteger kept = new AtomicInteger();

    /** How often translated code was invalidated. */
    private final AtomicInteger translated = new AtomicInteger();

    /** Makes regions of blocks. */
    final Translator translator;

    /** For {@link Shared} only. */
    public CodeCache(Shared shared) {
        this.shared = shared;
        this.translator = new Translator(this, shared);
        shared.memory.codeWatcher(p -> written(p, SecondStage.PAGE_SIZE));
        shared.memory.mappingWatcher(this::remapped);
    }

    /**
     * Drops the blocks of pages that have other memory behind them now, and has every vCPU drop its
     * translations: the one whose thread this is at once, the others when they next look up.
     */
    private void remapped(long physical, long bytes) {
        for (long page = physical; page < physical + bytes; page += SecondStage.PAGE_SIZE) {
            boolean ignored = written(page, SecondStage.PAGE_SIZE);
        }
        shared.exclusive.forEach(c -> {
            if (c.thread == Thread.currentThread()) {
                c.mem.flushAll();
            } else {
                c.attend(Cpu.ATTENTION_MAPPING);
            }
        });
    }

    /**
     * Drops blocks that overlap a written range of guest-physical memory within one page.
     *
     * @return true if translated code was among them; vCPUs that run it are asked to leave
     */
    public boolean written(long physical, long bytes) {
        Page page = pages.get(physical >>> 12);
        if (page == null) {
            return false;
        }
        int before = translated.get();
        synchronized (page) {
            page.generation++;
            boolean empty = page.blocks.isEmpty() && page.tails.isEmpty();
            if (!empty && page.isFree(physical, bytes)) {
                return false;
            }
            long end = physical + bytes;
            page.blocks.values().removeIf(b -> forget(b, dropIfWritten(b, physical, end)));
            page.tails.removeIf(b -> dropIfWritten(b, physical, end));
            page.markAgain();
            if (page.blocks.isEmpty() && page.tails.isEmpty()) {
                shared.memory.secondStage().clear(physical, SecondStage.CODE);
            }
        }
        if (translated.get() == before) {
            return false;
        }
        shared.exclusive.forEach(c -> c.attend(Cpu.ATTENTION_CODE));
        return true;
    }

    /** Invalidates a block and counts if translated code went with it. */
    private void invalidate(Block b, InvalidationReason reason) {
        if (b.invalidate(shared.sight, reason)) {
            translated.incrementAndGet();
        }
    }

    private boolean forget(Block b, boolean dropped) {
        if (dropped) {
            kept.addAndGet(-b.decoded.length);
        }
        return dropped;
    }

    private boolean dropIfWritten(Block b, long start, long end) {
        boolean overlaps;
        if (b.secondPage < 0) {
            overlaps = b.physical() < end && start < b.physical() + b.bytes;
        } else {
            int first = SecondStage.PAGE_SIZE - ((int) b.physical() & 0xfff);
            overlaps =
                    b.physical() < end && start < b.physical() + first
                            || b.secondPage < end && start < b.secondPage + b.bytes - first;
        }
        if (overlaps) {
            invalidate(b, InvalidationReason.WRITTEN);
        }
        return overlaps || !b.valid;
    }

    /** Finds a block, or null. */
    @Nullable Block find(long key) {
        Page page = pages.get(key >>> 14);
        if (page == null) {
            return null;
        }
        synchronized (page) {
            Block b = page.blocks.get(key);
            return b != null && b.valid ? b : null;
        }
    }

    /**
     * Decodes the block at the CPU's RIP.
     *
     * @param physical where its first byte is
     * @param limit most instructions to take; with 1 the block is not cached
     */
    Block decode(Cpu c, Decoder decoder, byte[] buffer, long linear, long physical, int limit) {
        int codeSize = c.codeSize;
        boolean keep = limit > 1 && shared.memory.secondStage().ramPage(physical) >= 0;
        Page page = null;
        Page second = null;
        long generation = 0;
        long secondGeneration = 0;
        if (keep) {
            page = page(physical);
            generation = generation(page);
            watch(c, physical);
        }
        int first = SecondStage.PAGE_SIZE - ((int) physical & 0xfff);
        int available = Math.min(first, buffer.length - 16);
        read(physical, buffer, 0, available);
        ArrayList<Insn> list = new ArrayList<>();
        int at = 0;
        long secondPage = -1;
        while (list.size() < Math.min(limit, MAX_INSTRUCTIONS)) {
            Insn i = decoder.decode(buffer, at, available, codeSize);
            if (i == null && !list.isEmpty()) {
                break;
            }
            if (i == null && decoder.status() == Decoder.TRUNCATED) {
                // The first instruction crosses into the next page.
                secondPage = c.mem.fetch(linear + first & (c.mode64 ? -1 : 0xffff_ffffL)) & ~0xfffL;
                keep &= shared.memory.secondStage().ramPage(secondPage) >= 0;
                if (keep) {
                    second = page(secondPage);
                    secondGeneration = generation(second);
                    watch(c, secondPage);
                }
                read(secondPage, buffer, available, 15);
                i = decoder.decode(buffer, at, available + 15, codeSize);
            }
            if (i == null) {
                throw c.gp(0);
            }
            int length = i.end;
            i.offset = (short) at;
            i.end = (short) (at + length);
            if (i.base == Cpu.BLOCK_RIP) {
                i.displacement += i.end;
            }
            Executors.bind(i);
            list.add(i);
            at = i.end;
            if (i.row.end || at >= first) {
                break;
            }
        }
        long key = physical << 2 | Block.sizeCode(codeSize);
        Block b = new Block(key, list.toArray(new Insn[0]), at, secondPage);
        if (!keep || page == null || !add(b, page, generation, second, secondGeneration)) {
            b.valid = false; // run once
        } else {
            c.counters.decodedBlocks++;
            c.counters.decodedInstructions += b.decoded.length;
        }
        return b;
    }

    private void read(long physical, byte[] target, int start, int bytes) {
        long page = shared.memory.secondStage().ramPage(physical);
        if (page >= 0) {
            MemorySegment.copy(
                    shared.memory.ram(),
                    io.queztl.machine.memory.GuestMemory.I8,
                    page + (physical & 0xfff),
                    target,
                    start,
                    bytes);
        } else {
            for (int k = 0; k < bytes; k++) {
                target[start + k] = (byte) shared.mmio.read(physical + k, 1);
            }
        }
    }

    /** Makes writes to a page come by here from now on. */
    private void watch(Cpu c, long physical) {
        SecondStage stage = shared.memory.secondStage();
        if ((stage.state(physical) & SecondStage.CODE) != 0) {
            return;
        }
        shared.exclusive.begin(c);
        try {
            stage.set(physical, SecondStage.CODE);
            shared.exclusive.forEach(cpu -> cpu.mem.flushWrites(physical & ~0xfffL));
        } finally {
            shared.exclusive.end(c);
        }
    }

    private Page page(long physical) {
        if (kept.get() > MAX_KEPT || pages.size() > MAX_PAGES) {
            trim();
        }
        return pages.computeIfAbsent(physical >>> 12, k -> new Page());
    }

    private static long generation(Page page) {
        synchronized (page) {
            return page.generation;
        }
    }

    /** Drops everything. */
    private synchronized void trim() {
        if (kept.get() <= MAX_KEPT && pages.size() <= MAX_PAGES) {
            return; // another vCPU was first
        }
        pages.forEach((number, page) -> {
            synchronized (page) {
                page.dropped = true;
                page.blocks.values().forEach(b -> forget(b, true));
                page.blocks.values().forEach(b -> invalidate(b, InvalidationReason.TRIMMED));
                page.tails.forEach(b -> invalidate(b, InvalidationReason.TRIMMED));
                page.blocks.clear();
                page.tails.clear();
                shared.memory.secondStage().clear(number << 12, SecondStage.CODE);
                pages.remove(number, page);
            }
        });
    }

    /**
     * Keeps a block, in place of one that another vCPU made meanwhile.
     *
     * @return false if one of its pages was written since its generation was asked for
     */
    private boolean add(
            Block b, Page page, long generation, @Nullable Page second, long secondGeneration) {
        // The tail first: once it is there, a write to either page finds the block.
        if (second != null) {
            synchronized (second) {
                if (second.dropped || second.generation != secondGeneration) {
                    return false;
                }
                second.tails.removeIf(old -> !old.valid);
                second.tails.add(b);
                second.markTail(b);
            }
        }
        synchronized (page) {
            if (page.dropped || page.generation != generation || !b.valid) {
                return false;
            }
            Block old = page.blocks.put(b.key, b);
            page.markHead(b);
            if (old != null && forget(old, true)) {
                invalidate(old, InvalidationReason.REPLACED);
            }
            kept.addAndGet(b.decoded.length);
            return true;
        }
    }
}
