package io.queztl.machine.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The second-stage page table: for each guest-physical page of 4 KiB, where its RAM is and what is
 * known of it. It sits under every access path: software TLBs are filled from guest page tables ×
 * this table, DMA goes through {@link GuestMemory}, which asks it too.
 *
 * <p>Page states are bits; setting and clearing them is atomic and may be done by any thread. A bit
 * that makes writes leave the fast path ({@link #WRITE_SLOW}) only takes effect once the vCPUs have
 * dropped their TLB entries for the page, which is the business of whoever sets it.
 */
public final class SecondStage {
    /** Bytes in a page. */
    public static final int PAGE_SIZE = 4096;

    /** The page was written since dirty logging last cleared the bit. */
    public static final int DIRTY = 1;

    /** The accelerator holds translated or decoded code of this page. */
    public static final int CODE = 2;

    /** The page is ROM: guest writes are dropped. */
    public static final int READ_ONLY = 4;

    /** Writes to pages with any of these bits take the slow path. */
    public static final int WRITE_SLOW = CODE | READ_ONLY;

    private static final VarHandle BITS = MethodHandles.arrayElementVarHandle(byte[].class);

    private final int[] frames;
    private final byte[] bits;
    private volatile boolean dirtyLogging;

    SecondStage(int pages) {
        frames = new int[pages];
        bits = new byte[pages];
        Arrays.fill(frames, -1);
    }

    /** Sets what is behind pages: memory from {@code ramOffset} on, or nothing if it is -1. */
    void map(long guestPhysical, long bytes, long ramOffset, boolean readOnly) {
        int first = (int) (guestPhysical / PAGE_SIZE);
        for (int i = 0; i < bytes / PAGE_SIZE; i++) {
            frames[first + i] = ramOffset < 0 ? -1 : (int) (ramOffset / PAGE_SIZE) + i;
            long page = guestPhysical + (long) i * PAGE_SIZE;
            if (readOnly) {
                set(page, READ_ONLY);
            } else {
                int ignored = clear(page, READ_ONLY);
            }
        }
    }

    /**
     * Where the RAM of a guest-physical page is.
     *
     * @param guestPhysical any address in the page
     * @return the offset of the page's first byte in {@link GuestMemory#ram()}, or -1 where there
     *     is no RAM: MMIO or a hole
     */
    public long ramPage(long guestPhysical) {
        long page = guestPhysical >>> 12;
        if (page >= frames.length) {
            return -1;
        }
        int frame = frames[(int) page];
        return frame < 0 ? -1 : (long) frame << 12;
    }

    /** The state bits of the page that holds {@code guestPhysical}; 0 where there is no RAM. */
    public int state(long guestPhysical) {
        long page = guestPhysical >>> 12;
        return page >= bits.length ? 0 : (byte) BITS.getVolatile(bits, (int) page) & 0xff;
    }

    /** Sets state bits of one page. */
    public void set(long guestPhysical, int mask) {
        BITS.getAndBitwiseOr(bits, (int) (guestPhysical >>> 12), (byte) mask);
    }

    /** Clears state bits of one page; returns the bits before. */
    public int clear(long guestPhysical, int mask) {
        return (byte) BITS.getAndBitwiseAnd(bits, (int) (guestPhysical >>> 12), (byte) ~mask)
                & 0xff;
    }

    /** Whether writes must be recorded in {@link #DIRTY}. */
    public boolean dirtyLogging() {
        return dirtyLogging;
    }

    /** Switches dirty logging; vCPUs must drop their write TLB entries afterwards. */
    public void dirtyLogging(boolean on) {
        dirtyLogging = on;
    }

    /** True if a write to this page must take the slow path now. */
    public boolean writeIsSlow(long guestPhysical) {
        int s = state(guestPhysical);
        return (s & WRITE_SLOW) != 0 || (dirtyLogging && (s & DIRTY) == 0);
    }
}
