package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.layout.Layout;
import java.util.List;

/**
 * Boots by the Xen PVH direct boot ABI (Xen documentation, misc/pvh.pandoc, and the public header
 * arch-x86/hvm/start_info.h): 32-bit protected mode, EBX points to hvm_start_info.
 */
final class PvhLoader {
    private static final int MAGIC = 0x336ec578;
    private static final int VERSION = 1;
    private static final int START_INFO_BYTES = 56;
    private static final int MODULE_BYTES = 32;
    private static final int MAP_ENTRY_BYTES = 24;

    private PvhLoader() {}

    static BootEntry load(BootRequest request, String name, ElfKernel elf, GuestMemory memory) {
        if (!elf.hasPvhEntry()) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s has no PVH entry point: boot it by another protocol",
                    name);
        }
        long entry = elf.pvhEntry();
        byte[] commandLine =
                BootLoader.commandLine(request.commandLine(), Layout.COMMAND_LINE_BYTES);
        elf.load(memory);
        memory.write(Layout.COMMAND_LINE, commandLine);
        List<Modules.Loaded> modules = Modules.load(request, elf.end(), memory);

        long info = Layout.PVH_START_INFO;
        long list = info + START_INFO_BYTES + 8;
        long strings = Layout.MULTIBOOT_INFO;
        if (list + (long) modules.size() * MODULE_BYTES > Layout.PVH_MEMORY_MAP) {
            throw Modules.tooMany(modules.size());
        }
        memory.fill(info, Layout.PVH_MEMORY_MAP - info, (byte) 0);
        for (int i = 0; i < modules.size(); i++) {
            Modules.Loaded m = modules.get(i);
            if (strings + m.commandLine().length
                    > Layout.MULTIBOOT_INFO + Layout.MULTIBOOT_INFO_BYTES) {
                throw Modules.tooMany(modules.size());
            }
            memory.write(strings, m.commandLine());
            memory.write64(list + (long) i * MODULE_BYTES, m.address());
            memory.write64(list + (long) i * MODULE_BYTES + 8, m.bytes());
            memory.write64(list + (long) i * MODULE_BYTES + 16, strings);
            strings += m.commandLine().length;
        }
        List<MemoryMap.Entry> map = MemoryMap.of(memory);
        for (int i = 0; i < map.size(); i++) {
            long at = Layout.PVH_MEMORY_MAP + (long) i * MAP_ENTRY_BYTES;
            memory.write64(at, map.get(i).start());
            memory.write64(at + 8, map.get(i).bytes());
            memory.write32(at + 16, map.get(i).type());
            memory.write32(at + 20, 0);
        }
        memory.write32(info, MAGIC);
        memory.write32(info + 4, VERSION);
        memory.write32(info + 12, modules.size());
        memory.write64(info + 16, modules.isEmpty() ? 0 : list);
        memory.write64(info + 24, Layout.COMMAND_LINE);
        memory.write64(info + 32, request.rsdpAddress());
        memory.write64(info + 40, Layout.PVH_MEMORY_MAP);
        memory.write32(info + 48, map.size());
        return new BootEntry(BootEntry.Mode.PROTECTED, entry, 0, info, 0, "pvh");
    }
}
