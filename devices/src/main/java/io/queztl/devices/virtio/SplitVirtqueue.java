package io.queztl.devices.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.lang.invoke.VarHandle;

/**
 * A split ring (VirtIO 1.2, 2.7):
 *
 * <pre>
 * descriptors  { u64 address; u32 length; u16 flags; u16 next; } [size]
 * available    { u16 flags; u16 index; u16 head[size]; u16 used_event; }        by the driver
 * used         { u16 flags; u16 index; { u32 head; u32 length; } [size]; u16 avail_event; }
 * </pre>
 */
final class SplitVirtqueue extends Virtqueue {
    private static final int NO_INTERRUPT = 1;
    private static final int NO_NOTIFY = 1;

    private final long descriptors;
    private final long available;
    private final long used;
    private final long usedAddress;
    private int nextAvailable;
    private int nextUsed;
    private int signalled;
    private boolean everSignalled;

    SplitVirtqueue(GuestMemory memory, VirtqueueState state, long features) {
        super(memory, state.size(), features);
        if (size < 1 || size > MAX_SIZE || Integer.bitCount(size) != 1) {
            throw new MalformedRingException("a split ring of %d entries".formatted(size));
        }
        descriptors = area(state.descriptors(), 16L * size, 16, "descriptor table");
        available = area(state.driver(), 6 + 2L * size, 2, "available ring");
        used = area(state.device(), 6 + 8L * size, 4, "used ring");
        usedAddress = state.device();
        nextAvailable = state.available() & 0xffff;
        nextUsed = state.used() & 0xffff;
        everSignalled = state.unsignalled() >= 0;
        signalled = nextUsed - Math.max(0, state.unsignalled()) & 0xffff;
    }

    @Override
    public boolean pop(DescriptorChain chain) {
        int index = load(available + 2);
        int waiting = index - nextAvailable & 0xffff;
        if (waiting == 0 || stopped()) {
            return false;
        }
        if (waiting > size) {
            throw new MalformedRingException("%d chains in a ring of %d".formatted(waiting, size));
        }
        int head = load(available + 4 + 2L * (nextAvailable & size - 1));
        read(chain, head);
        nextAvailable = nextAvailable + 1 & 0xffff;
        return true;
    }

    @Override
    public boolean waiting() {
        return load(available + 2) != nextAvailable && !stopped();
    }

    private void read(DescriptorChain chain, int head) {
        chain.clear();
        chain.id = head;
        int index = head;
        for (int n = 0; n < size; n++) {
            if (index >= size) {
                throw new MalformedRingException("descriptor %d of %d".formatted(index, size));
            }
            long at = descriptors + (long) index * DESCRIPTOR;
            long address = ram.get(GuestMemory.I64, at);
            long rest = ram.get(GuestMemory.I64, at + 8);
            int flags = (int) (rest >>> 32) & 0xffff;
            if ((flags & INDIRECT) != 0) {
                if ((flags & NEXT) != 0) {
                    throw new MalformedRingException("an indirect descriptor with a next one");
                }
                addIndirect(chain, address, rest & 0xffff_ffffL, true);
                return;
            }
            chain.add(address, rest & 0xffff_ffffL, (flags & WRITE) != 0);
            if ((flags & NEXT) == 0) {
                return;
            }
            index = (int) (rest >>> 48);
        }
        throw new MalformedRingException("a loop of descriptors");
    }

    @Override
    public void unpop(DescriptorChain chain) {
        nextAvailable = nextAvailable - 1 & 0xffff;
    }

    @Override
    public void push(DescriptorChain chain, long written) {
        long element = 4 + 8L * (nextUsed & size - 1);
        long value = chain.id | Math.min(written, 0xffff_ffffL) << 32;
        ram.set(GuestMemory.I64, used + element, value);
        memory.written(usedAddress + element, 8);
        nextUsed = nextUsed + 1 & 0xffff;
    }

    @Override
    public void publish() {
        store(used + 2, usedAddress + 2, nextUsed);
    }

    @Override
    public boolean interruptWanted() {
        VarHandle.fullFence(); // after the index is written, before the driver's wish is read
        if (!eventIndex) {
            return (load(available) & NO_INTERRUPT) == 0;
        }
        int old = signalled;
        boolean first = !everSignalled;
        everSignalled = true;
        signalled = nextUsed;
        return first || eventWanted(load(available + 4 + 2L * size), nextUsed, old);
    }

    @Override
    public void disableNotifications() {
        if (!eventIndex) {
            store(used, usedAddress, NO_NOTIFY);
        }
    }

    @Override
    public boolean enableNotifications() {
        if (eventIndex) {
            long event = 4 + 8L * size;
            store(used + event, usedAddress + event, nextAvailable);
        } else {
            store(used, usedAddress, 0);
        }
        VarHandle.fullFence();
        return load(available + 2) != nextAvailable && !stopped();
    }

    @Override
    VirtqueueState state(VirtqueueState r) {
        int unsignalled = everSignalled ? nextUsed - signalled & 0xffff : -1;
        return new VirtqueueState(
                r.size(),
                r.enabled(),
                r.descriptors(),
                r.driver(),
                r.device(),
                nextAvailable,
                nextUsed,
                true,
                true,
                unsignalled);
    }
}
