package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import io.queztl.machine.memory.SecondStage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The decoded blocks of a VM, by guest-physical page. A page with blocks has {@link
 * SecondStage#CODE} set, so that every write to it comes by here: blocks that the write overlaps
 * are invalidated, and when none is left the page is plain again.
 *
 * <p>Marking a page stops all vCPUs ({@link io.queztl.emulator.cpu.ExclusiveSection}) so that none
 * keeps a write translation from before: no write can be missed.
 */
public final class CodeCache {
    private static final int MAX_INSTRUCTIONS = 64;
    private static final int MAX_BLOCKS = 400_000;

    private final class Page {
        /** Blocks that start here, by key. */
        final HashMap<Long, Block> blocks = new HashMap<>();

        /** Blocks that start in another page and end here. */
        final List<Block> tails = new ArrayList<>();
    }

    private final Shared shared;
    private final ConcurrentHashMap<Long, Page> pages = new ConcurrentHashMap<>();
    private int blockCount;
    private final Insn stop;

    /** For {@link Shared} only. */
    public CodeCache(Shared shared) {
        this.shared = shared;
        this.stop = Decoder.invalidInsn();
        stop.exec =
                (c, i) -> {
                    throw Block.Stopped.INSTANCE;
                };
        shared.memory.codeWatcher(p -> written(p, SecondStage.PAGE_SIZE));
    }

    /** Drops blocks that overlap a written range of guest-physical memory within one page. */
    public void written(long physical, long bytes) {
        Page page = pages.get(physical >>> 12);
        if (page == null) {
            return;
        }
        synchronized (page) {
            long end = physical + bytes;
            page.blocks.values().removeIf(b -> dropIfWritten(b, physical, end));
            page.tails.removeIf(b -> dropIfWritten(b, physical, end));
            if (page.blocks.isEmpty() && page.tails.isEmpty()) {
                shared.memory.secondStage().clear(physical, SecondStage.CODE);
            }
        }
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
            b.invalidate(stop);
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
        long ramPage = shared.memory.secondStage().ramPage(physical);
        if (ramPage >= 0 && limit > 1) {
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
                if (limit > 1 && shared.memory.secondStage().ramPage(secondPage) >= 0) {
                    watch(c, secondPage);
                }
                read(secondPage, buffer, available, 15);
                i = decoder.decode(buffer, at, available + 15, codeSize);
            }
            if (i == null) {
                throw c.gp(0);
            }
            int length = i.end;
            i.offset = at;
            i.end = at + length;
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
        if (ramPage >= 0 && limit > 1) {
            add(b);
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

    private void add(Block b) {
        if (++blockCount > MAX_BLOCKS) {
            blockCount = 0;
            for (Page page : pages.values()) {
                synchronized (page) {
                    page.blocks.values().forEach(old -> old.valid = false);
                    page.blocks.clear();
                    page.tails.clear();
                }
            }
        }
        Page page = pages.computeIfAbsent(b.physical() >>> 12, k -> new Page());
        synchronized (page) {
            page.blocks.put(b.key, b);
        }
        if (b.secondPage >= 0) {
            Page second = pages.computeIfAbsent(b.secondPage >>> 12, k -> new Page());
            synchronized (second) {
                second.tails.add(b);
            }
        }
    }
}
