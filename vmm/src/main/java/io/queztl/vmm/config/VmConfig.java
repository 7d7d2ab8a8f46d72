package io.queztl.vmm.config;

import io.queztl.vmm.boot.BootRequest;
import io.queztl.vmm.layout.Layout;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a VM is made of. Immutable; made with {@link #of} and the {@code with} methods, each of
 * which checks what it is given.
 *
 * @param cpus number of vCPUs, 1 to {@link #MAX_CPUS}
 * @param memoryBytes RAM, a multiple of 4096
 * @param cpuModel name of a CPU model of the accelerator
 * @param kernel bzImage, ELF or multiboot file; null with firmware, which finds one on a disk
 * @param firmware what boots the VM in place of a kernel, or null
 * @param initrd initial RAM disk
 * @param commandLine kernel command line
 * @param unpackInitrd decompress the initrd in the VMM
 * @param debugExit put isa-debug-exit at port 0xf4
 * @param debugConsole put the debug console at port 0xe9
 * @param devices disks and the like; those of a kind in the order of the guest's names for them
 */
public record VmConfig(
        int cpus,
        long memoryBytes,
        String cpuModel,
        @Nullable Path kernel,
        @Nullable FirmwareConfig firmware,
        @Nullable Path initrd,
        String commandLine,
        boolean unpackInitrd,
        boolean debugExit,
        boolean debugConsole,
        List<DeviceConfig> devices) {
    /** The most vCPUs a VM can have. */
    public static final int MAX_CPUS = 64;

    /** RAM if nothing is said, in bytes. */
    public static final long DEFAULT_MEMORY = 512L << 20;

    /** The CPU model with all that the accelerator has. */
    public static final String DEFAULT_CPU_MODEL = "max";

    private static final int PAGE = 4096;

    /** Checks everything that can be known without the host and the accelerator. */
    public VmConfig {
        devices = List.copyOf(devices);
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
        if ((kernel == null) == (firmware == null)) {
            throw invalid("a VM boots either a kernel or firmware; name one of them.");
        }
        if (firmware != null && (initrd != null || !commandLine.isEmpty())) {
            throw invalid(
                    "firmware takes kernel, initrd and command line from the disk; leave them out.");
        }
        if (commandLine.indexOf('\0') >= 0) {
            throw invalid("the kernel command line has a NUL character; leave it out.");
        }
    }

    /** One vCPU, 512 MiB and this kernel. */
    public static VmConfig of(Path kernel) {
        return new Fields(kernel, null).config();
    }

    /** One vCPU, 512 MiB and this firmware. */
    public static VmConfig of(FirmwareConfig firmware) {
        return new Fields(null, firmware).config();
    }

    /** The same with another number of vCPUs. */
    public VmConfig withCpus(int count) {
        return change(b -> b.cpus = count);
    }

    /** The same with another size of memory, in bytes. */
    public VmConfig withMemory(long bytes) {
        return change(b -> b.memoryBytes = bytes);
    }

    /** The same with another CPU model. */
    public VmConfig withCpuModel(String name) {
        return change(b -> b.cpuModel = name);
    }

    /** The same with another kernel. */
    public VmConfig withKernel(Path file) {
        return change(b -> b.kernel = file);
    }

    /** The same with another initrd. */
    public VmConfig withInitrd(@Nullable Path file) {
        return change(b -> b.initrd = file);
    }

    /** The same with another command line. */
    public VmConfig withCommandLine(String text) {
        return change(b -> b.commandLine = text);
    }

    /** The same with an initrd that the VMM unpacks, or not. */
    public VmConfig withUnpackInitrd(boolean on) {
        return change(b -> b.unpackInitrd = on);
    }

    /** The same with isa-debug-exit at port 0xf4, or without. */
    public VmConfig withDebugExit(boolean on) {
        return change(b -> b.debugExit = on);
    }

    /** The same with the debug console at port 0xe9, or without. */
    public VmConfig withDebugConsole(boolean on) {
        return change(b -> b.debugConsole = on);
    }

    /** The same with these devices. */
    public VmConfig withDevices(List<DeviceConfig> list) {
        return change(b -> b.devices = list);
    }

    /** The devices of one kind, in order. */
    public <T extends DeviceConfig> List<T> devices(Class<T> kind) {
        return devices.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /**
     * What the boot loader is asked to do.
     *
     * @throws IllegalStateException if firmware boots the VM
     */
    public BootRequest bootRequest() {
        Path file = kernel;
        if (file == null) {
            throw new IllegalStateException("firmware boots this VM");
        }
        return new BootRequest(
                file, initrd, List.of(), commandLine, BootRequest.Protocol.AUTO, unpackInitrd, 0);
    }

    private static VmException invalid(String message) {
        return new VmException(VmException.Code.CONFIGURATION, message);
    }

    private VmConfig change(Consumer<Fields> change) {
        Fields fields = new Fields(kernel, firmware);
        fields.cpus = cpus;
        fields.memoryBytes = memoryBytes;
        fields.cpuModel = cpuModel;
        fields.initrd = initrd;
        fields.commandLine = commandLine;
        fields.unpackInitrd = unpackInitrd;
        fields.debugExit = debugExit;
        fields.debugConsole = debugConsole;
        fields.devices = devices;
        change.accept(fields);
        return fields.config();
    }

    /** The components while one of them changes. */
    private static final class Fields {
        private int cpus = 1;
        private long memoryBytes = DEFAULT_MEMORY;
        private String cpuModel = DEFAULT_CPU_MODEL;
        private @Nullable Path kernel;
        private final @Nullable FirmwareConfig firmware;
        private @Nullable Path initrd;
        private String commandLine = "";
        private boolean unpackInitrd;
        private boolean debugExit;
        private boolean debugConsole;
        private List<DeviceConfig> devices = List.of();

        Fields(@Nullable Path kernel, @Nullable FirmwareConfig firmware) {
            this.kernel = kernel;
            this.firmware = firmware;
        }

        VmConfig config() {
            return new VmConfig(
                    cpus,
                    memoryBytes,
                    cpuModel,
                    kernel,
                    firmware,
                    initrd,
                    commandLine,
                    unpackInitrd,
                    debugExit,
                    debugConsole,
                    devices);
        }
    }
}
