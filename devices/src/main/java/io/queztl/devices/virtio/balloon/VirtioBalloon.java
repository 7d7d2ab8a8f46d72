package io.queztl.devices.virtio.balloon;

import static io.queztl.devices.virtio.balloon.BalloonLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The memory balloon (VirtIO 1.2, 5.5): the guest gives up pages, and the host has them back at
 * once. What is in the balloon reads as zero; a page that the guest uses again, having told us or
 * not, is simply there. Free pages that the guest reports go back to the host too, without being in
 * the balloon. Free page hints are offered, so that old and new drivers agree on the numbers of the
 * queues, but never asked for.
 */
public final class VirtioBalloon extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 5;

    /** PCI class: other memory controller. */
    public static final int PCI_CLASS = 0x05_8000;

    private static final int QUEUE_SIZE = 128;

    /** Page numbers that are worked on together. */
    private static final int BATCH = 1024;

    private final DescriptorChain chain;
    private final int[] pages = new int[BATCH];
    private final byte[] bytes = new byte[BATCH * 4];
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    // guarded by lock
    private boolean statisticsHeld;
    private boolean statisticsWanted;
    private long statisticsCount;
    private @Nullable BalloonStatistics statistics;

    /**
     * A balloon with a target of nothing.
     *
     * @param name for threads and messages
     */
    public VirtioBalloon(String name, GuestMemory memory) {
        super(
                name,
                DEVICE_ID,
                memory,
                CONFIG_BYTES,
                1,
                QUEUE_SIZE,
                QUEUE_SIZE,
                QUEUE_SIZE,
                QUEUE_SIZE,
                QUEUE_SIZE);
        chain = new DescriptorChain(memory);
    }

    @Override
    protected long deviceFeatures() {
        return F_STATISTICS | F_DEFLATE_ON_OOM | F_HINTS | F_REPORTS;
    }

    // ---- the host's side; any thread

    /**
     * Asks the guest to give up memory, or to take it back.
     *
     * @param target bytes that it should do without, rounded down to pages
     */
    public void target(long target) {
        long limit = memory.ram().byteSize();
        setConfig(NUM_PAGES, 4, Math.clamp(target, 0, limit) / PAGE);
        configChanged();
    }

    /** Bytes that the guest was asked to do without. */
    public long target() {
        return getConfig(NUM_PAGES, 4) * PAGE;
    }

    /** Bytes that the guest does without, as it says. */
    public long actual() {
        return getConfig(ACTUAL, 4) * PAGE;
    }

    /**
     * Asks the guest for its statistics.
     *
     * @param millis how long to wait for them
     * @return null if the guest does not answer
     */
    public @Nullable BalloonStatistics statistics(long millis) throws InterruptedException {
        long left = TimeUnit.MILLISECONDS.toNanos(millis);
        lock.lock();
        try {
            statisticsWanted = true;
            long before = statisticsCount;
            kick(STATISTICS);
            while (statisticsCount == before) {
                if (left <= 0) {
                    return null;
                }
                left = changed.awaitNanos(left);
            }
            return statistics;
        } finally {
            lock.unlock();
        }
    }

    // ---- queues

    @Override
    protected void process(int queue, Virtqueue ring) {
        if (queue == STATISTICS) {
            if (negotiated(F_STATISTICS)) {
                statistics(ring);
            }
            return;
        }
        do {
            ring.disableNotifications();
            while (ring.pop(chain)) {
                if (queue == INFLATE) {
                    inflate();
                } else if (isReports(queue)) {
                    takeReports();
                }
                ring.push(chain, 0);
                complete(queue, ring);
            }
        } while (ring.enableNotifications());
    }

    private boolean isReports(int queue) {
        // The second is how drivers without hints number it that count only what they use.
        return negotiated(F_REPORTS)
                && (queue == REPORTS || queue == HINTS && !negotiated(F_HINTS));
    }

    /** Page numbers, 32 bits each, in any order. */
    private void inflate() {
        if (chain.readable() % 4 != 0) {
            guestError("page numbers of %d bytes".formatted(chain.readable()));
        }
        while (chain.readable() >= 4 && live()) {
            int count = chain.read(bytes, 0, bytes.length) / 4;
            for (int i = 0; i < count; i++) {
                pages[i] =
                        bytes[4 * i] & 0xff
                                | (bytes[4 * i + 1] & 0xff) << 8
                                | (bytes[4 * i + 2] & 0xff) << 16
                                | (bytes[4 * i + 3] & 0xff) << 24;
            }
            // Signed order: pages from 8 TiB on come first, and are no RAM anyway.
            Arrays.sort(pages, 0, count);
            int first = 0;
            for (int i = 1; i <= count; i++) {
                if (i == count || pages[i] - pages[i - 1] > 1) {
                    long from = Integer.toUnsignedLong(pages[first]);
                    giveBack(from * PAGE, (pages[i - 1] - pages[first] + 1L) * PAGE);
                    first = i;
                }
            }
        }
    }

    private void takeReports() {
        for (int i = 0; i < chain.segments() && live(); i++) {
            long start = chain.segmentAddress(i) + PAGE - 1 & -PAGE;
            long end = chain.segmentAddress(i) + chain.segmentBytes(i) & -PAGE;
            if (end > start) {
                giveBack(start, end - start);
            }
        }
    }

    private void giveBack(long address, long length) {
        if (memory.isRam(address, length)) {
            memory.discard(address, length);
        } else {
            guestError("no RAM to give up at 0x%x".formatted(address));
        }
    }

    /** One buffer is here most of the time; giving it back asks for new statistics (5.5.6.3). */
    private void statistics(Virtqueue ring) {
        lock.lock();
        try {
            do {
                ring.disableNotifications();
                while ((!statisticsHeld || statisticsWanted) && ring.pop(chain)) {
                    if (statisticsHeld) {
                        ring.push(chain, 0);
                        complete(STATISTICS, ring);
                        statisticsHeld = false;
                        statisticsWanted = false;
                    } else {
                        readStatistics();
                        ring.unpop(chain);
                        statisticsHeld = true;
                    }
                }
            } while (ring.enableNotifications() && !statisticsHeld);
        } finally {
            lock.unlock();
        }
    }

    private void readStatistics() {
        long[] values = new long[BalloonStatistics.TAGS];
        Arrays.fill(values, -1);
        for (int i = 0; i < 2 * values.length && chain.readable() >= STATISTIC_BYTES; i++) {
            int tag = chain.read16();
            long value = chain.read64();
            if (tag < values.length) {
                values[tag] = value;
            }
        }
        statistics = BalloonStatistics.of(values);
        statisticsCount++;
        changed.signalAll();
    }

    @Override
    protected void configWritten(int offset, int size, long value) {
        if (offset == ACTUAL && size == 4) {
            setConfig(ACTUAL, 4, value);
        }
    }

    @Override
    protected void deviceReset() {
        setConfig(ACTUAL, 4, 0);
        forgetStatistics();
    }

    @Override
    protected void queueReset(int queue) {
        if (queue == STATISTICS) {
            forgetStatistics();
        }
    }

    private void forgetStatistics() {
        lock.lock();
        try {
            statisticsHeld = false;
        } finally {
            lock.unlock();
        }
    }

    /** A copy of its state. */
    public VirtioBalloonState state() {
        return atRest(() -> {
            lock.lock();
            try {
                return new VirtioBalloonState(
                        commonState(),
                        (int) getConfig(NUM_PAGES, 4),
                        (int) getConfig(ACTUAL, 4),
                        statisticsHeld);
            } finally {
                lock.unlock();
            }
        });
    }

    /** Replaces its state. */
    public void restore(VirtioBalloonState state) {
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    setConfig(NUM_PAGES, 4, state.targetPages());
                    setConfig(ACTUAL, 4, state.actualPages());
                    lock.lock();
                    try {
                        statisticsHeld = state.statisticsHeld();
                        return true;
                    } finally {
                        lock.unlock();
                    }
                });
    }
}
