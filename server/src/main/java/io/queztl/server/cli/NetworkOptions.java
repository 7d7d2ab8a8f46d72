package io.queztl.server.cli;

import io.queztl.server.control.RuntimeFolder;
import io.queztl.vmm.config.NetConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} about networks. */
final class NetworkOptions {
    @Option(
            names = "--net",
            paramLabel = NetConfig.SYNTAX,
            description =
                    "a network interface; may be given several times: the guest's eth0, eth1 and"
                            + " so on")
    private List<String> nets = new ArrayList<>();

    private @Nullable List<NetConfig> parsed;

    /** The interfaces asked for. */
    List<NetConfig> configs() {
        List<NetConfig> configs = parsed;
        if (configs == null) {
            configs = new ArrayList<>();
            for (String net : nets) {
                NetConfig config = NetConfig.parse(net, NetworkOptions::switches);
                if (config != null) {
                    configs.add(config);
                }
            }
            parsed = configs;
        }
        return configs;
    }

    private static Path switches() {
        return RuntimeFolder.of(System.getenv()).path().resolve("switches");
    }

    /** The stock guest's names of those interfaces that get an address by DHCP. */
    String dhcp() {
        List<String> names = new ArrayList<>();
        List<NetConfig> configs = configs();
        for (int i = 0; i < configs.size(); i++) {
            boolean answered =
                    switch (configs.get(i).link()) {
                        case NetConfig.PasstLink passt -> true;
                        case NetConfig.TapLink tap -> false;
                        case NetConfig.SwitchLink port -> false;
                    };
            if (answered) {
                names.add("eth" + i);
            }
        }
        return String.join(" ", names);
    }
}
