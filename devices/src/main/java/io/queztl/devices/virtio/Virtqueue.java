package io.queztl.devices.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The device's side of one virtqueue (VirtIO 1.2, 2.6). Everything in the ring is the guest's and
 * may change at any moment: each field is read once and checked, and what cannot be right throws
 * {@link MalformedRingException}.
 *
 * <p>Not for several threads at once; {@link VirtioDevice} guards each queue with its lock. The
 * indexes that driver and device exchange are read with acquire and written with release; where one
 * side writes and then looks what the other wrote, there is a full fence between.
 */
public abstract sealed class Virtqueue permits SplitVirtqueue, PackedVirtqueue {
    /** The largest ring there can be. */
    public static final int MAX_SIZE = 32768;

    static final int DESCRIPTOR = 16;
    static final int NEXT = 1;
    static final int WRITE = 2;
    static final int INDIRECT = 4;

    private static final VarHandle SHORT =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    final GuestMemory memory;
    final MemorySegment ram;
    final int size;
    final boolean eventIndex;
    private final boolean indirect;
    private volatile boolean stopped;

    Virtqueue(GuestMemory memory, int size, long features) {
        this.memory = memory;
        ram = memory.ram();
        this.size = size;
        eventIndex = (features & VirtioFeatures.EVENT_INDEX) != 0;
        indirect = (features & VirtioFeatures.INDIRECT_DESCRIPTORS) != 0;
    }

    /**
     * The ring that a driver has set up.
     *
     * @param state registers and position
     * @param features what was negotiated
     * @throws MalformedRingException for a ring outside RAM, misaligned or of an impossible size
     */
    static Virtqueue open(GuestMemory memory, VirtqueueState state, long features) {
        return (features & VirtioFeatures.PACKED_RING) != 0
                ? new PackedVirtqueue(memory, state, features)
                : new SplitVirtqueue(memory, state, features);
    }

    /** Entries. */
    public final int size() {
        return size;
    }

    /**
     * Takes the next available chain.
     *
     * @return false if there is none, or the queue was told to stop
     * @throws MalformedRingException if ring or chain is broken
     */
    public abstract boolean pop(DescriptorChain chain);

    /** True if there is a chain to take. */
    public abstract boolean waiting();

    /** Puts back the chain that was taken last and not yet given back. */
    public abstract void unpop(DescriptorChain chain);

    /**
     * Gives a chain back to the driver, who sees it after {@link #publish}.
     *
     * @param written bytes written to it
     */
    public abstract void push(DescriptorChain chain, long written);

    /** Lets the driver see all chains that were given back. */
    public abstract void publish();

    /** True if the driver wants an interrupt for what was published since it last was true. */
    public abstract boolean interruptWanted();

    /** Tells the driver that it need not notify. */
    public abstract void disableNotifications();

    /**
     * Tells the driver that it must notify of the next chain.
     *
     * @return true if there is one already, of which no notification will come
     */
    public abstract boolean enableNotifications();

    /** The registers as given, with the present position. */
    abstract VirtqueueState state(VirtqueueState registers);

    /** Lets {@link #pop} find nothing more: the device is to be reset. Any thread. */
    final void stop() {
        stopped = true;
    }

    final boolean stopped() {
        return stopped;
    }

    // ---- for both kinds

    final long area(long address, long bytes, int alignment, String what) {
        if ((address & alignment - 1) != 0 || !memory.isRam(address, bytes)) {
            throw new MalformedRingException(
                    "the %s at 0x%x is misaligned or outside RAM".formatted(what, address));
        }
        return memory.offset(address, bytes);
    }

    final int load(long offset) {
        return (short) SHORT.getAcquire(ram, offset) & 0xffff;
    }

    final void store(long offset, long address, int value) {
        SHORT.setRelease(ram, offset, (short) value);
        // Dirty bits, and code that the page may hold.
        memory.written(address, 2);
    }

    /**
     * Adds the segments of an indirect table (2.7.5.3, 2.8.7).
     *
     * @param chained true if entries are linked by index (split), else all are used in order
     */
    final void addIndirect(DescriptorChain chain, long table, long bytes, boolean chained) {
        if (!indirect) {
            throw new MalformedRingException("an indirect descriptor was not negotiated");
        }
        long entries = bytes / DESCRIPTOR;
        if (entries == 0 || bytes % DESCRIPTOR != 0 || entries > MAX_SIZE) {
            throw new MalformedRingException("an indirect table of %d bytes".formatted(bytes));
        }
        if (!memory.isRam(table, bytes)) {
            throw new MalformedRingException("an indirect table outside RAM");
        }
        long base = memory.offset(table, bytes);
        int index = 0;
        for (int n = 0; n < entries; n++) {
            long at = base + (long) index * DESCRIPTOR;
            long address = ram.get(GuestMemory.I64, at);
            long rest = ram.get(GuestMemory.I64, at + 8);
            int flags = (int) (rest >>> (chained ? 32 : 48)) & 0xffff;
            if ((flags & INDIRECT) != 0) {
                throw new MalformedRingException("an indirect descriptor in an indirect table");
            }
            chain.add(address, rest & 0xffff_ffffL, (flags & WRITE) != 0);
            if (chained) {
                if ((flags & NEXT) == 0) {
                    return;
                }
                index = (int) (rest >>> 48);
                if (index >= entries) {
                    throw new MalformedRingException("an index outside the indirect table");
                }
            } else {
                index++;
            }
        }
        if (chained) {
            throw new MalformedRingException("a loop in an indirect table");
        }
    }

    /** True if an event between {@code old} and {@code now} was asked for (2.7.10.1). */
    static boolean eventWanted(int event, int now, int old) {
        return (now - event - 1 & 0xffff) < (now - old & 0xffff);
    }
}
