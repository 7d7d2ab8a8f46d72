package io.queztl.server.cli;

import io.queztl.server.guest.StockGuest;
import io.queztl.server.guest.StockModules;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.DiskConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} that add devices. */
final class DeviceOptions {
    @Option(
            names = "--disk",
            paramLabel =
                    "PATH|URI,format=raw|qcow2|nbd[,ro][,snapshot][,serial=TEXT][,cache=writeback|writethrough]",
            description =
                    "a disk; may be given several times: the guest's /dev/vda, /dev/vdb and so on; with"
                            + " 'snapshot', what is written is gone after the run")
    private List<String> disks = new ArrayList<>();

    @Mixin private NetworkOptions network = new NetworkOptions();
    @Mixin private SmallDeviceOptions small = new SmallDeviceOptions();

    @Mixin private ConsoleOptions consoleOptions = new ConsoleOptions();

    /** The options for the terminal and for ports. */
    ConsoleOptions console() {
        return consoleOptions;
    }

    @Mixin private ShareOptions shares = new ShareOptions();

    @Mixin private AgentOptions agent = new AgentOptions();

    /** Adds a network in user mode unless the options say something of networks. */
    void connectByDefault() {
        network.connectByDefault();
    }

    /** What the options ask for. */
    List<DeviceConfig> configs() {
        List<DeviceConfig> configs = new ArrayList<>();
        for (String disk : disks) {
            configs.add(DiskConfig.parse(disk));
        }
        configs.addAll(network.configs());
        configs.addAll(consoleOptions.configs());
        configs.addAll(shares.configs());
        configs.addAll(small.configs());
        configs.addAll(agent.configs());
        return configs;
    }

    /**
     * The modules that the stock guest loads for them: none without a device, since loading them
     * costs time.
     */
    List<List<String>> modules() {
        List<List<String>> names = new ArrayList<>();
        if (!disks.isEmpty()) {
            names.add(StockModules.DISK);
            names.add(StockModules.ENTROPY);
        }
        if (!network.configs().isEmpty()) {
            names.add(StockModules.NETWORK);
        }
        names.addAll(consoleOptions.modules());
        if (!shares.configs().isEmpty()) {
            names.add(StockModules.SHARE);
        }
        names.addAll(small.modules());
        names.addAll(agent.modules());
        return names;
    }

    /** What the stock guest's init is told of them: names and values of shell variables. */
    Map<String, String> settings() {
        return Map.of(
                "DHCP",
                network.dhcp(),
                "CONSOLE",
                consoleOptions.guestDevice(),
                "SHARES",
                shares.mounts(),
                "AGENT",
                agent.setting());
    }

    /** The kernel that has the drivers for them. */
    StockGuest.Flavour flavour() {
        return shares.configs().isEmpty() ? StockGuest.Flavour.CLOUD : StockGuest.Flavour.GENERIC;
    }
}
