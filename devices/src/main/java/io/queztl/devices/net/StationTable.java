package io.queztl.devices.net;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Behind which port of a switch a station was last heard (IEEE 802.1D, 7.8). Bounded: a port that
 * invents stations only forgets its own. Any thread.
 *
 * @param <P> a port
 */
final class StationTable<P> {
    /** The most stations behind one port. */
    static final int MAX_PER_PORT = 256;

    private static final long AGE_NANOS = TimeUnit.SECONDS.toNanos(300);

    /** A refresh more often than this is not worth the write. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long GROUP = 1L << 40;

    private record Station<P>(P port, long time) {}

    private final ConcurrentHashMap<Long, Station<P>> stations = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<P, AtomicInteger> counts = new ConcurrentHashMap<>();
    private final LongSupplier clock;

    /**
     * @param clock nanoseconds
     */
    StationTable(LongSupplier clock) {
        this.clock = clock;
    }

    /** A frame from this address has come through a port. */
    void heard(long mac, P port) {
        if ((mac & GROUP) != 0) {
            return;
        }
        long now = clock.getAsLong();
        Station<P> known = stations.get(mac);
        if (known != null && known.port().equals(port) && now - known.time() < FRESH_NANOS) {
            return;
        }
        if (known == null || !known.port().equals(port)) {
            AtomicInteger count = counts.get(port);
            if (count != null && count.get() >= MAX_PER_PORT) {
                forget(port);
            }
            int ignored = counts.computeIfAbsent(port, p -> new AtomicInteger()).incrementAndGet();
        }
        Station<P> old = stations.put(mac, new Station<>(port, now));
        if (old != null && !old.port().equals(port)) {
            AtomicInteger before = counts.get(old.port());
            int ignored = before == null ? 0 : before.decrementAndGet();
        }
    }

    /** The port to an address, or null if it was not heard of lately. */
    @Nullable P find(long mac) {
        Station<P> station = stations.get(mac);
        return station != null && clock.getAsLong() - station.time() < AGE_NANOS
                ? station.port()
                : null;
    }

    /** Forgets all stations behind a port. */
    void forget(P port) {
        boolean some = stations.values().removeIf(s -> s.port().equals(port));
        AtomicInteger count = counts.remove(port);
    }

    int size() {
        return stations.size();
    }
}
