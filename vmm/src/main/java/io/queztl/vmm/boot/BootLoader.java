package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.boot.BootRequest.Protocol;
import io.queztl.vmm.layout.Layout;
import java.lang.foreign.Arena;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Loads a kernel and what goes with it into a guest's memory. The format is told by the file's
 * headers; every file that cannot be booted ends in a {@link BootException}.
 */
public final class BootLoader {
    private BootLoader() {}

    /**
     * Loads the guest and says how to enter it.
     *
     * @throws BootException if the files, the command line or the memory do not allow it
     */
    public static BootEntry load(BootRequest request, GuestMemory memory) {
        if (MemoryMap.lowRamEnd(memory) < Layout.MINIMUM_RAM) {
            throw new BootException(
                    Code.MEMORY_TOO_SMALL,
                    "guest memory of %d bytes is too small to boot: give it at least %d MiB",
                    MemoryMap.lowRamEnd(memory),
                    Layout.MINIMUM_RAM >> 20);
        }
        try (Arena arena = Arena.ofConfined()) {
            Bytes kernel = new Bytes(BootFile.map("kernel", request.kernel(), arena));
            BootEntry entry = load(request, kernel, memory, arena);
            entry.writeTables(memory);
            return entry;
        } catch (InternalError e) {
            // What reading a mapped file that was truncated meanwhile, or a failing disk, ends in.
            throw new BootException(
                    e,
                    Code.UNREADABLE,
                    "kernel %s could not be read to its end: check the file and its disk",
                    request.kernel());
        }
    }

    private static BootEntry load(
            BootRequest request, Bytes kernel, GuestMemory memory, Arena arena) {
        String name = request.kernel().toString();
        Protocol wanted = request.protocol();
        if (BzImage.matches(kernel)) {
            require(wanted, Protocol.LINUX, name, "a bzImage");
            return LinuxLoader.load(request, new BzImage(name, kernel), memory, arena);
        }
        long multiboot = MultibootLoader.findHeader(kernel);
        if (ElfKernel.matches(kernel)) {
            ElfKernel elf = new ElfKernel(name, kernel);
            Protocol protocol = wanted == Protocol.AUTO ? protocol(elf, multiboot >= 0) : wanted;
            return switch (protocol) {
                case AUTO ->
                        throw new BootException(
                                Code.KERNEL_FORMAT,
                                "kernel %s is a 32-bit ELF file with neither a multiboot header nor"
                                        + " a PVH note: use a kernel with one of them",
                                name);
                case LINUX -> LinuxLoader.load(request, elf, memory);
                case PVH -> PvhLoader.load(request, name, elf, memory);
                case MULTIBOOT -> MultibootLoader.load(request, kernel, multiboot, elf, memory);
            };
        }
        if (multiboot >= 0) {
            require(wanted, Protocol.MULTIBOOT, name, "a multiboot kernel");
            return MultibootLoader.load(request, kernel, multiboot, null, memory);
        }
        throw new BootException(
                Code.KERNEL_FORMAT,
                "kernel %s is neither a bzImage, an ELF file nor a multiboot kernel: name a kernel"
                        + " for x86",
                name);
    }

    private static Protocol protocol(ElfKernel elf, boolean multiboot) {
        if (elf.is64() && elf.linux()) {
            return Protocol.LINUX;
        }
        if (multiboot) {
            return Protocol.MULTIBOOT;
        }
        if (elf.hasPvhEntry()) {
            return Protocol.PVH;
        }
        return elf.is64() ? Protocol.LINUX : Protocol.AUTO;
    }

    private static void require(Protocol wanted, Protocol only, String name, String what) {
        if (wanted != Protocol.AUTO && wanted != only) {
            throw new BootException(
                    Code.KERNEL_FORMAT,
                    "kernel %s is %s, which cannot be booted by %s: leave the protocol out",
                    name,
                    what,
                    wanted);
        }
    }

    /** The command line as the guest gets it: UTF-8 with a final NUL. */
    static byte[] commandLine(String text, long maximum) {
        byte[] bytes;
        try {
            var encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            bytes = new byte[encoded.remaining() + 1];
            encoded.get(bytes, 0, bytes.length - 1);
        } catch (CharacterCodingException e) {
            throw new BootException(
                    e, Code.COMMAND_LINE, "the kernel command line is not text: write it anew");
        }
        for (int i = 0; i < bytes.length - 1; i++) {
            if (bytes[i] == 0) {
                throw new BootException(
                        Code.COMMAND_LINE,
                        "the kernel command line has a NUL character at %d: remove it",
                        i);
            }
        }
        long limit = Math.min(maximum, Layout.COMMAND_LINE_BYTES - 1);
        if (bytes.length - 1 > limit) {
            throw new BootException(
                    Code.COMMAND_LINE,
                    "the kernel command line has %d bytes, this kernel takes %d: shorten it",
                    bytes.length - 1,
                    limit);
        }
        return bytes;
    }
}
