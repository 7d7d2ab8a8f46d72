package io.queztl.machine.bus;

import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An address space of devices: I/O ports or MMIO. Reads where nothing answers return all ones,
 * writes there are dropped, as on a PC. Ranges may be added and removed while vCPUs run (PCI BARs
 * move); lookups take no lock.
 */
public final class Bus {
    private record Range(long start, long length, BusDevice device) {
        boolean contains(long address) {
            return Long.compareUnsigned(address - start, length) < 0;
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private volatile Range[] ranges = new Range[0];

    /**
     * Puts a device on the bus.
     *
     * @throws IllegalArgumentException if the range is empty or overlaps one already there
     */
    public void add(long start, long length, BusDevice device) {
        lock.lock();
        try {
            if (length <= 0) {
                throw new IllegalArgumentException("empty bus range");
            }
            Range[] old = ranges;
            for (Range r : old) {
                // Not by their ends: that of a range at the top of the address space is 0.
                if (r.contains(start) || Long.compareUnsigned(r.start - start, length) < 0) {
                    throw new IllegalArgumentException(
                            "bus range 0x%x+0x%x overlaps 0x%x+0x%x"
                                    .formatted(start, length, r.start, r.length));
                }
            }
            Range[] next = java.util.Arrays.copyOf(old, old.length + 1);
            next[old.length] = new Range(start, length, device);
            ranges = next;
        } finally {
            lock.unlock();
        }
    }

    /** Takes every range of a device off the bus. */
    public void remove(BusDevice device) {
        lock.lock();
        try {
            ranges =
                    java.util.Arrays.stream(ranges)
                            .filter(r -> r.device != device)
                            .toArray(Range[]::new);
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Range find(long address) {
        for (Range r : ranges) {
            if (r.contains(address)) {
                return r;
            }
        }
        return null;
    }

    /** Reads {@code size} (1, 2, 4, 8) bytes; all ones where no device answers. */
    public long read(long address, int size) {
        Range r = find(address);
        long mask = size == 8 ? -1 : (1L << (size * 8)) - 1;
        return r == null ? mask : r.device.read(address - r.start, size) & mask;
    }

    /** Writes the low {@code size} (1, 2, 4, 8) bytes of {@code value}. */
    public void write(long address, int size, long value) {
        Range r = find(address);
        if (r != null) {
            long mask = size == 8 ? -1 : (1L << (size * 8)) - 1;
            r.device.write(address - r.start, size, value & mask);
        }
    }

    /** True if a device answers at this address. */
    public boolean claims(long address) {
        return find(address) != null;
    }
}
