package io.queztl.emulator.mmu;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.ops.Cpuid;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.SecondStage;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Walks guest page tables: 32-bit, PAE, 4-level and 5-level (SDM volume 3, chapter 4). Sets
 * accessed and dirty bits atomically and raises page faults with exact error codes.
 */
final class PageWalker {
    static final int READ = 0;
    static final int WRITE = 1;
    static final int FETCH = 2;

    private static final int P = 1;
    private static final int W = 2;
    private static final int U = 4;
    private static final int A = 1 << 5;
    private static final int D = 1 << 6;
    private static final int PS = 1 << 7;
    private static final int G = 1 << 8;
    private static final long NX = 1L << 63;
    private static final long ADDRESS = (1L << Cpuid.PHYSICAL_BITS) - 1 & ~0xfffL;
    private static final long RESERVED = (1L << 52) - (1L << Cpuid.PHYSICAL_BITS);

    private static final int ERROR_P = 1;
    private static final int ERROR_W = 2;
    private static final int ERROR_U = 4;
    private static final int ERROR_RESERVED = 8;
    private static final int ERROR_FETCH = 16;
    private static final int ERROR_KEY = 32;

    private static final VarHandle LONGS =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle INTS =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final Cpu c;
    private final GuestMemory memory;

    /** Result of the last walk: the translation is global. */
    boolean global;

    /** Result of the last walk: log2 of the page size. */
    int pageShift = 12;

    /** If true, walks have no side effects and {@link #walk} returns -1 instead of faulting. */
    private boolean probing;

    PageWalker(Cpu c) {
        this.c = c;
        this.memory = c.shared.memory;
    }

    /** As {@link #walk} for a supervisor read, but -1 instead of a fault and no side effects. */
    long probe(long linear) {
        probing = true;
        try {
            return walk(linear, READ, false, false);
        } finally {
            probing = false;
        }
    }

    /**
     * Translates a linear address.
     *
     * @param user the access is a user-mode access
     * @param smap user pages are out of bounds for this supervisor data access
     * @return the physical address
     */
    long walk(long linear, int access, boolean user, boolean smap) {
        global = false;
        pageShift = 12;
        if ((c.cr0 & 1L << 31) == 0) {
            return linear & 0xffff_ffffL;
        }
        if ((c.efer & 1 << 10) != 0) {
            return walkLong(linear, access, user, smap);
        }
        if ((c.cr4 & 1 << 5) != 0) {
            return walkPae(linear & 0xffff_ffffL, access, user, smap);
        }
        return walk32(linear & 0xffff_ffffL, access, user, smap);
    }

    private long walkLong(long linear, int access, boolean user, boolean smap) {
        int levels = (c.cr4 & 1 << 12) != 0 ? 5 : 4;
        return walk64(linear, c.cr3 & ADDRESS, levels, access, user, smap, W | U, false);
    }

    private long walkPae(long linear, int access, boolean user, boolean smap) {
        if (!c.pdptesLatched) {
            latchPdptes(c.cr3);
        }
        long pdpte = c.pdptes[(int) (linear >>> 30)];
        if ((pdpte & P) == 0) {
            return fault(linear, access, user, 0);
        }
        return walk64(linear, pdpte & ADDRESS, 2, access, user, smap, W | U, false);
    }

    void latchPdptes(long cr3) {
        for (int k = 0; k < 4; k++) {
            c.pdptes[k] = load64((cr3 & 0xffff_ffe0L) + k * 8L);
        }
        c.pdptesLatched = true;
    }

    private long walk64(
            long linear,
            long table,
            int levels,
            int access,
            boolean user,
            boolean smap,
            int rights,
            boolean noExecute) {
        boolean nxe = (c.efer & 1 << 11) != 0;
        long reserved = RESERVED | (nxe ? 0 : NX);
        boolean pae = (c.efer & 1 << 10) == 0;
        if (pae) {
            reserved |= 0x7ff0_0000_0000_0000L;
        }
        for (int level = levels; ; level--) {
            int shift = 12 + 9 * (level - 1);
            long address = table + (linear >>> shift & 511) * 8;
            long entry = load64(address);
            while (true) {
                if ((entry & P) == 0) {
                    return fault(linear, access, user, 0);
                }
                boolean leaf = level == 1 || (entry & PS) != 0 && level <= (pae ? 2 : 3);
                long bad = entry & reserved;
                if (!leaf && level > 3 || level == 3 && !leaf && !pae) {
                    bad |= level > 3 ? entry & PS : 0;
                } else if (leaf && level > 1) {
                    bad |= entry & ((1L << shift) - 1) & ~0x1fffL;
                }
                if (bad != 0) {
                    return fault(linear, access, user, ERROR_P | ERROR_RESERVED);
                }
                int entryRights = rights & (int) entry;
                boolean nx = noExecute | (entry & NX) != 0;
                if (leaf) {
                    checkRights(linear, access, user, smap, entryRights, nx, entry);
                    if (denied) {
                        return -1;
                    }
                }
                long wanted = entry | A | (leaf && access == WRITE ? D : 0);
                if (wanted != entry && !probing) {
                    long seen = swap64(address, entry, wanted);
                    if (seen != entry) {
                        entry = seen;
                        continue;
                    }
                }
                rights = entryRights;
                noExecute = nx;
                if (leaf) {
                    global = (entry & G) != 0 && (c.cr4 & 1 << 7) != 0;
                    pageShift = shift;
                    long offset = (1L << shift) - 1;
                    return entry & ADDRESS & ~offset | linear & offset;
                }
                break;
            }
            table = entry & ADDRESS;
        }
    }

    private long walk32(long linear, int access, boolean user, boolean smap) {
        long address = (c.cr3 & 0xffff_f000L) + (linear >>> 22) * 4;
        int rights = W | U;
        boolean large = (c.cr4 & 1 << 4) != 0;
        for (int level = 2; ; level--) {
            int entry = load32(address);
            boolean leaf;
            while (true) {
                if ((entry & P) == 0) {
                    return fault(linear, access, user, 0);
                }
                leaf = level == 1 || large && (entry & PS) != 0;
                if (leaf && level == 2 && (entry & 1 << 21) != 0) {
                    return fault(linear, access, user, ERROR_P | ERROR_RESERVED);
                }
                int entryRights = rights & entry;
                if (leaf) {
                    checkRights(linear, access, user, smap, entryRights, false, 0);
                    if (denied) {
                        return -1;
                    }
                }
                int wanted = entry | A | (leaf && access == WRITE ? D : 0);
                if (wanted != entry && !probing) {
                    int seen = swap32(address, entry, wanted);
                    if (seen != entry) {
                        entry = seen;
                        continue;
                    }
                }
                rights = entryRights;
                break;
            }
            if (leaf) {
                global = (entry & G) != 0 && (c.cr4 & 1 << 7) != 0;
                if (level == 2) {
                    pageShift = 22;
                    long high = (long) (entry >> 13 & 0xff) << 32;
                    return high | entry & 0xffc0_0000L | linear & 0x3f_ffff;
                }
                return entry & 0xffff_f000L | linear & 0xfff;
            }
            address = (entry & 0xffff_f000L) + (linear >>> 12 & 1023) * 4;
        }
    }

    private boolean denied;

    private void checkRights(
            long linear,
            int access,
            boolean user,
            boolean smap,
            int rights,
            boolean noExecute,
            long entry) {
        denied = false;
        boolean userPage = (rights & U) != 0;
        boolean ok;
        if (user && !userPage) {
            ok = false;
        } else if (access == FETCH) {
            ok = !noExecute && (user || !userPage || (c.cr4 & 1 << 20) == 0);
        } else {
            ok = user || !userPage || !smap;
            if (access == WRITE && (rights & W) == 0) {
                ok &= !user && (c.cr0 & 1 << 16) == 0;
            }
        }
        int error = ERROR_P;
        if (ok
                && userPage
                && access != FETCH
                && (c.cr4 & 1 << 22) != 0
                && (c.efer & 1 << 10) != 0) {
            int key = (int) (entry >>> 59 & 15);
            int bits = c.pkru >>> key * 2 & 3;
            if ((bits & 1) != 0
                    || (bits & 2) != 0 && access == WRITE && (user || (c.cr0 & 1 << 16) != 0)) {
                ok = false;
                error |= ERROR_KEY;
            }
        }
        if (!ok) {
            denied = true;
            fault(linear, access, user, error);
        }
    }

    private long fault(long linear, int access, boolean user, int error) {
        if (probing) {
            return -1;
        }
        error |= user ? ERROR_U : 0;
        if (access == WRITE) {
            error |= ERROR_W;
        } else if (access == FETCH
                && ((c.efer & 1 << 11) != 0 && (c.cr4 & 1 << 5) != 0 || (c.cr4 & 1 << 20) != 0)) {
            error |= ERROR_FETCH;
        }
        throw c.pf(linear, error);
    }

    private long load64(long physical) {
        long page = memory.secondStage().ramPage(physical);
        return page < 0
                ? c.shared.mmio.read(physical, 8)
                : (long) LONGS.getVolatile(memory.ram(), page + (physical & 0xff8));
    }

    private int load32(long physical) {
        long page = memory.secondStage().ramPage(physical);
        return page < 0
                ? (int) c.shared.mmio.read(physical, 4)
                : (int) INTS.getVolatile(memory.ram(), page + (physical & 0xffc));
    }

    /** Compare-and-exchange of an entry; returns what was there. */
    private long swap64(long physical, long old, long wanted) {
        long page = memory.secondStage().ramPage(physical);
        if (page < 0 || (memory.secondStage().state(physical) & SecondStage.READ_ONLY) != 0) {
            return old;
        }
        Journal j = c.mem.journal;
        if (j != null) {
            j.walk(physical, 8, old);
        }
        long seen =
                (long)
                        LONGS.compareAndExchange(
                                memory.ram(), page + (physical & 0xff8), old, wanted);
        written(physical, 8);
        return seen;
    }

    private int swap32(long physical, int old, int wanted) {
        long page = memory.secondStage().ramPage(physical);
        if (page < 0 || (memory.secondStage().state(physical) & SecondStage.READ_ONLY) != 0) {
            return old;
        }
        Journal j = c.mem.journal;
        if (j != null) {
            j.walk(physical, 4, old & 0xffff_ffffL);
        }
        int seen =
                (int) INTS.compareAndExchange(memory.ram(), page + (physical & 0xffc), old, wanted);
        written(physical, 4);
        return seen;
    }

    private void written(long physical, int bytes) {
        int state = memory.secondStage().state(physical);
        if ((state & SecondStage.CODE) != 0) {
            c.shared.codeCache.written(physical, bytes);
        }
        if (memory.secondStage().dirtyLogging()) {
            memory.secondStage().set(physical, SecondStage.DIRTY);
        }
    }
}
