package io.queztl.server.guest;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The modules of Debian's cloud kernel that the stock guest needs for its devices. There is no
 * modprobe in it: the lists are in the order of loading, dependencies first.
 */
public final class StockModules {
    private static final List<String> BUS =
            List.of(
                    "virtio_ring",
                    "virtio",
                    "virtio_pci_legacy_dev",
                    "virtio_pci_modern_dev",
                    "virtio_pci");

    /** What a disk needs beside the bus. */
    public static final List<String> DISK = List.of("virtio_blk");

    /** What a network interface needs beside the bus. */
    public static final List<String> NETWORK = List.of("failover", "net_failover", "virtio_net");

    /** What the entropy device needs beside the bus. */
    public static final List<String> ENTROPY = List.of("virtio-rng");

    /** What the multiport console needs beside the bus. */
    public static final List<String> CONSOLE = List.of("virtio_console");

    /** What the balloon needs beside the bus. */
    public static final List<String> BALLOON = List.of("virtio_balloon");

    /** What host sockets need beside the bus. */
    public static final List<String> SOCKETS =
            List.of("vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport");

    /** What a shared folder needs beside the bus; only the generic kernel has it. */
    public static final List<String> SHARE =
            List.of("netfs", "fscache", "9pnet", "9p", "9pnet_virtio");

    /** What the watchdog needs, beside the bus, which it does not. */
    public static final List<String> WATCHDOG = List.of("watchdog", "wdat_wdt");

    /** What the panic port needs. */
    public static final List<String> PANIC = List.of("pvpanic", "pvpanic-mmio");

    private static final Set<String> ALL = all();

    private StockModules() {}

    private static Set<String> all() {
        Set<String> names = new LinkedHashSet<>(BUS);
        for (List<String> more :
                List.of(
                        DISK, NETWORK, ENTROPY, CONSOLE, BALLOON, SOCKETS, WATCHDOG, PANIC,
                        SHARE)) {
            names.addAll(more);
        }
        return names;
    }

    /** Where a file of the kernel's package goes, or null if it is not needed. */
    static @Nullable Path target(Path folder, String name) {
        String file = name.substring(name.lastIndexOf('/') + 1);
        boolean wanted =
                name.startsWith("lib/modules/")
                        && file.endsWith(".ko")
                        && ALL.contains(file.substring(0, file.length() - 3));
        return wanted ? folder.resolve(file) : null;
    }

    /** True if all modules of a kernel are in the folder. */
    static boolean complete(Path folder, StockGuest.Flavour flavour) {
        return ALL.stream()
                .filter(n -> flavour == StockGuest.Flavour.GENERIC || !SHARE.contains(n))
                .allMatch(name -> Files.isRegularFile(folder.resolve(name + ".ko")));
    }

    /**
     * The files to load for some kinds of devices.
     *
     * @param folder {@link StockGuest#modules}
     * @param kinds lists of this class
     * @return empty if there are no kinds
     */
    public static List<Path> files(Path folder, List<List<String>> kinds) {
        Set<String> names = new LinkedHashSet<>();
        if (!kinds.isEmpty()) {
            names.addAll(BUS);
        }
        for (List<String> kind : kinds) {
            names.addAll(kind);
        }
        List<Path> files = new ArrayList<>();
        for (String name : names) {
            files.add(folder.resolve(name + ".ko"));
        }
        return files;
    }
}
