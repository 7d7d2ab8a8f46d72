package io.queztl.devices.virtio.net;

import static io.queztl.devices.virtio.net.NetLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import java.util.ArrayList;
import java.util.List;

/** The commands of the control queue (VirtIO 1.2, 5.1.6.5). */
final class ControlQueue {
    private static final int MAC_BYTES = 6;

    private final VirtioNet device;

    ControlQueue(VirtioNet device) {
        this.device = device;
    }

    /** Does what the readable part of a chain asks for; the acknowledgement to give. */
    int run(DescriptorChain chain) {
        if (chain.readable() < 2 || chain.writable() < 1) {
            return ACK_ERROR;
        }
        int group = chain.read8();
        int command = chain.read8();
        boolean done =
                switch (group) {
                    case CLASS_RX -> receiveMode(command, chain);
                    case CLASS_MAC -> address(command, chain);
                    case CLASS_VLAN -> vlan(command, chain);
                    case CLASS_ANNOUNCE -> announce(command);
                    case CLASS_MQ ->
                            command == MQ_PAIRS_SET
                                    && device.hasFeature(F_MQ)
                                    && chain.readable() == 2
                                    && device.activePairs(chain.read16());
                    case CLASS_OFFLOADS ->
                            command == OFFLOADS_SET
                                    && device.hasFeature(F_CTRL_GUEST_OFFLOADS)
                                    && chain.readable() == 8
                                    && device.guestOffloads(chain.read64());
                    default -> false;
                };
        return done ? ACK_OK : ACK_ERROR;
    }

    private boolean receiveMode(int mode, DescriptorChain chain) {
        long feature = mode < 2 ? F_CTRL_RX : F_CTRL_RX_EXTRA;
        if (mode >= RX_MODES || !device.hasFeature(feature) || chain.readable() != 1) {
            return false;
        }
        device.filter(device.filter().withMode(mode, chain.read8() != 0));
        return true;
    }

    private boolean address(int command, DescriptorChain chain) {
        ReceiveFilter filter = device.filter();
        if (command == MAC_ADDR_SET) {
            if (!device.hasFeature(F_CTRL_MAC_ADDR) || chain.readable() != MAC_BYTES) {
                return false;
            }
            device.filter(filter.withMac(readMac(chain)));
            return true;
        }
        if (command != MAC_TABLE_SET || !device.hasFeature(F_CTRL_RX)) {
            return false;
        }
        List<Long> single = new ArrayList<>();
        List<Long> groups = new ArrayList<>();
        int many = 0;
        long count = readTable(chain, single);
        many |= count > single.size() ? ReceiveFilter.MANY_UNICAST : 0;
        long groupCount = count < 0 ? -1 : readTable(chain, groups);
        many |= groupCount > groups.size() ? ReceiveFilter.MANY_MULTICAST : 0;
        if (groupCount < 0 || chain.readable() != 0) {
            return false;
        }
        device.filter(filter.withAddresses(single, groups, many));
        return true;
    }

    /**
     * Reads a table of addresses, but keeps none of one with too many.
     *
     * @return how many it has, -1 if it is not whole
     */
    private static long readTable(DescriptorChain chain, List<Long> list) {
        if (chain.readable() < 4) {
            return -1;
        }
        long count = Integer.toUnsignedLong(chain.read32());
        if (chain.readable() < count * MAC_BYTES) {
            return -1;
        }
        if (count > ReceiveFilter.MAX_ADDRESSES) {
            chain.skipReadable(count * MAC_BYTES);
            return count;
        }
        for (long i = 0; i < count; i++) {
            list.add(readMac(chain));
        }
        return count;
    }

    private static long readMac(DescriptorChain chain) {
        long mac = 0;
        for (int i = 0; i < MAC_BYTES; i++) {
            mac = mac << 8 | chain.read8();
        }
        return mac;
    }

    private boolean vlan(int command, DescriptorChain chain) {
        if (command != VLAN_ADD && command != VLAN_DEL
                || !device.hasFeature(F_CTRL_VLAN)
                || chain.readable() != 2) {
            return false;
        }
        int vlan = chain.read16();
        if (vlan >= ReceiveFilter.VLANS) {
            return false;
        }
        device.filter(device.filter().withVlan(vlan, command == VLAN_ADD));
        return true;
    }

    private boolean announce(int command) {
        if (command != ANNOUNCE_ACK || !device.hasFeature(F_GUEST_ANNOUNCE)) {
            return false;
        }
        device.announced();
        return true;
    }
}
