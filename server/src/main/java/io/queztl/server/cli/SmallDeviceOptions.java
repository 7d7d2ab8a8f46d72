package io.queztl.server.cli;

import io.queztl.server.guest.StockModules;
import io.queztl.vmm.config.BalloonConfig;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.MemorySize;
import io.queztl.vmm.config.PanicConfig;
import io.queztl.vmm.config.VsockConfig;
import io.queztl.vmm.config.WatchdogConfig;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} for devices of which a VM has one at most. */
final class SmallDeviceOptions {
    @Option(
            names = "--vsock",
            paramLabel = "cid=N,uds=PATH",
            description =
                    "sockets between guest and host: the host's port P is the Unix socket PATH_P;"
                            + " programs reach the guest's by PATH and 'CONNECT P'")
    private @Nullable String vsock;

    @Option(
            names = "--balloon",
            paramLabel = "SIZE",
            description =
                    "a memory balloon of this size, such as 256M; with 0 the guest only gives back"
                            + " memory that is free")
    private @Nullable String balloon;

    @Option(
            names = "--watchdog",
            paramLabel = "reset|poweroff|pause",
            description =
                    "a watchdog (Linux: wdat_wdt), and what it does with a guest that stops patting it")
    private @Nullable String watchdog;

    @Option(
            names = "--pvpanic",
            description = "a kernel panic ends the run with a status of its own")
    private boolean pvpanic;

    /** What the options ask for. */
    List<DeviceConfig> configs() {
        List<DeviceConfig> configs = new ArrayList<>();
        String sockets = vsock;
        if (sockets != null) {
            configs.add(VsockConfig.parse(sockets));
        }
        String size = balloon;
        if (size != null) {
            configs.add(new BalloonConfig(size.equals("0") ? 0 : MemorySize.parse(size)));
        }
        String action = watchdog;
        if (action != null) {
            configs.add(WatchdogConfig.parse(action));
        }
        if (pvpanic) {
            configs.add(new PanicConfig());
        }
        return configs;
    }

    /** The modules that the stock guest loads for them. */
    List<List<String>> modules() {
        List<List<String>> names = new ArrayList<>();
        if (vsock != null) {
            names.add(StockModules.SOCKETS);
        }
        if (balloon != null) {
            names.add(StockModules.BALLOON);
        }
        if (watchdog != null) {
            names.add(StockModules.WATCHDOG);
        }
        if (pvpanic) {
            names.add(StockModules.PANIC);
        }
        return names;
    }
}
