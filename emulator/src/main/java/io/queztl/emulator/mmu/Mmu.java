package io.queztl.emulator.mmu;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.ops.DebugRegisters;
import io.queztl.machine.memory.SecondStage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Guest-linear memory of one vCPU: a software TLB over guest page tables × the second stage.
 *
 * <p>A TLB is a {@code long[]} of (tag, addend) pairs, indexed by the page number. The tag is the
 * page's linear address; the addend turns a linear address into an offset in the RAM segment. One
 * compare of {@code (va + size - 1) & ~0xfff} with the tag covers page, right and page crossing: an
 * access that crosses has the tag of the next page. What needs care on writes (code pages, dirty
 * logging, ROM) or has no RAM behind it (MMIO) never gets an entry and takes the slow path.
 *
 * <p>There is a TLB pair for each context in which rights differ: user, supervisor, and supervisor
 * with user pages shut off by SMAP. With several vCPUs, loads acquire and stores release, which
 * together with locked instructions being CAS gives x86-TSO; the fences cost nothing on x86 hosts.
 */
public final class Mmu {
    private static final int ENTRIES = 1024;

    /** Mask of a page's address. */
    public static final long PAGE = ~0xfffL;

    private static final long INVALID = 1;

    private static final int USER = 0;
    private static final int SUPERVISOR_SMAP = 1;
    private static final int SUPERVISOR = 2;

    /** User mode with alignment checks: its TLBs stay empty, so that every access is looked at. */
    private static final int USER_ALIGNED = 3;

    private static final long CR0_AM = 1 << 18;

    private static final VarHandle LONGS =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle INTS =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final Cpu c;
    private final boolean smp;
    private final PageWalker walker;
    private final SecondStage stage;

    /** All guest RAM, by RAM offset. */
    public final MemorySegment ram;

    /** Where RAM begins in the host's memory. */
    private final long host;

    /** No offset that was cut by it leads out of guest RAM and what is reserved behind it. */
    private final long mask;

    private final long[][] readTlbs = new long[4][2 * ENTRIES];
    private final long[][] writeTlbs = new long[4][2 * ENTRIES];
    private final boolean[][] globals = new boolean[4][ENTRIES];
    private final byte[][] shifts = new byte[4][ENTRIES];
    private final boolean[] used = new boolean[4];
    private final long[][] fetchTlbs = new long[2][2 * ENTRIES];
    private final boolean[][] fetchGlobals = new boolean[2][ENTRIES];
    private final byte[][] fetchShifts = new byte[2][ENTRIES];
    private final boolean[] fetchUsed = new boolean[2];

    /** The TLB of reads in the present context: (tag, addend) pairs. */
    public long[] readTlb = readTlbs[SUPERVISOR];

    /** The TLB of writes in the present context. */
    public long[] writeTlb = writeTlbs[SUPERVISOR];

    private int context = SUPERVISOR;

    /** The TLB of instruction fetches at the current privilege: (tag, addend) pairs. */
    public long[] fetchTlb = fetchTlbs[1];

    /** Changes whenever a linear address may mean another physical one, or rights changed. */
    public int fetchGeneration;

    /** Where stores are written down before they are made, or null. */
    public @Nullable Journal journal;

    /** Set when the last #GP(0) came from a non-canonical address: #SS(0) for stack accesses. */
    public boolean nonCanonical;

    /** For {@link Cpu} only. */
    public Mmu(Cpu c) {
        this.c = c;
        this.smp = c.shared.smp;
        this.walker = new PageWalker(c);
        this.stage = c.shared.memory.secondStage();
        this.ram = c.shared.memory.ram();
        this.host = ram.address();
        this.mask = c.shared.memory.offsetMask();
        for (long[][] tlbs : new long[][][] {readTlbs, writeTlbs, fetchTlbs}) {
            for (long[] t : tlbs) {
                Arrays.fill(t, INVALID);
            }
        }
    }

    // --- contexts and flushing
    // --------------------------------------------------------------------

    /** Picks the TLBs that fit CPL, CR4.SMAP and RFLAGS.AC. */
    public void updateContext() {
        boolean smap = (c.cr4 & 1 << 21) != 0 && (c.systemFlags & Flags.AC) == 0;
        boolean aligned = (c.systemFlags & Flags.AC) != 0 && (c.cr0 & CR0_AM) != 0;
        int next = c.cpl == 3 ? aligned ? USER_ALIGNED : USER : smap ? SUPERVISOR_SMAP : SUPERVISOR;
        fetchGeneration++;
        context = next;
        readTlb = readTlbs[next];
        writeTlb = writeTlbs[next];
        fetchTlb = fetchTlbs[c.cpl == 3 ? 0 : 1];
    }

    /** Drops all translations, global ones too. */
    public void flushAll() {
        fetchGeneration++;
        for (int k = 0; k < 3; k++) {
            if (used[k]) {
                Arrays.fill(readTlbs[k], INVALID);
                Arrays.fill(writeTlbs[k], INVALID);
                used[k] = false;
            }
        }
        for (int k = 0; k < 2; k++) {
            if (fetchUsed[k]) {
                Arrays.fill(fetchTlbs[k], INVALID);
                fetchUsed[k] = false;
            }
        }
    }

    /** Drops all translations that are not global (MOV to CR3). */
    public void flushNonGlobal() {
        fetchGeneration++;
        for (int k = 0; k < 3; k++) {
            if (used[k]) {
                boolean[] g = globals[k];
                long[] read = readTlbs[k];
                long[] write = writeTlbs[k];
                for (int e = 0; e < ENTRIES; e++) {
                    if (!g[e]) {
                        read[2 * e] = INVALID;
                        write[2 * e] = INVALID;
                    }
                }
            }
        }
        for (int k = 0; k < 2; k++) {
            if (fetchUsed[k]) {
                for (int e = 0; e < ENTRIES; e++) {
                    if (!fetchGlobals[k][e]) {
                        fetchTlbs[k][2 * e] = INVALID;
                    }
                }
            }
        }
    }

    /**
     * Drops the translation of one page (INVLPG). A large page is cached as many 4 KiB pieces, all
     * of which go.
     */
    public void flushPage(long linear) {
        fetchGeneration++;
        for (int k = 0; k < 3; k++) {
            if (used[k]) {
                flushPage(readTlbs[k], shifts[k], linear);
                flushPage(writeTlbs[k], shifts[k], linear);
            }
        }
        for (int k = 0; k < 2; k++) {
            if (fetchUsed[k]) {
                flushPage(fetchTlbs[k], fetchShifts[k], linear);
            }
        }
    }

    private static void flushPage(long[] tlb, byte[] shifts, long linear) {
        for (int e = 0; e < ENTRIES; e++) {
            if ((tlb[2 * e] ^ linear) >>> shifts[e] == 0) {
                tlb[2 * e] = INVALID;
            }
        }
    }

    /** Drops write translations, so that page states set before take effect. */
    public void flushWrites() {
        for (long[] t : writeTlbs) {
            Arrays.fill(t, INVALID);
        }
    }

    /** Drops write translations that lead to one guest-physical page. */
    public void flushWrites(long physicalPage) {
        long page = stage.ramPage(physicalPage);
        for (int k = 0; k < 3; k++) {
            long[] t = writeTlbs[k];
            if (used[k]) {
                for (int x = 0; x < 2 * ENTRIES; x += 2) {
                    if (t[x] + t[x + 1] == page) {
                        t[x] = INVALID;
                    }
                }
            }
        }
    }

    // --- loads
    // ------------------------------------------------------------------------------------

    /** Index of an address's slot in a TLB. */
    public static int slot(long va) {
        return (int) (va >>> 11) & 2 * ENTRIES - 2;
    }

    /** Behind each load. */
    private void acquire() {
        if (smp) {
            VarHandle.acquireFence();
        }
    }

    /** Before each store. */
    private void release() {
        if (smp) {
            VarHandle.releaseFence();
        }
    }

    /** Reads one byte, zero-extended. */
    public long load8(long va) {
        long[] t = readTlb;
        int x = slot(va);
        if (t[x] == (va & PAGE)) {
            long v = RawMemory.HOST.getByte(host + (va + t[x + 1] & mask)) & 0xff;
            acquire();
            return v;
        }
        return loadSlow(va, 1, context);
    }

    /** Reads two bytes, zero-extended. */
    public long load16(long va) {
        long[] t = readTlb;
        int x = slot(va);
        if (t[x] == (va + 1 & PAGE)) {
            long v = RawMemory.HOST.getShort(host + (va + t[x + 1] & mask)) & 0xffff;
            acquire();
            return v;
        }
        return loadSlow(va, 2, context);
    }

    /** Reads four bytes, zero-extended. */
    public long load32(long va) {
        long[] t = readTlb;
        int x = slot(va);
        if (t[x] == (va + 3 & PAGE)) {
            long v = RawMemory.HOST.getInt(host + (va + t[x + 1] & mask)) & 0xffff_ffffL;
            acquire();
            return v;
        }
        return loadSlow(va, 4, context);
    }

    /** Reads eight bytes. */
    public long load64(long va) {
        long[] t = readTlb;
        int x = slot(va);
        if (t[x] == (va + 7 & PAGE)) {
            long v = RawMemory.HOST.getLong(host + (va + t[x + 1] & mask));
            acquire();
            return v;
        }
        return loadSlow(va, 8, context);
    }

    /** Reads {@code size} (1, 2, 4, 8) bytes, zero-extended. */
    public long load(long va, int size) {
        return switch (size) {
            case 8 -> load64(va);
            case 4 -> load32(va);
            case 2 -> load16(va);
            default -> load8(va);
        };
    }

    // --- stores
    // -----------------------------------------------------------------------------------

    /** Writes one byte. True means, as for all stores, that decoded code was overwritten. */
    public boolean store8(long va, long value) {
        long[] t = writeTlb;
        int x = slot(va);
        if (t[x] == (va & PAGE)) {
            release();
            RawMemory.HOST.putByte(host + (va + t[x + 1] & mask), (byte) value);
            return false;
        }
        return storeSlow(va, 1, value, context);
    }

    /** Writes two bytes. */
    public boolean store16(long va, long value) {
        long[] t = writeTlb;
        int x = slot(va);
        if (t[x] == (va + 1 & PAGE)) {
            release();
            RawMemory.HOST.putShort(host + (va + t[x + 1] & mask), (short) value);
            return false;
        }
        return storeSlow(va, 2, value, context);
    }

    /** Writes four bytes. */
    public boolean store32(long va, long value) {
        long[] t = writeTlb;
        int x = slot(va);
        if (t[x] == (va + 3 & PAGE)) {
            release();
            RawMemory.HOST.putInt(host + (va + t[x + 1] & mask), (int) value);
            return false;
        }
        return storeSlow(va, 4, value, context);
    }

    /** Writes eight bytes. */
    public boolean store64(long va, long value) {
        long[] t = writeTlb;
        int x = slot(va);
        if (t[x] == (va + 7 & PAGE)) {
            release();
            RawMemory.HOST.putLong(host + (va + t[x + 1] & mask), value);
            return false;
        }
        return storeSlow(va, 8, value, context);
    }

    /** Writes the low {@code size} (1, 2, 4, 8) bytes of a value. */
    public boolean store(long va, int size, long value) {
        return switch (size) {
            case 8 -> store64(va, value);
            case 4 -> store32(va, value);
            case 2 -> store16(va, value);
            default -> store8(va, value);
        };
    }

    /** Reads what {@link #updateStore} will replace, at an offset from {@link #writeOffset}. */
    public long updateLoad(long offset, long va, int size) {
        return offset >= 0 ? ramLoad(offset, size) : load(va, size);
    }

    /** Ends a read-modify-write. */
    public boolean updateStore(long offset, long va, int size, long value) {
        if (offset >= 0) {
            release();
            ramStore(offset, size, value);
            return false;
        }
        return store(va, size, value);
    }

    // --- loads and stores for translated code, which has the TLB and the RAM's address at hand
    // ---

    /** As {@link #load8(long)}; {@code t} is {@link #readTlb}. */
    public static long load8(Mmu m, long[] t, long ram, long mask, long va, boolean smp) {
        int x = slot(va);
        if (t[x] == (va & PAGE)) {
            long v = RawMemory.HOST.getByte(ram + (va + t[x + 1] & mask)) & 0xff;
            if (smp) {
                VarHandle.acquireFence();
            }
            return v;
        }
        return m.loadSlow(va, 1, m.context);
    }

    /** As {@link #load16(long)}; {@code t} is {@link #readTlb}. */
    public static long load16(Mmu m, long[] t, long ram, long mask, long va, boolean smp) {
        int x = slot(va);
        if (t[x] == (va + 1 & PAGE)) {
            long v = RawMemory.HOST.getShort(ram + (va + t[x + 1] & mask)) & 0xffff;
            if (smp) {
                VarHandle.acquireFence();
            }
            return v;
        }
        return m.loadSlow(va, 2, m.context);
    }

    /** As {@link #load32(long)}; {@code t} is {@link #readTlb}. */
    public static long load32(Mmu m, long[] t, long ram, long mask, long va, boolean smp) {
        int x = slot(va);
        if (t[x] == (va + 3 & PAGE)) {
            long v = RawMemory.HOST.getInt(ram + (va + t[x + 1] & mask)) & 0xffff_ffffL;
            if (smp) {
                VarHandle.acquireFence();
            }
            return v;
        }
        return m.loadSlow(va, 4, m.context);
    }

    /** As {@link #load64(long)}; {@code t} is {@link #readTlb}. */
    public static long load64(Mmu m, long[] t, long ram, long mask, long va, boolean smp) {
        int x = slot(va);
        if (t[x] == (va + 7 & PAGE)) {
            long v = RawMemory.HOST.getLong(ram + (va + t[x + 1] & mask));
            if (smp) {
                VarHandle.acquireFence();
            }
            return v;
        }
        return m.loadSlow(va, 8, m.context);
    }

    /** As {@link #store8(long, long)}; {@code t} is {@link #writeTlb}. */
    public static boolean store8(
            Mmu m, long[] t, long ram, long mask, long va, long value, boolean smp) {
        int x = slot(va);
        if (t[x] == (va & PAGE)) {
            if (smp) {
                VarHandle.releaseFence();
            }
            RawMemory.HOST.putByte(ram + (va + t[x + 1] & mask), (byte) value);
            return false;
        }
        return m.storeSlow(va, 1, value, m.context);
    }

    /** As {@link #store16(long, long)}; {@code t} is {@link #writeTlb}. */
    public static boolean store16(
            Mmu m, long[] t, long ram, long mask, long va, long value, boolean smp) {
        int x = slot(va);
        if (t[x] == (va + 1 & PAGE)) {
            if (smp) {
                VarHandle.releaseFence();
            }
            RawMemory.HOST.putShort(ram + (va + t[x + 1] & mask), (short) value);
            return false;
        }
        return m.storeSlow(va, 2, value, m.context);
    }

    /** As {@link #store32(long, long)}; {@code t} is {@link #writeTlb}. */
    public static boolean store32(
            Mmu m, long[] t, long ram, long mask, long va, long value, boolean smp) {
        int x = slot(va);
        if (t[x] == (va + 3 & PAGE)) {
            if (smp) {
                VarHandle.releaseFence();
            }
            RawMemory.HOST.putInt(ram + (va + t[x + 1] & mask), (int) value);
            return false;
        }
        return m.storeSlow(va, 4, value, m.context);
    }

    /** As {@link #store64(long, long)}; {@code t} is {@link #writeTlb}. */
    public static boolean store64(
            Mmu m, long[] t, long ram, long mask, long va, long value, boolean smp) {
        int x = slot(va);
        if (t[x] == (va + 7 & PAGE)) {
            if (smp) {
                VarHandle.releaseFence();
            }
            RawMemory.HOST.putLong(ram + (va + t[x + 1] & mask), value);
            return false;
        }
        return m.storeSlow(va, 8, value, m.context);
    }

    // --- for hot translated code, which looks at the TLB itself
    // ------------------------------------

    /** Offset of the first element of an array of longs from the object, in bytes. */
    public static final int ARRAY = RawMemory.ARRAY;

    /** Of a linear address shifted right by 8: the offset of its TLB entry, in bytes. */
    public static final long ENTRY_MASK = ENTRIES - 1 << 4;

    // --- supervisor accesses of the CPU itself
    // ----------------------------------------------------

    private int systemContext() {
        return (c.cr4 & 1 << 21) != 0 ? SUPERVISOR_SMAP : SUPERVISOR;
    }

    /** Reads as the CPU itself does (descriptor tables, TSS), whatever the CPL. */
    public long loadSystem(long va, int size) {
        int k = systemContext();
        long[] t = readTlbs[k];
        int x = slot(va);
        return t[x] == (va + size - 1 & PAGE)
                ? ramLoad(va + t[x + 1], size)
                : loadSlow(va, size, k);
    }

    /** Writes as the CPU itself does, whatever the CPL. */
    public void storeSystem(long va, int size, long value) {
        int k = systemContext();
        long[] t = writeTlbs[k];
        int x = slot(va);
        if (t[x] == (va + size - 1 & PAGE)) {
            ramStore(va + t[x + 1], size, value);
        } else {
            storeSlow(va, size, value, k);
        }
    }

    /**
     * Sets and clears bits of a byte as the CPU itself does, atomically: accessed and busy bits of
     * descriptors. Faults as a write.
     *
     * @return the byte as it was
     */
    public int changeSystem8(long va, int set, int clear) {
        int k = systemContext();
        check(va, 1, PageWalker.WRITE, k);
        long[] t = writeTlbs[k];
        int x = slot(va);
        if (smp && t[x] == (va & PAGE)) {
            long offset = va + t[x + 1];
            while (true) {
                long old = ramLoad(offset, 1);
                if (compareAndSet(offset, 1, old, old & ~clear | set)) {
                    return (int) old;
                }
            }
        }
        c.shared.exclusive.begin(c);
        try {
            long old = loadSystem(va, 1);
            storeSystem(va, 1, old & ~clear | set);
            return (int) old;
        } finally {
            c.shared.exclusive.end(c);
        }
    }

    /** Loads the page-directory-pointer entries of PAE paging, which the CPU keeps from then on. */
    public void latchPdptes(long cr3) {
        walker.latchPdptes(cr3);
    }

    /** Raises the fault that a supervisor write of the CPU itself to the range would raise. */
    public void checkSystemWrite(long va, int size) {
        check(va, size, PageWalker.WRITE, systemContext());
    }

    // --- checks and direct access
    // -----------------------------------------------------------------

    /** Raises the fault that reading the range (at most a page) would raise. */
    public void checkRead(long va, int size) {
        check(va, size, PageWalker.READ, context);
    }

    /** Raises the fault that writing the range (at most a page) would raise. */
    public void checkWrite(long va, int size) {
        check(va, size, PageWalker.WRITE, context);
    }

    private void check(long va, int size, int access, int k) {
        long[] t = (access == PageWalker.WRITE ? writeTlbs : readTlbs)[k];
        long last = va + size - 1;
        if (t[slot(va)] == (last & PAGE)) {
            return;
        }
        fill(va, access, k);
        if (((va ^ last) & PAGE) != 0) {
            fill(wrap(va, size - 1) & PAGE, access, k);
        }
    }

    /**
     * Where a write of {@code size} bytes would go; raises its fault.
     *
     * @return the offset in {@link #ram}, or -1 if the write must go through {@code store}: MMIO,
     *     ROM, code pages, page crossings
     */
    public long writeOffset(long va, int size) {
        long[] t = writeTlb;
        int x = slot(va);
        long page = va + size - 1 & PAGE;
        if (t[x] == page) {
            return va + t[x + 1];
        }
        check(va, size, PageWalker.WRITE, context);
        return t[x] == page ? va + t[x + 1] : -1;
    }

    /** As {@link #writeOffset}, for a read; -1 for MMIO and page crossings. */
    public long readOffset(long va, int size) {
        long[] t = readTlb;
        int x = slot(va);
        long page = va + size - 1 & PAGE;
        if (t[x] == page) {
            return va + t[x + 1];
        }
        check(va, size, PageWalker.READ, context);
        return t[x] == page ? va + t[x + 1] : -1;
    }

    /** Reads RAM by offset, zero-extended; in the order of loads as {@link #load}. */
    public long ramLoad(long offset, int size) {
        long v =
                switch (size) {
                    case 8 -> RawMemory.HOST.getLong(host + (offset & mask));
                    case 4 -> RawMemory.HOST.getInt(host + (offset & mask)) & 0xffff_ffffL;
                    case 2 -> RawMemory.HOST.getShort(host + (offset & mask)) & 0xffff;
                    default -> RawMemory.HOST.getByte(host + (offset & mask)) & 0xff;
                };
        if (smp) {
            VarHandle.acquireFence();
        }
        return v;
    }

    /**
     * Writes RAM by offset, in the order of stores as {@link #store}; only with an offset from
     * {@link #writeOffset}.
     */
    public void ramStore(long offset, int size, long value) {
        if (smp) {
            VarHandle.releaseFence();
        }
        switch (size) {
            case 8 -> RawMemory.HOST.putLong(host + (offset & mask), value);
            case 4 -> RawMemory.HOST.putInt(host + (offset & mask), (int) value);
            case 2 -> RawMemory.HOST.putShort(host + (offset & mask), (short) value);
            default -> RawMemory.HOST.putByte(host + (offset & mask), (byte) value);
        }
    }

    /** True if {@link #compareAndSet} can do this access: it lies in one aligned 8-byte word. */
    public static boolean atomic(long offset, int size) {
        return (offset & 7) + size <= 8;
    }

    /**
     * Atomic compare-and-set on RAM, for offsets that are {@link #atomic}.
     *
     * @return true if the location held {@code expected}
     */
    public boolean compareAndSet(long offset, int size, long expected, long update) {
        if (size == 8) {
            return LONGS.compareAndSet(ram, offset, expected, update);
        }
        if (size == 4 && (offset & 3) == 0) {
            return INTS.compareAndSet(ram, offset, (int) expected, (int) update);
        }
        long word = offset & ~7L;
        int shift = (int) (offset & 7) * 8;
        long mask = Flags.mask(size) << shift;
        while (true) {
            long old = (long) LONGS.getVolatile(ram, word);
            if (((old ^ expected << shift) & mask) != 0) {
                return false;
            }
            if (LONGS.compareAndSet(ram, word, old, old & ~mask | update << shift & mask)) {
                return true;
            }
        }
    }

    /** Translates without side effects; -1 if unmapped. For debuggers. */
    public long probe(long linear) {
        return walker.probe(linear);
    }

    // --- slow paths
    // -------------------------------------------------------------------------------

    private long wrap(long va, int delta) {
        long a = va + delta;
        return (c.efer & 1 << 10) != 0 ? a : a & 0xffff_ffffL;
    }

    private void canonical(long va) {
        if ((c.efer & 1 << 10) != 0) {
            int shift = (c.cr4 & 1 << 12) != 0 ? 7 : 16;
            if (va << shift >> shift != va) {
                nonCanonical = true;
                throw c.gp(0);
            }
        }
    }

    /** Walks, fills the TLB where that is allowed, and returns the physical address. */
    private long fill(long va, int access, int k) {
        canonical(va);
        c.counters.fills[access]++;
        long physical =
                walker.walk(va, access, k == USER || k == USER_ALIGNED, k == SUPERVISOR_SMAP);
        long page = stage.ramPage(physical);
        if (page < 0 || k == USER_ALIGNED) {
            return physical;
        }
        if ((c.dr[7] & 0xff) != 0 && DebugRegisters.watchesPage(c, va)) {
            return physical;
        }
        int x = slot(va);
        long[] read = readTlbs[k];
        long[] write = writeTlbs[k];
        long tag = va & PAGE;
        used[k] = true;
        if (access == PageWalker.WRITE) {
            if (stage.dirtyLogging()) {
                stage.set(physical, SecondStage.DIRTY);
            }
            if (!stage.writeIsSlow(physical) && journal == null) {
                write[x] = tag;
                write[x + 1] = page - tag;
                // Both halves of a slot share one global bit.
                if (read[x] != tag) {
                    read[x] = INVALID;
                }
                globals[k][x >> 1] = walker.global;
                shifts[k][x >> 1] = (byte) walker.pageShift;
            }
        } else {
            read[x] = tag;
            read[x + 1] = page - tag;
            if (write[x] != tag) {
                write[x] = INVALID;
            }
            globals[k][x >> 1] = walker.global;
            shifts[k][x >> 1] = (byte) walker.pageShift;
        }
        return physical;
    }

    private void checkAlignment(long va, int size) {
        if ((va & size - 1) != 0) {
            throw c.fault(17, 0);
        }
    }

    private long loadSlow(long va, int size, int k) {
        if (k == USER_ALIGNED) {
            checkAlignment(va, size);
        }
        if (((va ^ va + size - 1) & PAGE) != 0) {
            fill(va, PageWalker.READ, k);
            fill(wrap(va, size - 1) & PAGE, PageWalker.READ, k);
            long value = 0;
            for (int b = 0; b < size; b++) {
                value |= loadSlow(wrap(va, b), 1, k) << b * 8;
            }
            return value;
        }
        long physical = fill(va, PageWalker.READ, k);
        if ((c.dr[7] & 0xff) != 0) {
            DebugRegisters.data(c, va, size, false);
        }
        long page = stage.ramPage(physical);
        if (page >= 0) {
            return ramLoad(page + (physical & 0xfff), size);
        }
        return readPhysicalDevice(physical, size);
    }

    private boolean storeSlow(long va, int size, long value, int k) {
        if (k == USER_ALIGNED) {
            checkAlignment(va, size);
        }
        if (((va ^ va + size - 1) & PAGE) != 0) {
            fill(va, PageWalker.WRITE, k);
            fill(wrap(va, size - 1) & PAGE, PageWalker.WRITE, k);
            boolean code = false;
            for (int b = 0; b < size; b++) {
                code |= storeSlow(wrap(va, b), 1, value >>> b * 8 & 0xff, k);
            }
            return code;
        }
        long physical = fill(va, PageWalker.WRITE, k);
        if ((c.dr[7] & 0xff) != 0) {
            DebugRegisters.data(c, va, size, true);
        }
        long page = stage.ramPage(physical);
        if (page >= 0) {
            int state = stage.state(physical);
            if ((state & SecondStage.READ_ONLY) != 0) {
                return false;
            }
            long offset = page + (physical & 0xfff);
            Journal j = journal;
            if (j != null) {
                j.write(physical, size, ramLoad(offset, size));
            }
            ramStore(offset, size, value);
            return (state & SecondStage.CODE) != 0 && c.shared.codeCache.written(physical, size);
        }
        writePhysicalDevice(physical, size, value);
        return false;
    }

    private boolean isLocalApic(long physical) {
        long apic = c.interrupts.apicBase();
        return (physical & PAGE) == (apic & PAGE) && (apic & 0xC00) == 0x800;
    }

    private long readPhysicalDevice(long physical, int size) {
        device();
        if (isLocalApic(physical)) {
            return c.interrupts.readRegister((int) physical & 0xfff, size) & Flags.mask(size);
        }
        return c.shared.mmio.read(physical, size);
    }

    private void device() {
        c.counters.devices++;
        Journal j = journal;
        if (j != null) {
            j.device();
        }
    }

    private void writePhysicalDevice(long physical, int size, long value) {
        device();
        value &= Flags.mask(size);
        if (isLocalApic(physical)) {
            c.interrupts.writeRegister((int) physical & 0xfff, size, value);
        } else {
            c.shared.mmio.write(physical, size, value);
        }
    }

    // --- instruction fetch
    // ------------------------------------------------------------------------

    /**
     * Translates an instruction address without a fault.
     *
     * @return the physical address, or -1 where {@link #fetch} would fault
     */
    public long fetchQuietly(long linear) {
        long[] t = fetchTlb;
        int x = slot(linear);
        return t[x] == (linear & PAGE) ? linear + t[x + 1] : fetchQuietlySlow(linear);
    }

    private long fetchQuietlySlow(long linear) {
        long cr2 = c.cr2;
        try {
            return fetch(linear);
        } catch (GuestException e) {
            c.cr2 = cr2;
            nonCanonical = false;
            return -1;
        }
    }

    /**
     * Translates an instruction address.
     *
     * @return the physical address
     */
    public long fetch(long linear) {
        int k = c.cpl == 3 ? 0 : 1;
        long[] t = fetchTlbs[k];
        int x = slot(linear);
        if (t[x] == (linear & PAGE)) {
            return linear + t[x + 1];
        }
        canonical(linear);
        c.counters.fetchFills++;
        long physical = walker.walk(linear, PageWalker.FETCH, k == 0, false);
        t[x] = linear & PAGE;
        t[x + 1] = (physical & PAGE) - (linear & PAGE);
        fetchGlobals[k][x >> 1] = walker.global;
        fetchShifts[k][x >> 1] = (byte) walker.pageShift;
        fetchUsed[k] = true;
        return physical;
    }
}
