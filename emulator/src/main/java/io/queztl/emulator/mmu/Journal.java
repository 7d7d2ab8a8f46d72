package io.queztl.emulator.mmu;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.machine.memory.SecondStage;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * What one vCPU wrote to guest RAM since {@link #start}, so that it can be undone, and whether it
 * reached for anything that cannot. While a journal is in {@link Mmu#journal} no page gets a write
 * translation, so that every store comes by here.
 */
public final class Journal {
    /** Entries after which translated code is asked to leave. */
    private static final int PLENTY = 1 << 18;

    private static final long ACCESSED_DIRTY = 0x60;

    /** Thrown by an access to a device where {@link #strict} forbids it. */
    public static final class Outside extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private Outside() {
            super("access to a device", null, false, false);
        }
    }

    private static final Outside OUTSIDE = new Outside();

    private final Cpu c;
    private final SecondStage stage;
    private long[] address = new long[1024];
    private int[] size = new int[1024];
    private long[] before = new long[1024];
    private long[] after = new long[1024];
    private int count;

    /** Page table entries in which the walker set accessed or dirty bits. */
    private final Set<Long> walked = new HashSet<>();

    /** A device was accessed. */
    private boolean outside;

    /** Accesses to devices throw {@link Outside} instead of being made. */
    private boolean strict;

    /** An empty journal. */
    public Journal(Cpu c) {
        this.c = c;
        this.stage = c.shared.memory.secondStage();
    }

    /** Forgets everything, and drops all translations, so that every store is seen from now on. */
    public void start(boolean strict) {
        this.strict = strict;
        count = 0;
        outside = false;
        if (!walked.isEmpty()) {
            walked.clear();
        }
        c.mem.journal = this;
        c.mem.flushAll();
    }

    /** True if a device was accessed, which nothing undoes. */
    public boolean wentOutside() {
        return outside;
    }

    /** Number of writes. */
    public int size() {
        return count;
    }

    /** A device is about to be accessed. */
    void device() {
        if (strict) {
            throw OUTSIDE;
        }
        outside = true;
    }

    /** RAM is about to be written, within a page. */
    void write(long physical, int bytes, long old) {
        if (count == address.length) {
            int more = count * 2;
            address = Arrays.copyOf(address, more);
            size = Arrays.copyOf(size, more);
            before = Arrays.copyOf(before, more);
            after = Arrays.copyOf(after, more);
        }
        address[count] = physical;
        size[count] = bytes;
        before[count] = old;
        if (++count == PLENTY && !strict) {
            c.attend(Cpu.ATTENTION_CODE);
        }
    }

    /** The page walker is about to set bits in an entry. */
    void walk(long physical, int bytes, long old) {
        write(physical, bytes, old);
        boolean ignored = walked.add(physical);
    }

    private long get(int k) {
        long page = stage.ramPage(address[k]);
        return c.mem.ramLoad(page + (address[k] & 0xfff), size[k]);
    }

    private void put(int k, long value) {
        long physical = address[k];
        c.mem.ramStore(stage.ramPage(physical) + (physical & 0xfff), size[k], value);
        if ((stage.state(physical) & SecondStage.CODE) != 0) {
            boolean ignored = c.shared.codeCache.written(physical, size[k]);
        }
    }

    /** Remembers what all written places hold now. */
    public void capture() {
        for (int k = 0; k < count; k++) {
            after[k] = get(k);
        }
    }

    /** Makes all written places what they were. */
    public void undo() {
        for (int k = count - 1; k >= 0; k--) {
            put(k, before[k]);
        }
    }

    /** Makes all written places what they were at {@link #capture}. */
    public void redo() {
        for (int k = 0; k < count; k++) {
            put(k, after[k]);
        }
    }

    /** True if another journal has the same places in the same order. */
    public boolean samePlaces(Journal o) {
        return count == o.count
                && Arrays.equals(address, 0, count, o.address, 0, count)
                && Arrays.equals(size, 0, count, o.size, 0, count);
    }

    /**
     * Finds a place that does not hold what it did at {@link #capture}. Accessed and dirty bits
     * that the walker set in one of the two runs do not count: translated code looks ahead for
     * where it goes next.
     *
     * @return its index, or -1 if there is none
     */
    public int changed(Journal other) {
        for (int k = 0; k < count; k++) {
            long difference = get(k) ^ after[k];
            if (difference == 0) {
                continue;
            }
            boolean entry = walked.contains(address[k]) || other.walked.contains(address[k]);
            if (entry) {
                difference &= ~ACCESSED_DIRTY;
            }
            if (difference != 0) {
                return k;
            }
        }
        return -1;
    }

    /** Guest-physical address of a write. */
    public long address(int k) {
        return address[k];
    }

    /** One line about a place: what it holds, and what it held at {@link #capture}. */
    public String describe(int k, String now, String captured) {
        int digits = 2 * size[k];
        return ("memory at physical 0x%x, %d bytes: %s 0x%0" + digits + "x, %s 0x%0" + digits + "x")
                .formatted(address[k], size[k], now, get(k), captured, after[k]);
    }
}
