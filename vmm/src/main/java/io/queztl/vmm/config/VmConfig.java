package io.queztl.vmm.config;

import io.queztl.vmm.boot.BootRequest;
import io.queztl.vmm.layout.Layout;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a VM is made of. Immutable; made with {@link #of} and the {@code with} methods, each of
 * which checks what it is given.
 *
 * @param cpus number of vCPUs, 1 to {@link #MAX_CPUS}
 * @param memoryBytes RAM, a multiple of 4096
 * @param cpuModel name of a CPU model of the accelerator
 * @param kernel bzImage, ELF or multiboot file
 * @param initrd initial RAM disk
 * @param commandLine kernel command line
 * @param unpackInitrd decompress the initrd in the VMM
 * @param debugExit put isa-debug-exit at port 0xf4
 * @param debugConsole put the debug console at port 0xe9
 * @param disks the disks, in the order of the guest's names for them
 */
public record VmConfig(
        int cpus,
        long memoryBytes,
        String cpuModel,
        Path kernel,
        @Nullable Path initrd,
        String commandLine,
        boolean unpackInitrd,
        boolean debugExit,
        boolean debugConsole,
        List<DiskConfig> disks) {
    /** The most vCPUs a VM can have. */
    public static final int MAX_CPUS = 64;

    /** RAM if nothing is said, in bytes. */
    public static final long DEFAULT_MEMORY = 512L << 20;

    /** The CPU model with all that the accelerator has. */
    public static final String DEFAULT_CPU_MODEL = "max";

    private static final int PAGE = 4096;

    /** Checks everything that can be known without the host and the accelerator. */
    public VmConfig {
        disks = List.copyOf(disks);
        if (cpus < 1 || cpus > MAX_CPUS) {
            throw invalid(
                    "a VM has 1 to %d vCPUs, not %d; say so with --cpus."
                            .formatted(MAX_CPUS, cpus));
        }
        if (memoryBytes < Layout.MINIMUM_RAM) {
            throw invalid(
                    "%s of memory is too little for a guest; give it at least %s with --memory."
                            .formatted(
                                    MemorySize.format(memoryBytes),
                                    MemorySize.format(Layout.MINIMUM_RAM)));
        }
        if (memoryBytes % PAGE != 0 && memoryBytes != Long.MAX_VALUE) {
            throw invalid(
                    "%s of memory is not a multiple of 4K; choose one with --memory."
                            .formatted(MemorySize.format(memoryBytes)));
        }
        if (commandLine.indexOf('\0') >= 0) {
            throw invalid("the kernel command line has a NUL character; leave it out.");
        }
    }

    /** One vCPU, 512 MiB and this kernel. */
    public static VmConfig of(Path kernel) {
        return new VmConfig(
                1,
                DEFAULT_MEMORY,
                DEFAULT_CPU_MODEL,
                kernel,
                null,
                "",
                false,
                false,
                false,
                List.of());
    }

    /** The same with another number of vCPUs. */
    public VmConfig withCpus(int count) {
        return new VmConfig(
                count,
                memoryBytes,
                cpuModel,
                kernel,
                initrd,
                commandLine,
                unpackInitrd,
                debugExit,
                debugConsole,
                disks);
    }

    /** The same with another size of memory, in bytes. */
    public VmConfig withMemory(long bytes) {
        return new VmConfig(
                cpus,
                bytes,
                cpuModel,
                kernel,
                initrd,
                commandLine,
                unpackInitrd,
                debugExit,
                debugConsole,
                disks);
    }

    /** The same with another kernel. */
    public VmConfig withKernel(Path file) {
        return new VmConfig(
                cpus,
                memoryBytes,
                cpuModel,
                file,
                initrd,
                commandLine,
                unpackInitrd,
                debugExit,
                debugConsole,
                disks);
    }

    /** The same with another initrd. */
    public VmConfig withInitrd(@Nullable Path file) {
        return new VmConfig(
                cpus,
                memoryBytes,
                cpuModel,
                kernel,
                file,
                commandLine,
                unpackInitrd,
                debugExit,
                debugConsole,
                disks);
    }

    /** The same with another command line. */
    public VmConfig withCommandLine(String text) {
        return new VmConfig(
                cpus,
                memoryBytes,
                cpuModel,
                kernel,
                initrd,
                text,
                unpackInitrd,
                debugExit,
                debugConsole,
                disks);
    }

    /** The same with these disks. */
    public VmConfig withDisks(List<DiskConfig> list) {
        return new VmConfig(
                cpus,
                memoryBytes,
                cpuModel,
                kernel,
                initrd,
                commandLine,
                unpackInitrd,
                debugExit,
                debugConsole,
                list);
    }

    /** What the boot loader is asked to do. */
    public BootRequest bootRequest() {
        return new BootRequest(
                kernel, initrd, List.of(), commandLine, BootRequest.Protocol.AUTO, unpackInitrd, 0);
    }

    private static VmException invalid(String message) {
        return new VmException(VmException.Code.CONFIGURATION, message);
    }
}
