package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.SecondStage;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.layout.Layout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Loads the modules of multiboot and PVH kernels, page-aligned one after the other. */
final class Modules {
    /**
     * A module in guest RAM.
     *
     * @param address its first guest-physical address
     * @param bytes its length
     * @param commandLine its string with the final NUL
     */
    record Loaded(long address, long bytes, byte[] commandLine) {}

    private Modules() {}

    /** The initrd, if there is one, and then the modules, from {@code floor} up. */
    static List<Loaded> load(BootRequest request, long floor, GuestMemory memory) {
        List<BootRequest.Module> files = new ArrayList<>();
        Path initrd = request.initrd();
        if (initrd != null) {
            files.add(new BootRequest.Module(initrd, initrd.toString()));
        }
        files.addAll(request.modules());
        List<Loaded> loaded = new ArrayList<>();
        long end = MemoryMap.lowRamEnd(memory);
        long at = floor;
        for (BootRequest.Module module : files) {
            byte[] text = BootLoader.commandLine(module.commandLine(), Layout.COMMAND_LINE_BYTES);
            at = at + SecondStage.PAGE_SIZE - 1 & -SecondStage.PAGE_SIZE;
            long bytes = BootFile.size("module", module.file());
            if (bytes > end - at) {
                throw new BootException(
                        Code.MEMORY_TOO_SMALL,
                        "module %s takes %d bytes but %d are left: give the guest more memory",
                        module.file(),
                        bytes,
                        Math.max(0, end - at));
            }
            BootFile.load("module", module.file(), bytes, memory, at);
            loaded.add(new Loaded(at, bytes, text));
            at += bytes;
        }
        return loaded;
    }

    static BootException tooMany(int count) {
        return new BootException(
                Code.TOO_MANY,
                "%d modules and their strings do not fit the area for them: give fewer",
                count);
    }
}
