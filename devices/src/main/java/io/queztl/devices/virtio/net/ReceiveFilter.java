package io.queztl.devices.virtio.net;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Which frames the driver wants to have (VirtIO 1.2, 5.1.6.5.1 to 5.1.6.5.3). Addresses are 48-bit
 * numbers, the first byte most significant.
 *
 * @param mac the station's own address
 * @param modes a bit for each receive mode, in the order of the commands
 * @param unicast further addresses of the station
 * @param multicast the groups it is in
 * @param vlans the VLANs it is in, a bit for each in 64 words; empty if frames of all are wanted
 */
public record ReceiveFilter(
        long mac, int modes, List<Long> unicast, List<Long> multicast, List<Long> vlans) {
    static final int PROMISCUOUS = 1;
    static final int ALL_MULTICAST = 1 << 1;
    static final int ALL_UNICAST = 1 << 2;
    static final int NO_MULTICAST = 1 << 3;
    static final int NO_UNICAST = 1 << 4;
    static final int NO_BROADCAST = 1 << 5;

    /** The driver named more unicast addresses than are kept: all are taken. */
    static final int MANY_UNICAST = 1 << 6;

    /** The same for groups. */
    static final int MANY_MULTICAST = 1 << 7;

    /** The most addresses that each list holds. */
    static final int MAX_ADDRESSES = 64;

    static final int VLANS = 4096;
    private static final int TAG_TYPE = 0x8100;
    private static final long GROUP = 1L << 40;
    private static final long BROADCAST = 0xffff_ffff_ffffL;

    /** Copies the lists. */
    public ReceiveFilter {
        unicast = List.copyOf(unicast);
        multicast = List.copyOf(multicast);
        vlans = List.copyOf(vlans);
        if (!vlans.isEmpty() && vlans.size() != VLANS / Long.SIZE) {
            throw new IllegalArgumentException(vlans.size() + " words of VLANs");
        }
    }

    /** Everything passes, as the driver of a device that was just reset expects. */
    static ReceiveFilter open(long mac) {
        return new ReceiveFilter(mac, PROMISCUOUS, List.of(), List.of(), List.of());
    }

    /** No VLAN's frames pass but those of none. */
    ReceiveFilter withoutVlans() {
        List<Long> none = Collections.nCopies(VLANS / Long.SIZE, 0L);
        return new ReceiveFilter(mac, modes, unicast, multicast, none);
    }

    /** The same with a VLAN put in or taken out. */
    ReceiveFilter withVlan(int vlan, boolean in) {
        List<Long> words = new ArrayList<>(vlans.isEmpty() ? withoutVlans().vlans : vlans);
        int word = vlan / Long.SIZE;
        long bit = 1L << vlan;
        words.set(word, in ? words.get(word) | bit : words.get(word) & ~bit);
        return new ReceiveFilter(mac, modes, unicast, multicast, words);
    }

    /** The same with a receive mode on or off. */
    ReceiveFilter withMode(int mode, boolean on) {
        int bit = 1 << mode;
        return new ReceiveFilter(mac, on ? modes | bit : modes & ~bit, unicast, multicast, vlans);
    }

    /** The same for a station with another address. */
    ReceiveFilter withMac(long address) {
        return new ReceiveFilter(address, modes, unicast, multicast, vlans);
    }

    /**
     * The same with other lists of addresses.
     *
     * @param many {@link #MANY_UNICAST} and {@link #MANY_MULTICAST}, for lists that are not whole
     */
    ReceiveFilter withAddresses(List<Long> single, List<Long> groups, int many) {
        int other = modes & ~(MANY_UNICAST | MANY_MULTICAST);
        return new ReceiveFilter(mac, other | many, single, groups, vlans);
    }

    /**
     * True if the driver wants the frame.
     *
     * @param at where the frame, of at least 14 bytes, begins in the buffer
     */
    boolean accepts(ByteBuffer packet, int at) {
        if (!vlans.isEmpty() && !acceptsVlan(packet, at)) {
            return false;
        }
        if ((modes & PROMISCUOUS) != 0) {
            return true;
        }
        long target = 0;
        for (int i = 0; i < 6; i++) {
            target = target << 8 | packet.get(at + i) & 0xff;
        }
        if (target == BROADCAST) {
            return (modes & NO_BROADCAST) == 0;
        }
        if ((target & GROUP) != 0) {
            return (modes & NO_MULTICAST) == 0
                    && ((modes & (ALL_MULTICAST | MANY_MULTICAST)) != 0
                            || multicast.contains(target));
        }
        return (modes & NO_UNICAST) == 0
                && (target == mac
                        || (modes & (ALL_UNICAST | MANY_UNICAST)) != 0
                        || unicast.contains(target));
    }

    private boolean acceptsVlan(ByteBuffer packet, int at) {
        if (read16(packet, at + 12) != TAG_TYPE || packet.limit() < at + 16) {
            return true;
        }
        int vlan = read16(packet, at + 14) & VLANS - 1;
        // VLAN 0 only carries a priority.
        return vlan == 0 || (vlans.get(vlan / Long.SIZE) >>> vlan & 1) != 0;
    }

    private static int read16(ByteBuffer packet, int at) {
        return (packet.get(at) & 0xff) << 8 | packet.get(at + 1) & 0xff;
    }
}
