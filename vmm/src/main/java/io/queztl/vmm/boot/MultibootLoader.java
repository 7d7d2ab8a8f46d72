package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.layout.Layout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Boots test kernels by the Multiboot Specification 0.6.96: ELF files, or any file whose header has
 * the address fields ("a.out kludge").
 */
final class MultibootLoader {
    private static final int HEADER_MAGIC = 0x1badb002;
    private static final int BOOT_MAGIC = 0x2badb002;
    private static final int SEARCH_BYTES = 8192;

    private static final int FLAG_VIDEO = 1 << 2;
    private static final int FLAG_ADDRESSES = 1 << 16;

    /** Flags of the header that a boot loader must know or refuse: bits 0 to 15. */
    private static final int FLAGS_REQUIRED = 0xffff;

    /** Page-aligned modules and memory information, which are always given; video is not. */
    private static final int FLAGS_SUPPORTED = 1 | 1 << 1;

    private static final int INFO_MEMORY = 1;
    private static final int INFO_COMMAND_LINE = 1 << 2;
    private static final int INFO_MODULES = 1 << 3;
    private static final int INFO_MEMORY_MAP = 1 << 6;
    private static final int INFO_LOADER_NAME = 1 << 9;

    private static final int INFO_BYTES = 120;
    private static final int MAP_ENTRY_BYTES = 24;
    private static final int MODULE_BYTES = 16;

    private MultibootLoader() {}

    /** The offset of the multiboot header, or -1 if there is none in the first 8 KiB. */
    static long findHeader(Bytes file) {
        for (long at = 0; at + 12 <= SEARCH_BYTES && file.has(at, 12); at += 4) {
            if (file.i32(at) == HEADER_MAGIC
                    && file.i32(at) + file.i32(at + 4) + file.i32(at + 8) == 0) {
                return at;
            }
        }
        return -1;
    }

    static BootEntry load(
            BootRequest request,
            Bytes file,
            long header,
            @Nullable ElfKernel elf,
            GuestMemory memory) {
        String name = request.kernel().toString();
        if (header < 0) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s has no multiboot header: boot it by another protocol",
                    name);
        }
        int flags = file.i32(header + 4);
        if ((flags & FLAGS_REQUIRED & ~(FLAGS_SUPPORTED | FLAG_VIDEO)) != 0) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s asks for multiboot features 0x%x that are not supported: build it"
                            + " without them",
                    name,
                    flags & FLAGS_REQUIRED);
        }
        byte[] commandLine =
                BootLoader.commandLine(request.commandLine(), Layout.COMMAND_LINE_BYTES);
        long entry;
        long end;
        if ((flags & FLAG_ADDRESSES) != 0) {
            Addresses addresses = Addresses.read(name, file, header);
            addresses.load(name, file, memory);
            entry = addresses.entry;
            end = addresses.end();
        } else if (elf != null) {
            entry = elf.entry();
            elf.load(memory);
            end = elf.end();
        } else {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s has a multiboot header without addresses and is no ELF file: link it"
                            + " as ELF",
                    name);
        }
        memory.write(Layout.COMMAND_LINE, commandLine);
        List<Modules.Loaded> modules = Modules.load(request, end, memory);
        writeInformation(memory, modules);
        return new BootEntry(
                BootEntry.Mode.PROTECTED, entry, BOOT_MAGIC, Layout.MULTIBOOT_INFO, 0, "multiboot");
    }

    /** The boot information: the structure, memory map, module list, then strings. */
    private static void writeInformation(GuestMemory memory, List<Modules.Loaded> modules) {
        long info = Layout.MULTIBOOT_INFO;
        long areaEnd = info + Layout.MULTIBOOT_INFO_BYTES;
        List<MemoryMap.Entry> map = MemoryMap.of(memory);
        long mapAt = info + INFO_BYTES;
        long list = mapAt + (long) map.size() * MAP_ENTRY_BYTES;
        long strings = list + (long) modules.size() * MODULE_BYTES;
        if (strings > areaEnd) {
            throw Modules.tooMany(modules.size());
        }
        memory.fill(info, strings - info, (byte) 0);
        for (int i = 0; i < map.size(); i++) {
            long at = mapAt + (long) i * MAP_ENTRY_BYTES;
            memory.write32(at, MAP_ENTRY_BYTES - 4);
            memory.write64(at + 4, map.get(i).start());
            memory.write64(at + 12, map.get(i).bytes());
            memory.write32(at + 20, map.get(i).type());
        }
        for (int i = 0; i < modules.size(); i++) {
            Modules.Loaded m = modules.get(i);
            long at = list + (long) i * MODULE_BYTES;
            memory.write32(at, (int) m.address());
            memory.write32(at + 4, (int) (m.address() + m.bytes()));
            memory.write32(at + 8, (int) strings);
            strings = writeText(memory, strings, areaEnd, m.commandLine(), modules.size());
        }
        memory.write32(info + 64, (int) strings);
        writeText(
                memory,
                strings,
                areaEnd,
                "Queztl\0".getBytes(StandardCharsets.US_ASCII),
                modules.size());

        memory.write32(
                info,
                INFO_MEMORY
                        | INFO_COMMAND_LINE
                        | INFO_MODULES
                        | INFO_MEMORY_MAP
                        | INFO_LOADER_NAME);
        memory.write32(info + 4, (int) (Layout.EBDA >> 10));
        memory.write32(info + 8, (int) (MemoryMap.lowRamEnd(memory) - Layout.KERNEL_MINIMUM >> 10));
        memory.write32(info + 16, (int) Layout.COMMAND_LINE);
        memory.write32(info + 20, modules.size());
        memory.write32(info + 24, (int) list);
        memory.write32(info + 44, map.size() * MAP_ENTRY_BYTES);
        memory.write32(info + 48, (int) mapAt);
    }

    private static long writeText(GuestMemory memory, long at, long end, byte[] text, int modules) {
        if (text.length > end - at) {
            throw Modules.tooMany(modules);
        }
        memory.write(at, text);
        return at + text.length;
    }

    /** The header's address fields, resolved. */
    private record Addresses(
            long load, long fileOffset, long fileBytes, long memoryBytes, long entry) {

        long end() {
            return load + memoryBytes;
        }

        static Addresses read(String name, Bytes file, long header) {
            if (!file.has(header, 32)) {
                throw damaged(name, "its header ends too early");
            }
            long headerAddress = file.u32(header + 12);
            long load = file.u32(header + 16);
            long loadEnd = file.u32(header + 20);
            long bssEnd = file.u32(header + 24);
            long entry = file.u32(header + 28);
            long offset = header - (headerAddress - load);
            if (headerAddress < load || offset < 0) {
                throw damaged(name, "it loads from before its start");
            }
            // 0 means: to the end of the file, and no bss.
            long fileBytes = loadEnd == 0 ? file.size() - offset : loadEnd - load;
            long memoryBytes = bssEnd == 0 ? fileBytes : bssEnd - load;
            if (!file.has(offset, fileBytes)) {
                throw damaged(name, "it loads more than the file has");
            }
            if (memoryBytes < fileBytes || memoryBytes == 0) {
                throw damaged(name, "its bss ends before its data");
            }
            if (entry < load || entry >= load + memoryBytes) {
                throw damaged(name, "its entry point is outside of it");
            }
            return new Addresses(load, offset, fileBytes, memoryBytes, entry);
        }

        void load(String name, Bytes file, GuestMemory memory) {
            if (load < Layout.SEGMENT_MINIMUM) {
                throw damaged(name, "it wants to be loaded below 1 MiB, where boot data is");
            }
            if (!memory.isRam(load, memoryBytes)) {
                throw new BootException(
                        Code.MEMORY_TOO_SMALL,
                        "kernel %s needs RAM at 0x%x to 0x%x, which the guest does not have: give"
                                + " it more memory",
                        name,
                        load,
                        end());
            }
            memory.write(load, file.slice(fileOffset, fileBytes).segment());
            memory.fill(load + fileBytes, memoryBytes - fileBytes, (byte) 0);
        }

        private static BootException damaged(String name, String what) {
            return new BootException(
                    Code.KERNEL_DAMAGED,
                    "multiboot kernel %s cannot be loaded (%s): rebuild it",
                    name,
                    what);
        }
    }
}
