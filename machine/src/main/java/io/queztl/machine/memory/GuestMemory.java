package io.queztl.machine.memory;

import io.queztl.linux.Mmap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The RAM of one VM: one mapping, reached through one bounded segment, so that nothing that goes
 * through it can touch host memory outside. Guest-physical addresses are translated by {@link
 * SecondStage}; the methods here are for devices and boot loaders (DMA): they check every address,
 * record dirty pages and tell the accelerator about written code.
 */
public final class GuestMemory implements AutoCloseable {
    /** Bytes below 4 GiB that may be RAM; PCI windows and APICs live above. */
    public static final long LOW_RAM_LIMIT = 0xC000_0000L;

    private static final long HIGH_RAM_START = 1L << 32;
    private static final long MAX_ROM = 16 << 20;

    /** Little-endian, unaligned layouts: what guest memory holds. */
    public static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;

    /** 16 bits. */
    public static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** 32 bits. */
    public static final ValueLayout.OfInt I32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** 64 bits. */
    public static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Arena arena = Arena.ofShared();
    private final MemorySegment ram;
    private final List<RamRegion> regions;
    private final SecondStage secondStage;
    private final long ramBytes;
    private volatile CodeWatcher codeWatcher = page -> {};
    private volatile MappingWatcher mappingWatcher = (start, length) -> {};

    /**
     * Maps RAM: below 3 GiB from address 0, the rest from 4 GiB.
     *
     * @param bytes size, a positive multiple of 4096
     * @throws io.queztl.linux.LinuxException when the host refuses that much
     * @throws IllegalArgumentException for a size that is not a positive multiple of 4096
     */
    public GuestMemory(long bytes) {
        this(bytes, LOW_RAM_LIMIT, 0);
    }

    /**
     * Maps RAM, and memory for ROM behind it, which ends at 4 GiB.
     *
     * @param bytes size of the RAM, a positive multiple of 4096
     * @param lowLimit where RAM below 4 GiB ends at most, at most {@link #LOW_RAM_LIMIT}
     * @param romBytes size of the ROM, a multiple of 4096, at most 16 MiB
     * @throws io.queztl.linux.LinuxException when the host refuses that much
     * @throws IllegalArgumentException for a size that is not such a multiple
     */
    public GuestMemory(long bytes, long lowLimit, long romBytes) {
        if (bytes <= 0 || (bytes | lowLimit | romBytes) % SecondStage.PAGE_SIZE != 0) {
            throw new IllegalArgumentException("guest memory of " + bytes + " bytes");
        }
        if (lowLimit <= 0 || lowLimit > LOW_RAM_LIMIT || romBytes < 0 || romBytes > MAX_ROM) {
            throw new IllegalArgumentException("ROM of " + romBytes + " bytes");
        }
        ramBytes = bytes;
        long all = bytes + romBytes;
        ram =
                Mmap.available()
                        ? Mmap.memfd("queztl-ram", all, reserved(all), arena)
                        : arena.allocate(all, SecondStage.PAGE_SIZE);
        long low = Math.min(bytes, lowLimit);
        regions =
                low == bytes
                        ? List.of(new RamRegion(0, low, 0))
                        : List.of(
                                new RamRegion(0, low, 0),
                                new RamRegion(HIGH_RAM_START, bytes - low, low));
        RamRegion last = regions.getLast();
        long end = last.guestPhysical() + last.bytes();
        secondStage =
                new SecondStage(
                        Math.toIntExact(
                                (romBytes == 0 ? end : Math.max(end, HIGH_RAM_START))
                                        / SecondStage.PAGE_SIZE));
        for (RamRegion r : regions) {
            secondStage.map(r.guestPhysical(), r.bytes(), r.ramOffset(), false);
        }
        secondStage.map(HIGH_RAM_START - romBytes, romBytes, bytes, true);
    }

    /** Bytes of RAM, without ROM. */
    public long ramBytes() {
        return ramBytes;
    }

    /** The ROM, which the guest cannot write; empty if there is none. */
    public MemorySegment rom() {
        return ram.asSlice(ramBytes);
    }

    /**
     * Puts other memory behind guest-physical pages, as a chipset does that hides RAM under ROM.
     * DMA is not affected: it reaches the RAM of {@link #regions}. To be called by a device that a
     * vCPU accesses, or while no vCPU runs: that vCPU sees the change at its next instruction, the
     * others soon after.
     *
     * @param guestPhysical first address, a multiple of 4096, within what the second stage covers
     * @param bytes a multiple of 4096
     * @param ramOffset offset in {@link #ram()} of what is to be there, or -1 for nothing, so that
     *     accesses go to devices
     * @param readOnly whether writes are dropped
     */
    public void remap(long guestPhysical, long bytes, long ramOffset, boolean readOnly) {
        secondStage.map(guestPhysical, bytes, ramOffset, readOnly);
        mappingWatcher.remapped(guestPhysical, bytes);
    }

    /** Sets who hears of {@link #remap}. */
    public void mappingWatcher(MappingWatcher watcher) {
        mappingWatcher = watcher;
    }

    /** All host addresses that an offset cut by {@link #offsetMask} can lead to. */
    private static long reserved(long bytes) {
        return (Long.highestOneBit(bytes - 1) << 1) + SecondStage.PAGE_SIZE;
    }

    /**
     * A mask for offsets of up to 8 bytes' accesses past the bounds of {@link #ram}: what it lets
     * through is RAM or inaccessible. On hosts where no addresses can be reserved it is -1.
     */
    public long offsetMask() {
        return Mmap.available() ? (Long.highestOneBit(ram.byteSize() - 1) << 1) - 1 : -1;
    }

    /** All RAM, and the ROM behind it, indexed by RAM offset (not by guest-physical address). */
    public MemorySegment ram() {
        return ram;
    }

    /** The RAM regions in ascending order of guest-physical address. */
    public List<RamRegion> regions() {
        return regions;
    }

    /** The second-stage page table. */
    public SecondStage secondStage() {
        return secondStage;
    }

    /** Sets who hears of DMA into code pages. */
    public void codeWatcher(CodeWatcher watcher) {
        codeWatcher = watcher;
    }

    /** True if the whole range is RAM. */
    public boolean isRam(long guestPhysical, long bytes) {
        if (bytes < 0 || guestPhysical < 0 || guestPhysical + bytes < guestPhysical) {
            return false;
        }
        for (RamRegion r : regions) {
            if (guestPhysical >= r.guestPhysical()
                    && guestPhysical + bytes <= r.guestPhysical() + r.bytes()) {
                return true;
            }
        }
        return false;
    }

    /**
     * Translates a range that must be RAM.
     *
     * @return its offset in {@link #ram()}
     * @throws GuestMemoryException if any byte of it is not RAM
     */
    public long offset(long guestPhysical, long bytes) {
        if (!isRam(guestPhysical, bytes)) {
            throw new GuestMemoryException(guestPhysical, bytes);
        }
        for (RamRegion r : regions) {
            if (guestPhysical - r.guestPhysical() < r.bytes()
                    && guestPhysical >= r.guestPhysical()) {
                return r.ramOffset() + guestPhysical - r.guestPhysical();
            }
        }
        return regions.getLast().ramOffset() + regions.getLast().bytes();
    }

    /** Copies from guest RAM into {@code target}. */
    public void read(long guestPhysical, byte[] target, int start, int bytes) {
        MemorySegment.copy(ram, I8, offset(guestPhysical, bytes), target, start, bytes);
    }

    /** Copies {@code source} into guest RAM. */
    public void write(long guestPhysical, byte[] source, int start, int bytes) {
        MemorySegment.copy(source, start, ram, I8, offset(guestPhysical, bytes), bytes);
        written(guestPhysical, bytes);
    }

    /** Copies the whole of {@code source} into guest RAM. */
    public void write(long guestPhysical, byte[] source) {
        write(guestPhysical, source, 0, source.length);
    }

    /** Copies a segment into guest RAM. */
    public void write(long guestPhysical, MemorySegment source) {
        MemorySegment.copy(
                source, 0, ram, offset(guestPhysical, source.byteSize()), source.byteSize());
        written(guestPhysical, source.byteSize());
    }

    /** Fills a range of guest RAM with one byte. */
    public void fill(long guestPhysical, long bytes, byte value) {
        ram.asSlice(offset(guestPhysical, bytes), bytes).fill(value);
        written(guestPhysical, bytes);
    }

    /**
     * Gives pages back to the host: they read as zero, and take memory again once they are written.
     *
     * @param guestPhysical a multiple of the page size, as is {@code bytes}
     */
    public void discard(long guestPhysical, long bytes) {
        if (((guestPhysical | bytes) & SecondStage.PAGE_SIZE - 1) != 0) {
            throw new IllegalArgumentException("no whole pages: " + guestPhysical + ", " + bytes);
        }
        MemorySegment pages = ram.asSlice(offset(guestPhysical, bytes), bytes);
        if (!Mmap.available() || !Mmap.discard(pages)) {
            pages.fill((byte) 0);
        }
        written(guestPhysical, bytes);
    }

    /** Reads 8 bits, zero-extended. */
    public int read8(long guestPhysical) {
        return ram.get(I8, offset(guestPhysical, 1)) & 0xff;
    }

    /** Reads 16 bits, zero-extended. */
    public int read16(long guestPhysical) {
        return ram.get(I16, offset(guestPhysical, 2)) & 0xffff;
    }

    /** Reads 32 bits. */
    public int read32(long guestPhysical) {
        return ram.get(I32, offset(guestPhysical, 4));
    }

    /** Reads 64 bits. */
    public long read64(long guestPhysical) {
        return ram.get(I64, offset(guestPhysical, 8));
    }

    /** Writes 8 bits. */
    public void write8(long guestPhysical, int value) {
        ram.set(I8, offset(guestPhysical, 1), (byte) value);
        written(guestPhysical, 1);
    }

    /** Writes 16 bits. */
    public void write16(long guestPhysical, int value) {
        ram.set(I16, offset(guestPhysical, 2), (short) value);
        written(guestPhysical, 2);
    }

    /** Writes 32 bits. */
    public void write32(long guestPhysical, int value) {
        ram.set(I32, offset(guestPhysical, 4), value);
        written(guestPhysical, 4);
    }

    /** Writes 64 bits. */
    public void write64(long guestPhysical, long value) {
        ram.set(I64, offset(guestPhysical, 8), value);
        written(guestPhysical, 8);
    }

    /** Records that a range of RAM was written past the vCPUs: dirty bits, translated code. */
    public void written(long guestPhysical, long bytes) {
        // Either we see that a vCPU has marked the page as code, or it reads what we wrote.
        VarHandle.fullFence();
        boolean logging = secondStage.dirtyLogging();
        for (long page = guestPhysical & -SecondStage.PAGE_SIZE;
                page < guestPhysical + bytes;
                page += SecondStage.PAGE_SIZE) {
            if (logging) {
                secondStage.set(page, SecondStage.DIRTY);
            }
            if ((secondStage.state(page) & SecondStage.CODE) != 0) {
                codeWatcher.codeWritten(page);
            }
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
