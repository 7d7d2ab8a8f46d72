package io.queztl.vmm.boot;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What to boot and how.
 *
 * @param kernel bzImage, ELF or multiboot file
 * @param initrd initial RAM disk; for multiboot it is the first module
 * @param modules further modules, for multiboot and PVH
 * @param commandLine kernel command line, without a final NUL
 * @param protocol boot protocol; {@link Protocol#AUTO} chooses by the kernel's headers
 * @param unpackInitrd decompress the initrd here instead of in the guest
 * @param rsdpAddress guest-physical address of the ACPI RSDP, or 0 if there is none
 */
public record BootRequest(
        Path kernel,
        @Nullable Path initrd,
        List<Module> modules,
        String commandLine,
        Protocol protocol,
        boolean unpackInitrd,
        long rsdpAddress) {

    /** How the kernel is entered. */
    public enum Protocol {
        /** By what the kernel says of itself. */
        AUTO,
        /** Linux x86 boot protocol, 64-bit entry (32-bit for i386 kernels). */
        LINUX,
        /** Xen PVH direct boot. */
        PVH,
        /** Multiboot 1. */
        MULTIBOOT
    }

    /**
     * A multiboot or PVH module.
     *
     * @param file its contents
     * @param commandLine its string
     */
    public record Module(Path file, String commandLine) {}

    /** A kernel with a command line, everything else default. */
    public static BootRequest of(Path kernel, @Nullable Path initrd, String commandLine) {
        return new BootRequest(kernel, initrd, List.of(), commandLine, Protocol.AUTO, false, 0);
    }

    /** The same with the address of the RSDP. */
    public BootRequest withRsdp(long address) {
        return new BootRequest(
                kernel, initrd, modules, commandLine, protocol, unpackInitrd, address);
    }

    /** The same with another boot protocol. */
    public BootRequest withProtocol(Protocol other) {
        return new BootRequest(
                kernel, initrd, modules, commandLine, other, unpackInitrd, rsdpAddress);
    }

    /** The same with or without unpacking the initrd here. */
    public BootRequest withUnpackInitrd(boolean unpack) {
        return new BootRequest(kernel, initrd, modules, commandLine, protocol, unpack, rsdpAddress);
    }

    /** The same with other modules. */
    public BootRequest withModules(List<Module> others) {
        return new BootRequest(
                kernel, initrd, others, commandLine, protocol, unpackInitrd, rsdpAddress);
    }
}
