package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.layout.Layout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * An x86 kernel in an ELF file (System V ABI, chapters 4 and 5): its loadable segments at their
 * physical addresses, its entry point, and what its notes say of how to boot it. Nothing of it is
 * trusted: reading it checks that segments lie in the file and do not overlap.
 */
final class ElfKernel {
    /**
     * A loadable segment.
     *
     * @param offset its bytes in the file
     * @param fileBytes how many the file has
     * @param physical where they go
     * @param virtual where they are linked to be seen
     * @param memoryBytes how many it takes in memory; the rest is zero
     */
    record Segment(long offset, long fileBytes, long physical, long virtual, long memoryBytes) {
        boolean holdsPhysical(long address) {
            return Long.compareUnsigned(address - physical, memoryBytes) < 0;
        }

        boolean holdsVirtual(long address) {
            return Long.compareUnsigned(address - virtual, memoryBytes) < 0;
        }

        long end() {
            return physical + memoryBytes;
        }
    }

    private static final int MAGIC = 0x464c457f;
    private static final int CLASS_32 = 1;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN_DATA = 1;
    private static final int MACHINE_386 = 3;
    private static final int MACHINE_X86_64 = 62;
    private static final int TYPE_EXECUTABLE = 2;
    private static final int TYPE_SHARED = 3;
    private static final int SEGMENT_LOAD = 1;
    private static final int SEGMENT_NOTE = 4;
    private static final int MAXIMUM_SEGMENTS = 1024;

    /** Guest-physical addresses have at most 52 bits. */
    private static final long ADDRESS_LIMIT = 1L << 52;

    private static final int XEN_NOTE_GUEST_OS = 6;
    private static final int XEN_NOTE_PHYS32_ENTRY = 18;

    private final String name;
    private final Bytes file;
    private final boolean is64;
    private final long entry;
    private final List<Segment> segments = new ArrayList<>();
    private boolean linux;
    private long pvhEntry = -1;

    /** True if the data starts as an ELF file does. */
    static boolean matches(Bytes file) {
        return file.has(0, 4) && file.i32(0) == MAGIC;
    }

    /**
     * Reads the headers.
     *
     * @param name what to call the file in messages
     * @throws BootException if it is not an x86 kernel, or damaged
     */
    ElfKernel(String name, Bytes file) {
        this.name = name;
        this.file = file;
        try {
            int elfClass = file.u8(4);
            int machine = file.u16(18);
            is64 = elfClass == CLASS_64;
            boolean known =
                    is64
                            ? machine == MACHINE_X86_64
                            : elfClass == CLASS_32
                                    && (machine == MACHINE_386 || machine == MACHINE_X86_64);
            if (!known || file.u8(5) != LITTLE_ENDIAN_DATA) {
                throw new BootException(
                        Code.KERNEL_FORMAT,
                        "kernel %s is an ELF file for another processor (class %d, machine %d):"
                                + " use one built for x86",
                        name,
                        elfClass,
                        machine);
            }
            int type = file.u16(16);
            if (type != TYPE_EXECUTABLE && type != TYPE_SHARED) {
                throw new BootException(
                        Code.KERNEL_FORMAT,
                        "kernel %s is an ELF file of type %d, not an executable: link it",
                        name,
                        type);
            }
            entry = is64 ? file.i64(24) : file.u32(24);
            readProgramHeaders();
        } catch (Bytes.TruncatedException e) {
            throw new BootException(
                    e,
                    Code.KERNEL_DAMAGED,
                    "kernel %s is a truncated ELF file (%s): get it again",
                    name,
                    e.reason());
        }
        checkSegments();
    }

    private void readProgramHeaders() {
        long table = is64 ? file.i64(32) : file.u32(28);
        int size = file.u16(is64 ? 54 : 42);
        int count = file.u16(is64 ? 56 : 44);
        if (size != (is64 ? 56 : 32) || count > MAXIMUM_SEGMENTS) {
            throw damaged("has %d program headers of %d bytes", count, size);
        }
        for (int i = 0; i < count; i++) {
            if (!file.has(table, (long) (i + 1) * size)) {
                throw damaged("has its program headers at 0x%x, past its end", table);
            }
            long header = table + (long) i * size;
            int type = file.i32(header);
            if (type != SEGMENT_LOAD && type != SEGMENT_NOTE) {
                continue;
            }
            Segment segment =
                    is64
                            ? new Segment(
                                    file.i64(header + 8),
                                    file.i64(header + 32),
                                    file.i64(header + 24),
                                    file.i64(header + 16),
                                    file.i64(header + 40))
                            : new Segment(
                                    file.u32(header + 4),
                                    file.u32(header + 16),
                                    file.u32(header + 12),
                                    file.u32(header + 8),
                                    file.u32(header + 20));
            if (!file.has(segment.offset, segment.fileBytes)) {
                throw damaged(
                        "has a segment of %s bytes at offset 0x%x, past its end",
                        Long.toUnsignedString(segment.fileBytes), segment.offset);
            }
            if (type == SEGMENT_NOTE) {
                readNotes(segment.offset, segment.offset + segment.fileBytes);
            } else if (segment.memoryBytes != 0) {
                segments.add(segment);
            }
        }
    }

    /** Notes: name size, descriptor size, type, then name and descriptor, each padded to 4. */
    private void readNotes(long start, long end) {
        long at = start;
        while (end - at >= 12) {
            long nameBytes = file.u32(at);
            long descriptorBytes = file.u32(at + 4);
            int type = file.i32(at + 8);
            long nameAt = at + 12;
            long descriptorAt = nameAt + (nameBytes + 3 & ~3L);
            if (descriptorBytes > end - descriptorAt) {
                return; // nothing that follows can be made out
            }
            if (nameBytes == 6 && text(nameAt, 5).equals("Linux")) {
                linux = true;
            }
            if (nameBytes == 4 && text(nameAt, 3).equals("Xen")) {
                if (type == XEN_NOTE_PHYS32_ENTRY && descriptorBytes >= 4) {
                    pvhEntry = file.u32(descriptorAt);
                } else if (type == XEN_NOTE_GUEST_OS && descriptorBytes >= 5) {
                    linux |= text(descriptorAt, 5).equals("linux");
                }
            }
            at = descriptorAt + (descriptorBytes + 3 & ~3L);
        }
    }

    private String text(long at, int bytes) {
        return new String(file.copy(at, bytes), StandardCharsets.ISO_8859_1);
    }

    private void checkSegments() {
        if (segments.isEmpty()) {
            throw damaged("has no loadable segments");
        }
        for (Segment s : segments) {
            if (s.memoryBytes < 0 || s.fileBytes > s.memoryBytes) {
                throw damaged(
                        "has a segment with %d bytes in the file but %s in memory",
                        s.fileBytes, Long.toUnsignedString(s.memoryBytes));
            }
            if (s.physical < 0 || s.physical >= ADDRESS_LIMIT || s.memoryBytes >= ADDRESS_LIMIT) {
                throw damaged(
                        "has a segment of %d bytes at 0x%x, beyond any physical address",
                        s.memoryBytes, s.physical);
            }
        }
        segments.sort(Comparator.comparingLong(Segment::physical));
        for (int i = 1; i < segments.size(); i++) {
            if (segments.get(i).physical < segments.get(i - 1).end()) {
                throw damaged(
                        "has overlapping segments at 0x%x and 0x%x",
                        segments.get(i - 1).physical, segments.get(i).physical);
            }
        }
    }

    private BootException damaged(String format, Object... arguments) {
        return new BootException(
                Code.KERNEL_DAMAGED,
                "kernel %s %s: get it again or rebuild it",
                name,
                format.formatted(arguments));
    }

    /** True for ELF64. */
    boolean is64() {
        return is64;
    }

    /** True if the notes say that it is Linux. */
    boolean linux() {
        return linux;
    }

    /** True if it has a PVH entry point. */
    boolean hasPvhEntry() {
        return pvhEntry >= 0;
    }

    /** The PVH entry point, guest-physical, inside a segment. */
    long pvhEntry() {
        return inside(pvhEntry, "PVH entry point");
    }

    /** The ELF entry point as a guest-physical address inside a segment. */
    long entry() {
        return inside(entry, "entry point");
    }

    private long inside(long address, String what) {
        for (Segment s : segments) {
            if (s.holdsPhysical(address)) {
                return address;
            }
        }
        for (Segment s : segments) {
            if (s.holdsVirtual(address)) {
                return address - s.virtual + s.physical;
            }
        }
        throw damaged("has its %s 0x%x outside its segments", what, address);
    }

    /** First guest-physical address after the kernel. */
    long end() {
        return segments.getLast().end();
    }

    /**
     * Copies the segments into RAM and zeroes what the file does not fill.
     *
     * @throws BootException if they do not fit
     */
    void load(GuestMemory memory) {
        for (Segment s : segments) {
            if (s.physical < Layout.SEGMENT_MINIMUM) {
                throw damaged(
                        "wants to be loaded at 0x%x, below 1 MiB, where boot data is", s.physical);
            }
            if (!memory.isRam(s.physical, s.memoryBytes)) {
                throw new BootException(
                        Code.MEMORY_TOO_SMALL,
                        "kernel %s needs RAM at 0x%x to 0x%x, which the guest does not have: give"
                                + " it more memory",
                        name,
                        s.physical,
                        s.end());
            }
        }
        for (Segment s : segments) {
            memory.write(s.physical, file.slice(s.offset, s.fileBytes).segment());
            memory.fill(s.physical + s.fileBytes, s.memoryBytes - s.fileBytes, (byte) 0);
        }
    }
}
