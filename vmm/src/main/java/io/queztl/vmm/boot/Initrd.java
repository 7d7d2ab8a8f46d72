package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.SecondStage;
import io.queztl.vmm.boot.BootException.Code;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where an initrd ended up.
 *
 * @param address its first guest-physical address; 0 if there is none
 * @param bytes its length
 */
record Initrd(long address, long bytes) {
    static final Initrd NONE = new Initrd(0, 0);

    private static final String ROLE = "initrd";
    private static final int CPIO_HEADER = 110;
    private static final String CPIO_TRAILER = "TRAILER!!!";
    private static final int CPIO_NAME_LIMIT = 4096;

    /**
     * Puts an initrd as high as possible between two addresses.
     *
     * @param floor end of what is loaded below
     * @param ceiling the initrd ends at or below this address
     */
    static Initrd load(Path file, boolean unpack, GuestMemory memory, long floor, long ceiling) {
        if (!unpack) {
            long bytes = BootFile.size(ROLE, file);
            long address = place(file, bytes, floor, ceiling);
            BootFile.load(ROLE, file, bytes, memory, address);
            return new Initrd(address, bytes);
        }
        try (Arena arena = Arena.ofConfined()) {
            Bytes data = new Bytes(BootFile.map(ROLE, file, arena));
            List<MemorySegment> parts = unpack(file, data, Math.max(0, ceiling - floor), arena);
            long bytes = 0;
            for (MemorySegment part : parts) {
                bytes += part.byteSize();
            }
            long address = place(file, bytes, floor, ceiling);
            long at = address;
            for (MemorySegment part : parts) {
                memory.write(at, part);
                at += part.byteSize();
            }
            return new Initrd(address, bytes);
        }
    }

    private static long place(Path file, long bytes, long floor, long ceiling) {
        long address = ceiling - bytes & -SecondStage.PAGE_SIZE;
        if (bytes > ceiling || address < floor) {
            throw tooBig(file, bytes, Math.max(0, ceiling - floor));
        }
        return address;
    }

    private static BootException tooBig(Path file, long bytes, long room) {
        return new BootException(
                Code.MEMORY_TOO_SMALL,
                "initrd %s takes %d bytes but %d are left beside the kernel: give the guest more"
                        + " memory",
                file,
                bytes,
                room);
    }

    /**
     * Splits a file into uncompressed cpio archives, kept, and one compressed rest, unpacked: the
     * shape distributions use to put microcode first.
     */
    private static List<MemorySegment> unpack(Path file, Bytes data, long limit, Arena arena) {
        List<MemorySegment> parts = new ArrayList<>();
        long at = 0;
        while (isCpio(data, at)) {
            at = skipCpio(data, at);
        }
        if (at > 0) {
            parts.add(data.slice(0, at).segment());
        }
        if (at == data.size()) {
            return parts;
        }
        Compression compression = Compression.detect(data, at);
        if (compression == null) {
            // Not for us to judge: the kernel may know what it is.
            return List.of(data.segment());
        }
        try {
            MemorySegment rest = data.slice(at, data.size() - at).segment();
            parts.add(
                    Unpacker.unpack(
                            compression,
                            rest,
                            false,
                            4 * rest.byteSize(),
                            limit - Math.min(limit, at),
                            arena));
            return parts;
        } catch (Unpacker.UnpackException e) {
            if (e.tooBig()) {
                throw new BootException(
                        e,
                        Code.MEMORY_TOO_SMALL,
                        "initrd %s does not fit into the guest's memory when unpacked (%s): give"
                                + " the guest more memory",
                        file,
                        e.reason());
            }
            throw new BootException(
                    e,
                    Code.INITRD_DAMAGED,
                    "initrd %s cannot be unpacked (%s, %s): make it again",
                    file,
                    compression,
                    e.reason());
        }
    }

    private static boolean isCpio(Bytes data, long at) {
        return data.has(at, CPIO_HEADER) && ascii(data, at, 5).equals("07070");
    }

    /** Where what follows a newc archive starts: after its trailer and the zeros that pad it. */
    private static long skipCpio(Bytes data, long start) {
        long at = start;
        while (data.has(at, CPIO_HEADER)) {
            long fileBytes = hex(data, at + 54);
            long nameBytes = hex(data, at + 94);
            if (fileBytes < 0 || nameBytes <= 0 || nameBytes > CPIO_NAME_LIMIT) {
                return data.size();
            }
            long contents = at + CPIO_HEADER + nameBytes + 3 & ~3L;
            boolean last =
                    data.has(at + CPIO_HEADER, nameBytes)
                            && ascii(data, at + CPIO_HEADER, (int) nameBytes - 1)
                                    .equals(CPIO_TRAILER);
            at = contents + fileBytes + 3 & ~3L;
            if (last) {
                while (data.has(at, 1) && data.u8(at) == 0) {
                    at++;
                }
                break;
            }
        }
        return Math.min(at, data.size());
    }

    private static String ascii(Bytes data, long at, int bytes) {
        return new String(data.copy(at, bytes), StandardCharsets.ISO_8859_1);
    }

    /** Eight hexadecimal digits, or -1. */
    private static long hex(Bytes data, long at) {
        long value = 0;
        for (int i = 0; i < 8; i++) {
            int digit = Character.digit(data.u8(at + i), 16);
            if (digit < 0) {
                return -1;
            }
            value = value << 4 | digit;
        }
        return value;
    }
}
