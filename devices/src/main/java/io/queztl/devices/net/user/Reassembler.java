package io.queztl.devices.net.user;

import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Puts fragments of the guest's packets together (RFC 791 section 3.2, RFC 8200 section 4.5). Few
 * packets at a time, none for long; one whose fragments overlap is given up (RFC 5722). Guarded by
 * the stack's lock.
 */
final class Reassembler {
    private static final int MAX_PACKETS = 16;
    private static final int MAX_BYTES = 65_535;
    private static final int UNIT = 8;
    private static final long NANOS = 30_000_000_000L;

    /** What the fragments of one packet have in common. */
    private record Key(IpAddress source, IpAddress destination, int protocol, int id) {}

    private static final class Partial {
        final long since;
        final BitSet present = new BitSet();
        ByteBuffer data = ByteBuffer.allocate(8 << 10);
        int units = -1;
        int bytes;

        Partial(long since) {
            this.since = since;
        }

        void room(int end) {
            if (end > data.capacity()) {
                int size = Math.min(MAX_BYTES, Math.max(end, 2 * data.capacity()));
                data = ByteBuffer.allocate(size).put(0, data, 0, data.capacity());
            }
        }
    }

    private final Map<Key, Partial> packets = new LinkedHashMap<>();
    private final HostLoop loop;

    Reassembler(HostLoop loop) {
        this.loop = loop;
    }

    int size() {
        return packets.size();
    }

    /** Adds a fragment; returns the payload of the whole packet if this was the last one of it. */
    @Nullable ByteBuffer add(GuestPacket p, long now) {
        int end = p.fragmentOffset + p.bytes;
        boolean ragged = p.moreFragments && p.bytes % UNIT != 0;
        if (p.bytes == 0 || ragged || end > MAX_BYTES) {
            return null;
        }
        Key key = new Key(p.source, p.destination, p.protocol, p.fragmentId);
        Partial partial = packets.get(key);
        if (partial == null) {
            if (packets.size() >= MAX_PACKETS) {
                Partial ignored = packets.remove(packets.keySet().iterator().next());
            }
            partial = new Partial(now);
            packets.put(key, partial);
            loop.wakeAt(now + NANOS);
        }
        int first = p.fragmentOffset / UNIT;
        int last = (end + UNIT - 1) / UNIT;
        boolean contradicts =
                partial.present.nextSetBit(first) >= 0 && partial.present.nextSetBit(first) < last
                        || partial.units >= 0 && (last > partial.units || !p.moreFragments)
                        || !p.moreFragments && partial.present.length() > last;
        if (contradicts) {
            Partial ignored = packets.remove(key);
            return null;
        }
        partial.room(end);
        partial.data.put(p.fragmentOffset, p.data, p.at, p.bytes);
        partial.present.set(first, last);
        if (!p.moreFragments) {
            partial.units = last;
            partial.bytes = end;
        }
        if (partial.present.cardinality() != partial.units) {
            return null;
        }
        Partial ignored = packets.remove(key);
        return partial.data.limit(partial.bytes);
    }

    /** Gives up what is too old; returns when there is something to give up again. */
    long expire(long now) {
        Iterator<Partial> all = packets.values().iterator();
        while (all.hasNext()) {
            Partial partial = all.next();
            if (partial.since + NANOS > now) {
                return partial.since + NANOS; // the rest is younger
            }
            all.remove();
        }
        return HostLoop.NEVER;
    }

    void clear() {
        packets.clear();
    }
}
