package io.queztl.server.cli;

import io.queztl.devices.net.user.PortForward;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
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
                            + " so on; IMAGE has '--net user' unless told otherwise, by '--net none'"
                            + " too")
    private List<String> nets = new ArrayList<>();

    @Option(
            names = {"-p", "--publish"},
            paramLabel = "[HOSTADDRESS:]HOSTPORT:GUESTPORT[/udp]",
            description =
                    "a port of the host, of 127.0.0.1 unless told otherwise, that leads to one of"
                            + " the guest; adds '--net user' if there is no --net")
    private List<String> ports = new ArrayList<>();

    private @Nullable List<NetConfig> parsed;
    private boolean byDefault;

    /** Adds an interface of user mode unless there is another one, or {@code none}. */
    void connectByDefault() {
        byDefault = true;
    }

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
            NetConfig user = NetConfig.parse("user", NetworkOptions::switches);
            if (nets.isEmpty() && user != null && (byDefault || !ports.isEmpty())) {
                configs.add(user);
            }
            publish(configs);
            parsed = configs;
        }
        return configs;
    }

    /** Gives the forwarded ports to the first interface of user mode. */
    private void publish(List<NetConfig> configs) {
        if (ports.isEmpty()) {
            return;
        }
        List<PortForward> forwards = new ArrayList<>();
        for (String port : ports) {
            try {
                forwards.add(PortForward.parse(port));
            } catch (IllegalArgumentException e) {
                throw new CommandException(ExitStatus.USAGE, "--publish: " + e.getMessage());
            }
        }
        for (int i = 0; i < configs.size(); i++) {
            if (configs.get(i).link() instanceof NetConfig.UserLink) {
                configs.set(i, configs.get(i).forwarding(forwards));
                return;
            }
        }
        throw new CommandException(
                ExitStatus.USAGE, "--publish needs an interface of user mode; add --net user.");
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
                        case NetConfig.UserLink user -> true;
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
