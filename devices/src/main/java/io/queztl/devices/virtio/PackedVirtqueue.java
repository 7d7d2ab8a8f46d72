package io.queztl.devices.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.lang.invoke.VarHandle;

/**
 * A packed ring (VirtIO 1.2, 2.8): one ring of descriptors in which both sides mark what is theirs,
 * and two event suppression structures.
 *
 * <pre>
 * descriptors  { u64 address; u32 length; u16 id; u16 flags; } [size]
 * driver       { u16 offset and wrap; u16 flags; }     when the driver wants interrupts
 * device       { u16 offset and wrap; u16 flags; }     when the device wants notifications
 * </pre>
 */
final class PackedVirtqueue extends Virtqueue {
    private static final int AVAILABLE = 1 << 7;
    private static final int USED = 1 << 15;

    private static final int EVENTS_ON = 0;
    private static final int EVENTS_OFF = 1;
    private static final int EVENTS_AT = 2;
    private static final int WRAP = 1 << 15;

    private final long descriptors;
    private final long driver;
    private final long device;
    private final long descriptorsAddress;
    private final long deviceAddress;
    private int nextAvailable;
    private int nextUsed;
    private boolean availableWrap;
    private boolean usedWrap;
    private int unsignalled;
    private boolean everSignalled;

    /** The first descriptor given back and not published: its flags are written last. */
    private int pendingSlot = -1;

    private int pendingFlags;

    PackedVirtqueue(GuestMemory memory, VirtqueueState state, long features) {
        super(memory, state.size(), features);
        if (size < 1 || size > MAX_SIZE) {
            throw new MalformedRingException("a packed ring of %d entries".formatted(size));
        }
        descriptors = area(state.descriptors(), 16L * size, 16, "descriptor ring");
        driver = area(state.driver(), 4, 4, "driver event suppression");
        device = area(state.device(), 4, 4, "device event suppression");
        descriptorsAddress = state.descriptors();
        deviceAddress = state.device();
        nextAvailable = Math.floorMod(state.available(), size);
        nextUsed = Math.floorMod(state.used(), size);
        availableWrap = state.availableWrap();
        usedWrap = state.usedWrap();
        everSignalled = state.unsignalled() >= 0;
        unsignalled = Math.max(0, state.unsignalled());
    }

    private boolean available(int slot, boolean wrap) {
        int flags = load(descriptors + (long) slot * DESCRIPTOR + 14);
        return (flags & AVAILABLE) != 0 == wrap && (flags & USED) != 0 != wrap;
    }

    @Override
    public boolean pop(DescriptorChain chain) {
        if (!available(nextAvailable, availableWrap) || stopped()) {
            return false;
        }
        chain.clear();
        int slot = nextAvailable;
        int slots = 0;
        while (true) {
            long at = descriptors + (long) slot * DESCRIPTOR;
            long address = ram.get(GuestMemory.I64, at);
            long rest = ram.get(GuestMemory.I64, at + 8);
            int flags = (int) (rest >>> 48);
            slots++;
            slot = slot + 1 == size ? 0 : slot + 1;
            if ((flags & INDIRECT) != 0) {
                if ((flags & NEXT) != 0) {
                    throw new MalformedRingException("an indirect descriptor with a next one");
                }
                addIndirect(chain, address, rest & 0xffff_ffffL, false);
            } else {
                chain.add(address, rest & 0xffff_ffffL, (flags & WRITE) != 0);
            }
            if ((flags & NEXT) == 0) {
                chain.id = (int) (rest >>> 32) & 0xffff;
                break;
            }
            if (slots == size) {
                throw new MalformedRingException("a chain longer than its ring");
            }
        }
        chain.slots = slots;
        if (nextAvailable + slots >= size) {
            availableWrap = !availableWrap;
        }
        nextAvailable = slot;
        return true;
    }

    @Override
    public boolean waiting() {
        return available(nextAvailable, availableWrap) && !stopped();
    }

    @Override
    public void unpop(DescriptorChain chain) {
        nextAvailable -= chain.slots;
        if (nextAvailable < 0) {
            nextAvailable += size;
            availableWrap = !availableWrap;
        }
    }

    @Override
    public void push(DescriptorChain chain, long written) {
        long at = (long) nextUsed * DESCRIPTOR + 8;
        ram.set(GuestMemory.I32, descriptors + at, (int) Math.min(written, 0xffff_ffffL));
        ram.set(GuestMemory.I16, descriptors + at + 4, (short) chain.id);
        memory.written(descriptorsAddress + at, 6);
        int flags = (usedWrap ? AVAILABLE | USED : 0) | (written > 0 ? WRITE : 0);
        if (pendingSlot < 0) {
            pendingSlot = nextUsed;
            pendingFlags = flags;
        } else {
            store(descriptors + at + 6, descriptorsAddress + at + 6, flags);
        }
        nextUsed += chain.slots;
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
        unsignalled = Math.min(unsignalled + chain.slots, 0xffff);
    }

    @Override
    public void publish() {
        if (pendingSlot >= 0) {
            long at = (long) pendingSlot * DESCRIPTOR + 14;
            store(descriptors + at, descriptorsAddress + at, pendingFlags);
            pendingSlot = -1;
        }
    }

    @Override
    public boolean interruptWanted() {
        VarHandle.fullFence(); // after the flags are written, before the driver's wish is read
        int flags = load(driver + 2) & 3;
        int since = unsignalled;
        boolean first = !everSignalled;
        unsignalled = 0;
        everSignalled = true;
        if (flags == EVENTS_OFF) {
            return false;
        }
        if (flags != EVENTS_AT || !eventIndex || first) {
            return true;
        }
        int at = load(driver);
        int event = at & ~WRAP;
        if ((at & WRAP) != 0 != usedWrap) {
            event -= size;
        }
        return eventWanted(event, nextUsed, nextUsed - since);
    }

    @Override
    public void disableNotifications() {
        store(device + 2, deviceAddress + 2, EVENTS_OFF);
    }

    @Override
    public boolean enableNotifications() {
        if (eventIndex) {
            store(device, deviceAddress, nextAvailable | (availableWrap ? WRAP : 0));
            store(device + 2, deviceAddress + 2, EVENTS_AT);
        } else {
            store(device + 2, deviceAddress + 2, EVENTS_ON);
        }
        VarHandle.fullFence();
        return available(nextAvailable, availableWrap) && !stopped();
    }

    @Override
    VirtqueueState state(VirtqueueState r) {
        return new VirtqueueState(
                r.size(),
                r.enabled(),
                r.descriptors(),
                r.driver(),
                r.device(),
                nextAvailable,
                nextUsed,
                availableWrap,
                usedWrap,
                everSignalled ? unsignalled : -1);
    }
}
