package io.queztl.testkit.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The driver's side of one virtqueue, split or packed, in guest memory (VirtIO 1.2, 2.7 and 2.8).
 * It keeps the rules; {@link #poke} breaks them for tests that want that.
 */
public final class VirtqueueDriver {
    /**
     * A buffer of a chain.
     *
     * @param address guest-physical
     * @param bytes length
     * @param writable by the device
     */
    public record Buffer(long address, int bytes, boolean writable) {}

    /**
     * A chain that came back.
     *
     * @param id what {@link #add} returned
     * @param written bytes that the device says it has written
     */
    public record Used(int id, int written) {}

    private static final int NEXT = 1;
    private static final int WRITE = 2;
    private static final int INDIRECT = 4;
    private static final int AVAILABLE = 1 << 7;
    private static final int USED = 1 << 15;

    private final GuestMemory memory;
    private final long base;
    private final int size;
    private final boolean packed;
    private int next;
    private boolean wrap = true;
    private int lastUsed;
    private boolean usedWrap = true;
    private int nextId;
    private final int[] slots;

    /**
     * @param base where its rings go: {@link #bytes} of RAM, aligned to 4096
     * @param size entries
     */
    public VirtqueueDriver(GuestMemory memory, long base, int size, boolean packed) {
        this.memory = memory;
        this.base = base;
        this.size = size;
        this.packed = packed;
        slots = new int[Math.max(size, 1)];
        memory.fill(base, bytes(size), (byte) 0);
    }

    /** Bytes that the rings of a queue take, indirect tables included. */
    public static long bytes(int size) {
        return 4096L + 16L * size + 16L * size + 16L * 16 * size & -4096L;
    }

    /** Entries. */
    public int size() {
        return size;
    }

    /** Guest-physical address of the descriptor area. */
    public long descriptors() {
        return base;
    }

    /** Guest-physical address of the driver area. */
    public long driver() {
        return base + 16L * size;
    }

    /** Guest-physical address of the device area. */
    public long device() {
        return driver() + (packed ? 4 : 6 + 2L * size + 3 & -4L);
    }

    private long table(int id) {
        return (device() + 6 + 8L * size + 15 & -16L) + 16L * 8 * id;
    }

    /** Makes a chain available, as descriptors of the ring; there must be room for them. */
    public int add(List<Buffer> chain) {
        return packed ? addPacked(chain) : addSplit(chain);
    }

    /** Makes a chain of at most eight buffers available as one indirect descriptor. */
    public int addIndirect(List<Buffer> chain) {
        int id = packed ? nextId : next % size;
        long table = table(id);
        for (int i = 0; i < chain.size(); i++) {
            Buffer b = chain.get(i);
            int flags = b.writable() ? WRITE : 0;
            if (!packed && i + 1 < chain.size()) {
                flags |= NEXT;
            }
            memory.write64(table + 16L * i, b.address());
            memory.write32(table + 16L * i + 8, b.bytes());
            memory.write16(table + 16L * i + 12, packed ? 0 : flags);
            memory.write16(table + 16L * i + 14, packed ? flags : i + 1);
        }
        return one(table, 16 * chain.size(), INDIRECT);
    }

    private int one(long address, int bytes, int flags) {
        if (packed) {
            int id = nextId;
            nextId = (nextId + 1) % size;
            slots[id] = 1;
            writePacked(next, address, bytes, id, flags);
            advance(1);
            return id;
        }
        int head = next % size;
        memory.write64(base + 16L * head, address);
        memory.write32(base + 16L * head + 8, bytes);
        memory.write16(base + 16L * head + 12, flags);
        offer(head);
        return head;
    }

    private int splitFree;

    private int addSplit(List<Buffer> chain) {
        int head = splitFree % size;
        for (int i = 0; i < chain.size(); i++) {
            Buffer b = chain.get(i);
            long at = base + 16L * (splitFree % size);
            boolean last = i + 1 == chain.size();
            memory.write64(at, b.address());
            memory.write32(at + 8, b.bytes());
            memory.write16(at + 12, (b.writable() ? WRITE : 0) | (last ? 0 : NEXT));
            memory.write16(at + 14, (splitFree + 1) % size);
            splitFree++;
        }
        offer(head);
        return head;
    }

    private void offer(int head) {
        memory.write16(driver() + 4 + 2L * (next % size), head);
        next = next + 1 & 0xffff;
        memory.write16(driver() + 2, next);
    }

    private int addPacked(List<Buffer> chain) {
        int id = nextId;
        nextId = (nextId + 1) % size;
        slots[id] = chain.size();
        // The first descriptor last: then the chain is there as a whole.
        for (int i = chain.size() - 1; i >= 0; i--) {
            Buffer b = chain.get(i);
            int slot = next + i;
            boolean saved = wrap;
            if (slot >= size) {
                wrap = !wrap;
            }
            int flags = (b.writable() ? WRITE : 0) | (i + 1 < chain.size() ? NEXT : 0);
            writePacked(slot % size, b.address(), b.bytes(), id, flags);
            wrap = saved;
        }
        advance(chain.size());
        return id;
    }

    private void writePacked(int slot, long address, int bytes, int id, int flags) {
        long at = base + 16L * slot;
        memory.write64(at, address);
        memory.write32(at + 8, bytes);
        memory.write16(at + 12, id);
        memory.write16(at + 14, flags | (wrap ? AVAILABLE : USED));
    }

    private void advance(int count) {
        next += count;
        if (next >= size) {
            next -= size;
            wrap = !wrap;
        }
    }

    /** The next chain that came back, or null. */
    public @Nullable Used poll() {
        if (!packed) {
            if (memory.read16(device() + 2) == lastUsed) {
                return null;
            }
            long at = device() + 4 + 8L * (lastUsed % size);
            lastUsed = lastUsed + 1 & 0xffff;
            return new Used(memory.read32(at), memory.read32(at + 4));
        }
        long at = base + 16L * lastUsed;
        int flags = memory.read16(at + 14);
        if ((flags & AVAILABLE) != 0 != usedWrap || (flags & USED) != 0 != usedWrap) {
            return null;
        }
        Used used = new Used(memory.read16(at + 12), memory.read32(at + 8));
        lastUsed += used.id() < size ? slots[used.id()] : 1;
        if (lastUsed >= size) {
            lastUsed -= size;
            usedWrap = !usedWrap;
        }
        return used;
    }

    /** Writes 16 bits anywhere into the rings. */
    public void poke(long offset, int value) {
        memory.write16(base + Math.floorMod(offset, bytes(size) - 2), value);
    }
}
