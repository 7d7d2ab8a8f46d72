package io.queztl.vmm.config;

import io.queztl.devices.net.MacAddress;
import io.queztl.devices.net.TapNetwork;
import io.queztl.devices.net.user.PortForward;
import io.queztl.devices.net.user.UserNetworkOptions;
import io.queztl.devices.virtio.net.VirtioNet;
import io.queztl.linux.Tap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A network interface of a VM.
 *
 * @param link what it is connected to
 * @param mac its Ethernet address, null for a random one
 * @param mtu the size of its largest IP packet in bytes, 0 to say nothing of it
 * @param capture a file that gets all its frames, in the pcapng format; null for none
 */
public record NetConfig(Link link, @Nullable MacAddress mac, int mtu, @Nullable Path capture)
        implements DeviceConfig {

    /** How {@link #parse} is to be called. */
    public static final String SYNTAX =
            "user[,OPTIONS]|tap[,name=NAME][,bridge=NAME][,queues=N]|passt,socket=PATH"
                    + "|switch[,name=NAME]|none[,mac=MAC][,mtu=BYTES][,pcap=FILE]";

    private static final String USER = "user";

    private static final String DEFAULT_SWITCH = "default";

    /** Where the frames go. */
    public sealed interface Link {}

    /**
     * A network in user mode, which ends in sockets of this process.
     *
     * @param options what it is like
     */
    public record UserLink(UserNetworkOptions options) implements Link {}

    /**
     * A TAP interface of the host.
     *
     * @param name empty for one that the kernel chooses
     * @param bridge the bridge whose port it becomes, or null
     * @param queues pairs of queues, 1–{@link TapNetwork#MAX_QUEUES}
     */
    public record TapLink(String name, @Nullable String bridge, int queues) implements Link {}

    /**
     * A program that speaks passt's protocol.
     *
     * @param socket the Unix socket on which it listens
     */
    public record PasstLink(Path socket) implements Link {}

    /**
     * A switch between VMs of this user.
     *
     * @param folder where its ports meet
     */
    public record SwitchLink(Path folder) implements Link {}

    /** Checks the MTU. */
    public NetConfig {
        if (mtu != 0 && (mtu < VirtioNet.MIN_MTU || mtu > VirtioNet.MAX_MTU)) {
            throw invalid(
                    "an MTU has %d to %d bytes, not %d."
                            .formatted(VirtioNet.MIN_MTU, VirtioNet.MAX_MTU, mtu));
        }
    }

    /**
     * Reads {@link #SYNTAX}.
     *
     * @param switches gives the folder that has a folder for each switch
     * @return null for {@code none}
     * @throws VmException if it is written differently
     */
    public static @Nullable NetConfig parse(String text, Supplier<Path> switches) {
        String[] parts = text.split(",", -1);
        Values values = new Values(text);
        List<String> user = new ArrayList<>();
        for (int i = 1; i < parts.length; i++) {
            if (parts[0].equals(USER) && !parts[i].matches("(mac|mtu|pcap)=.*")) {
                user.add(parts[i]);
            } else {
                values.add(parts[i]);
            }
        }
        MacAddress mac = null;
        String address = values.take("mac");
        if (address != null) {
            try {
                mac = MacAddress.parse(address);
            } catch (IllegalArgumentException e) {
                throw invalid("--net %s: %s.".formatted(text, e.getMessage()));
            }
        }
        int mtu = values.number("mtu", 0, VirtioNet.MIN_MTU, VirtioNet.MAX_MTU);
        Link link =
                switch (parts[0]) {
                    case USER -> new UserLink(userOptions(text, user, mtu));
                    case "tap" -> tap(values);
                    case "passt" -> new PasstLink(values.path("socket"));
                    case "switch" -> new SwitchLink(switches.get().resolve(switchName(values)));
                    case "none" -> null;
                    default -> throw values.wrong();
                };
        String pcap = values.take("pcap");
        values.end();
        Path capture = pcap == null ? null : Path.of(pcap);
        return link == null ? null : new NetConfig(link, mac, mtu, capture);
    }

    private static UserNetworkOptions userOptions(String text, List<String> parts, int mtu) {
        try {
            String size = mtu == 0 ? "" : ",mtu=" + mtu;
            String all = parts.isEmpty() ? USER : USER + "," + String.join(",", parts);
            return UserNetworkOptions.parse(all + size, List.of());
        } catch (IllegalArgumentException e) {
            throw invalid("--net %s: %s".formatted(text, e.getMessage()));
        }
    }

    /** The same interface with ports of the host that lead to it, if it is one of user mode. */
    public NetConfig forwarding(List<PortForward> forwards) {
        return link instanceof UserLink user
                ? new NetConfig(
                        new UserLink(user.options().withForwards(forwards)), mac, mtu, capture)
                : this;
    }

    private static TapLink tap(Values values) {
        String name = values.name("name");
        String bridge = values.name("bridge");
        int queues = values.number("queues", 1, 1, TapNetwork.MAX_QUEUES);
        return new TapLink(name == null ? "" : name, bridge, queues);
    }

    private static String switchName(Values values) {
        String name = values.take("name");
        if (name == null) {
            return DEFAULT_SWITCH;
        }
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9_.-]{0,30}")) {
            throw invalid(
                    "--net switch: '%s' is no name for a switch: letters, digits, '.', '_' and"
                                    .formatted(name)
                            + " '-', at most 31, a letter or digit first.");
        }
        return name;
    }

    private static VmException invalid(String message) {
        return new VmException(VmException.Code.CONFIGURATION, message);
    }

    /** What is written behind the kind; each is taken once. */
    private static final class Values {
        private final String text;
        private final Map<String, String> values = new LinkedHashMap<>();

        Values(String text) {
            this.text = text;
        }

        void add(String part) {
            int equals = part.indexOf('=');
            if (equals < 1
                    || values.put(part.substring(0, equals), part.substring(equals + 1)) != null) {
                throw wrong();
            }
        }

        @Nullable String take(String key) {
            return values.remove(key);
        }

        /** The name of an interface of the host. */
        @Nullable String name(String key) {
            String name = values.remove(key);
            if (name != null && !name.matches("[!-~&&[^/:]]{1," + Tap.MAX_NAME + "}")) {
                throw invalid(
                        "--net %s: '%s' is no name of an interface; it has at most %d characters."
                                .formatted(text, name, Tap.MAX_NAME));
            }
            return name;
        }

        Path path(String key) {
            String path = values.remove(key);
            if (path == null || path.isEmpty()) {
                throw invalid("--net %s lacks a path: %s=PATH.".formatted(text, key));
            }
            return Path.of(path);
        }

        int number(String key, int usual, int least, int most) {
            String value = values.remove(key);
            if (value == null) {
                return usual;
            }
            if (value.matches("[0-9]{1,9}")) {
                int number = Integer.parseInt(value);
                if (number >= least && number <= most) {
                    return number;
                }
            }
            throw invalid(
                    "--net %s: %s is a number from %d to %d.".formatted(text, key, least, most));
        }

        void end() {
            if (!values.isEmpty()) {
                throw wrong();
            }
        }

        VmException wrong() {
            return invalid("--net takes %s, not '%s'.".formatted(SYNTAX, text));
        }
    }
}
