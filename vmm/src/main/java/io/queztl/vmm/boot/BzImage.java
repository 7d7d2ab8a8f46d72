package io.queztl.vmm.boot;

import io.queztl.vmm.boot.BootException.Code;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A Linux bzImage: its setup header and its payload (Linux documentation, arch/x86/boot.rst). */
final class BzImage {
    private static final int SECTOR = 512;
    private static final int BOOT_FLAG = 0xaa55;
    private static final int HEADER_MAGIC = 0x53726448; // "HdrS"
    private static final int HEADER_END_MAXIMUM = 0x290;

    /** The first protocol version that says where the payload is. */
    private static final int VERSION_WITH_PAYLOAD = 0x208;

    private static final int DEFAULT_SETUP_SECTORS = 4;

    /** The size the payload expands to; gzip has it in its format, the others get it appended. */
    private static final int SIZE_TRAILER = 4;

    private final String name;
    private final Bytes file;
    private final int headerEnd;

    /** True if the file has a bzImage's magic numbers. */
    static boolean matches(Bytes file) {
        return file.has(0x1f1, 0x20)
                && file.u16(0x1fe) == BOOT_FLAG
                && file.i32(0x202) == HEADER_MAGIC;
    }

    /**
     * @param name what to call the file in messages
     * @throws BootException if the setup header is damaged or too old
     */
    BzImage(String name, Bytes file) {
        this.name = name;
        this.file = file;
        headerEnd = Math.min(0x202 + file.u8(0x201), HEADER_END_MAXIMUM);
        int version = file.u16(0x206);
        if (version < VERSION_WITH_PAYLOAD) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s has boot protocol %d.%02d, older than 2.08: use a kernel of 2008 or"
                            + " later",
                    name,
                    version >> 8,
                    version & 0xff);
        }
        if (headerEnd < 0x250 || !file.has(0, headerEnd)) {
            throw damaged("its setup header ends too early");
        }
    }

    /** The setup header, from offset 0x1f1 on. */
    byte[] setupHeader() {
        return file.copy(0x1f1, headerEnd - 0x1f1);
    }

    /** The longest command line it takes, in bytes without the NUL. */
    long commandLineLimit() {
        return file.u32(0x238);
    }

    /** The highest address an initrd may end at, inclusive. */
    long initrdAddressMaximum() {
        return file.u32(0x22c);
    }

    /**
     * Unpacks the kernel proper, an ELF file.
     *
     * @param limit most bytes it may have: the guest's memory
     */
    MemorySegment unpack(long limit, Arena arena) {
        int sectors = file.u8(0x1f1);
        long protectedMode = (long) SECTOR * ((sectors == 0 ? DEFAULT_SETUP_SECTORS : sectors) + 1);
        long start = protectedMode + file.u32(0x248);
        long bytes = file.u32(0x24c);
        if (!file.has(start, bytes)) {
            throw damaged(
                    "its payload of %d bytes at 0x%x goes past its end at 0x%x"
                            .formatted(bytes, start, file.size()));
        }
        Bytes payload = file.slice(start, bytes);
        if (ElfKernel.matches(payload)) {
            return payload.segment();
        }
        Compression compression = Compression.detect(payload, 0);
        if (compression == null) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s has a payload in no known compression: give its vmlinux instead",
                    name);
        }
        long packed = compression == Compression.GZIP ? bytes : Math.max(0, bytes - SIZE_TRAILER);
        try {
            return Unpacker.unpack(
                    compression,
                    payload.slice(0, packed).segment(),
                    true,
                    bytes >= SIZE_TRAILER ? payload.u32(bytes - SIZE_TRAILER) : 0,
                    limit,
                    arena);
        } catch (Unpacker.UnpackException e) {
            if (e.tooBig()) {
                throw new BootException(
                        e,
                        Code.MEMORY_TOO_SMALL,
                        "kernel %s does not fit into the guest's memory when unpacked (%s): give"
                                + " the guest more memory",
                        name,
                        e.reason());
            }
            throw damaged(
                    "its %s payload cannot be unpacked: %s".formatted(compression, e.reason()));
        }
    }

    String name() {
        return name;
    }

    private BootException damaged(String what) {
        return new BootException(
                Code.KERNEL_DAMAGED, "kernel %s is damaged (%s): get it again", name, what);
    }
}
