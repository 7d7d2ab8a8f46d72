package io.queztl.bench;

import io.queztl.bench.Item.Group;
import io.queztl.server.guest.StockModules;
import java.util.ArrayList;
import java.util.List;

/**
 * The network items of {@code --io}: iperf3 between guest and host, both ways, through the
 * monitor's own network and through a TAP interface. See {@link HostNetwork} for the host's side.
 */
final class NetSuite {
    /** Places of the programs in {@link DebianTree#IO}. */
    static final List<String> PROGRAMS = List.of("usr/bin/iperf3");

    /** The kernel's modules that the guest loads. */
    static final List<List<String>> MODULES = List.of(StockModules.NETWORK);

    /** Where iperf3 listens on the host. */
    static final int PORT = 25_201;

    /** The host's address on the TAP interface. */
    static final String HOST = "10.4.0.1";

    /** Names of items that need a TAP interface begin so. */
    static final String TAP = "tap-";

    /** Gives the guest's interfaces addresses: the monitor's network is the first. */
    static final String PREPARATION =
            "ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0;"
                    + " if [ -d /sys/class/net/eth1 ]; then ip link set eth1 up;"
                    + " ip addr add 10.4.0.2/24 dev eth1; fi";

    private static final int MEBIBYTES = 96;

    /** The items. */
    static final List<Item> ITEMS = items();

    private NetSuite() {}

    private static List<Item> items() {
        List<Item> items = new ArrayList<>();
        items.add(iperf("user-send", "10.0.2.2", ""));
        items.add(iperf("user-receive", "10.0.2.2", "-R"));
        items.add(iperf(TAP + "send", HOST, ""));
        items.add(iperf(TAP + "receive", HOST, "-R"));
        return List.copyOf(items);
    }

    private static Item iperf(String name, String address, String more) {
        String command =
                "/bench/mark begin %s; iperf3 -c %s -p %d %s -n %%dM >/dev/null; status=$?;"
                        + " /bench/mark end %s; return $status";
        return new Item(
                name, Group.NETWORK, command.formatted(name, address, PORT, more, name), MEBIBYTES);
    }
}
