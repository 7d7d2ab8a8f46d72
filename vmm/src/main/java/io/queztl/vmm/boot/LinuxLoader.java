package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.layout.Layout;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Boots Linux by its x86 boot protocol (Linux documentation, arch/x86/boot.rst and zero-page.rst).
 * A bzImage's decompressor is not run: the payload is unpacked here and vmlinux entered at its own
 * entry point, at the address it is linked for.
 */
final class LinuxLoader {
    private static final int SETUP_HEADER = 0x1f1;
    private static final int BOOT_PARAMS_BYTES = 0x1000;
    private static final int E820_ENTRIES = 0x1e8;
    private static final int E820_TABLE = 0x2d0;
    private static final int E820_ENTRY_BYTES = 20;
    private static final int ACPI_RSDP = 0x70;
    private static final int EXT_RAMDISK_IMAGE = 0xc0;
    private static final int EXT_RAMDISK_SIZE = 0xc4;
    private static final int EXT_CMD_LINE_PTR = 0xc8;

    private static final int LOADER_UNDEFINED = 0xff;
    private static final int LOADED_HIGH = 1;
    private static final int KASLR_FLAG = 2;
    private static final int SETUP_RNG_SEED = 9;
    private static final int RNG_SEED_BYTES = 32;

    // What a vmlinux without a setup header is taken to have.
    private static final long DEFAULT_COMMAND_LINE_LIMIT = 2047;
    private static final long DEFAULT_INITRD_MAXIMUM = 0x7fff_ffffL;
    private static final int DEFAULT_VERSION = 0x20f;
    private static final int DEFAULT_ALIGNMENT = 0x20_0000;

    private LinuxLoader() {}

    /** Loads a bzImage. */
    static BootEntry load(BootRequest request, BzImage image, GuestMemory memory, Arena arena) {
        byte[] commandLine =
                BootLoader.commandLine(request.commandLine(), image.commandLineLimit());
        Bytes vmlinux = new Bytes(image.unpack(MemoryMap.lowRamEnd(memory), arena));
        if (!ElfKernel.matches(vmlinux)) {
            throw new BootException(
                    Code.KERNEL_DAMAGED,
                    "kernel %s has a payload that is not an ELF file: get it again",
                    image.name());
        }
        ElfKernel elf = new ElfKernel(image.name(), vmlinux);
        return load(request, elf, commandLine, image, memory);
    }

    /** Loads an uncompressed vmlinux. */
    static BootEntry load(BootRequest request, ElfKernel elf, GuestMemory memory) {
        byte[] commandLine =
                BootLoader.commandLine(request.commandLine(), DEFAULT_COMMAND_LINE_LIMIT);
        return load(request, elf, commandLine, null, memory);
    }

    private static BootEntry load(
            BootRequest request,
            ElfKernel elf,
            byte[] commandLine,
            @Nullable BzImage image,
            GuestMemory memory) {
        if (!request.modules().isEmpty()) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s is Linux, which takes no modules from a boot loader: use an initrd",
                    request.kernel());
        }
        long entry = elf.entry();
        elf.load(memory);

        Path file = request.initrd();
        long highest = image == null ? DEFAULT_INITRD_MAXIMUM : image.initrdAddressMaximum();
        long ceiling = Math.min(MemoryMap.lowRamEnd(memory), highest + 1);
        Initrd initrd =
                file == null
                        ? Initrd.NONE
                        : Initrd.load(file, request.unpackInitrd(), memory, elf.end(), ceiling);

        memory.write(Layout.COMMAND_LINE, commandLine);
        writeSetupData(memory);
        writeBootParams(memory, image, initrd, request.rsdpAddress());
        return elf.is64()
                ? new BootEntry(BootEntry.Mode.LONG, entry, 0, 0, Layout.BOOT_PARAMS, "linux64")
                : new BootEntry(
                        BootEntry.Mode.PROTECTED, entry, 0, 0, Layout.BOOT_PARAMS, "linux32");
    }

    /** One node: a seed for the kernel's random number generator, which it wipes after use. */
    private static void writeSetupData(GuestMemory memory) {
        byte[] seed = new byte[RNG_SEED_BYTES];
        new SecureRandom().nextBytes(seed);
        memory.write64(Layout.SETUP_DATA, 0);
        memory.write32(Layout.SETUP_DATA + 8, SETUP_RNG_SEED);
        memory.write32(Layout.SETUP_DATA + 12, seed.length);
        memory.write(Layout.SETUP_DATA + 16, seed);
    }

    private static void writeBootParams(
            GuestMemory memory, @Nullable BzImage image, Initrd initrd, long rsdp) {
        long params = Layout.BOOT_PARAMS;
        memory.fill(params, BOOT_PARAMS_BYTES, (byte) 0);
        if (image != null) {
            memory.write(params + SETUP_HEADER, image.setupHeader());
        } else {
            memory.write16(params + 0x1fe, 0xaa55);
            memory.write32(params + 0x202, 0x53726448);
            memory.write16(params + 0x206, DEFAULT_VERSION);
            memory.write32(params + 0x22c, (int) DEFAULT_INITRD_MAXIMUM);
            memory.write32(params + 0x230, DEFAULT_ALIGNMENT);
            memory.write32(params + 0x238, (int) DEFAULT_COMMAND_LINE_LIMIT);
        }
        memory.write8(params + 0x210, LOADER_UNDEFINED);
        // The kernel sits where it was linked: tell it that nothing was moved at random.
        memory.write8(params + 0x211, memory.read8(params + 0x211) & ~KASLR_FLAG | LOADED_HIGH);
        memory.write32(params + 0x218, (int) initrd.address());
        memory.write32(params + 0x21c, (int) initrd.bytes());
        memory.write32(params + EXT_RAMDISK_IMAGE, (int) (initrd.address() >>> 32));
        memory.write32(params + EXT_RAMDISK_SIZE, (int) (initrd.bytes() >>> 32));
        memory.write32(params + 0x228, (int) Layout.COMMAND_LINE);
        memory.write32(params + EXT_CMD_LINE_PTR, 0);
        memory.write64(params + 0x250, Layout.SETUP_DATA);
        memory.write64(params + ACPI_RSDP, rsdp);

        List<MemoryMap.Entry> map = MemoryMap.of(memory);
        memory.write8(params + E820_ENTRIES, map.size());
        long at = params + E820_TABLE;
        for (MemoryMap.Entry e : map) {
            memory.write64(at, e.start());
            memory.write64(at + 8, e.bytes());
            memory.write32(at + 16, e.type());
            at += E820_ENTRY_BYTES;
        }
    }
}
