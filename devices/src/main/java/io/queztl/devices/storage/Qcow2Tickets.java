package io.queztl.devices.storage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Requests that read or write data without the lock of their {@link Qcow2Image}, each with a
 * ticket, and the clusters that may be freed only when all that were there before have ended.
 * Guarded by that lock.
 */
final class Qcow2Tickets {
    private record Freed(long before, List<Long> clusters) {}

    private final TreeSet<Long> taken = new TreeSet<>();
    private final ArrayDeque<Freed> freed = new ArrayDeque<>();
    private long next;

    long take() {
        boolean ignored = taken.add(next);
        return next++;
    }

    void giveBack(long ticket) {
        boolean ignored = taken.remove(ticket);
    }

    /** Clusters to be freed once every ticket taken until now is given back. */
    void freeLater(List<Long> clusters) {
        if (!clusters.isEmpty()) {
            freed.add(new Freed(next, clusters));
        }
    }

    /** The clusters that nobody uses any more; each is given once. */
    List<Long> unused() {
        if (freed.isEmpty()) {
            return List.of();
        }
        List<Long> unused = new ArrayList<>();
        while (!freed.isEmpty() && (taken.isEmpty() || taken.first() >= freed.peek().before())) {
            unused.addAll(freed.remove().clusters());
        }
        return unused;
    }
}
