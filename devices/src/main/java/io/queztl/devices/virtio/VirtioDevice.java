package io.queztl.devices.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A VirtIO device without its bus (VirtIO 1.2, section 2): status, negotiation, configuration space
 * and queues. A subclass offers features, fills the configuration space and serves queues in {@link
 * #process}; a transport ({@link VirtioPci}, {@link VirtioMmio}) passes on what the driver does.
 *
 * <p>The life of a device, as its status shows:
 *
 * <pre>
 *   reset ──▶ negotiating ──FEATURES_OK──▶ set up ──DRIVER_OK──▶ live ──broken ring──▶ NEEDS_RESET
 *     ▲───────────────────── the driver writes 0 ─────────────────────────────────────────┘
 * </pre>
 *
 * <p>Threads: vCPUs call the transport's side; workers, one or more a device, call {@link #process}
 * with the lock of its queue held, where it pays a vCPU {@link #processNow}; other threads that
 * have something for the guest use {@link #withQueue}. A reset waits for the request that each
 * worker is at, but a vCPU only shortly: then the status stays non-zero until the device has
 * stopped, as 4.1.4.3.1 allows.
 *
 * <p>Lock order: {@code control}, the queues' locks in order of their number, {@code leaf}; the
 * transport is called with none but a queue's held.
 */
public abstract class VirtioDevice implements AutoCloseable {
    private static final long RESET_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** A task on a queue; see {@link #withQueue}. */
    @FunctionalInterface
    public interface QueueTask {
        /** Works with the ring, whose lock is held. */
        void run(Virtqueue ring);
    }

    /** Input or output for a request; see {@link #unlocked}. */
    @FunctionalInterface
    public interface IoTask {
        /** Returns what {@link #unlocked} returns. */
        int run() throws IOException;
    }

    /** The guest's memory. */
    protected final GuestMemory memory;

    private final String name;
    private final int deviceId;
    private final DeviceQueues queues;
    private final QueueWorker[] workers;
    private final ReentrantLock control = new ReentrantLock();
    private final Object leaf = new Object();
    private final GuestErrors errors;
    private final ConfigSpace config;
    private volatile @Nullable VirtioTransport transport;
    private volatile boolean live;
    private volatile boolean closed;
    private volatile long driverFeatures;
    // guarded by leaf
    private int status;
    private boolean resetting;

    /**
     * @param name for threads and messages, such as {@code block0}
     * @param deviceId VirtIO device type (section 5)
     * @param memory the guest's memory
     * @param configBytes size of the device-specific configuration space
     * @param workers how many threads serve the queues; see {@link #workerOf}
     * @param queueSizes for each queue the largest size it may have
     */
    @SuppressWarnings("this-escape") // the workers start with the first notification
    protected VirtioDevice(
            String name,
            int deviceId,
            GuestMemory memory,
            int configBytes,
            int workers,
            int... queueSizes) {
        if (queueSizes.length > QueueWorker.MAX_QUEUES || workers < 1) {
            throw new IllegalArgumentException(queueSizes.length + " queues");
        }
        this.name = name;
        this.deviceId = deviceId;
        errors = new GuestErrors(name);
        this.memory = memory;
        config = new ConfigSpace(configBytes);
        queues = new DeviceQueues(queueSizes);
        this.workers = new QueueWorker[workers];
        for (int w = 0; w < workers; w++) {
            this.workers[w] =
                    new QueueWorker(workers == 1 ? name : name + "-" + w, this::serveSafely);
        }
    }

    // ---- what a subclass says

    /** The features of its type that it offers, without those of {@link VirtioFeatures}. */
    protected abstract long deviceFeatures();

    /**
     * Serves a queue: takes what is available and gives back what is done. On a worker, with the
     * queue's lock held.
     *
     * @throws MalformedRingException to set DEVICE_NEEDS_RESET
     */
    protected abstract void process(int queue, Virtqueue ring);

    /**
     * Whether {@link #processNow} is worth trying: to wake a worker takes a vCPU longer than some
     * requests do. Not if not overridden.
     */
    protected boolean quick(int queue) {
        return false;
    }

    /**
     * Serves a queue on the vCPU that notifies, as far as that is sure not to wait for anything and
     * is soon done. With the lock of the queue held.
     *
     * @return false if there is more, for a worker
     */
    protected boolean processNow(int queue, Virtqueue ring) {
        return false;
    }

    /** A queue was served by {@link #process}; its lock is no longer held. On a worker. */
    protected void processed(int queue) {}

    /** Which worker serves a queue; the first one, if not overridden. */
    protected int workerOf(int queue) {
        return 0;
    }

    /** The driver has set DRIVER_OK. */
    protected void activated() {}

    /** The device is reset: forgets what the driver has told it. All queues' locks are held. */
    protected void deviceReset() {}

    /** The driver writes the device-specific configuration space; ignored if not overridden. */
    protected void configWritten(int offset, int size, long value) {}

    // ---- for the subclass

    /** The name given at construction. */
    public final String name() {
        return name;
    }

    /** True if the driver has chosen all features of the mask. */
    protected final boolean negotiated(long mask) {
        return (driverFeatures & mask) == mask;
    }

    /** True between DRIVER_OK and the next reset, unless a ring is broken. */
    public final boolean live() {
        return live;
    }

    /** Sets a field of the configuration space without telling the driver. */
    protected final void setConfig(int offset, int size, long value) {
        config.set(offset, size, value);
    }

    /** A field of the configuration space, zero-extended. */
    protected final long getConfig(int offset, int size) {
        return config.get(offset, size);
    }

    /** Tells the driver that the configuration space has changed. */
    protected final void configChanged() {
        config.changed();
        VirtioTransport t = transport;
        if (t != null && live) {
            t.configInterrupt();
        }
    }

    /**
     * Lets the driver see the chains that were given back, and interrupts it if it wants that. With
     * the queue's lock held.
     */
    protected final void complete(int queue, Virtqueue ring) {
        ring.publish();
        if (ring.interruptWanted()) {
            VirtioTransport t = transport;
            if (t != null) {
                t.queueInterrupt(queue);
            }
        }
    }

    /**
     * Runs a task on a live queue with its lock held, as {@link #process} runs.
     *
     * @return false if the queue is not live, so that the task did not run
     */
    protected final boolean withQueue(int queue, QueueTask task) {
        return onRing(
                queue,
                ring -> {
                    task.run(ring);
                    return true;
                });
    }

    /** What the task says; false, too, if the queue is not live or the ring is broken. */
    private boolean onRing(int queue, Predicate<Virtqueue> task) {
        DeviceQueue q = queues.get(queue);
        q.lock.lock();
        try {
            Virtqueue ring = q.ring;
            VirtioTransport t = transport;
            if (ring == null || !live || t != null && !t.memoryAccess()) {
                return false;
            }
            return task.test(ring);
        } catch (MalformedRingException e) {
            broken("queue %d: %s".formatted(queue, e.getMessage()));
            return false;
        } catch (RuntimeException e) {
            if (!closed) {
                broken("queue %d: %s".formatted(queue, e));
            }
            return false;
        } finally {
            q.lock.unlock();
        }
    }

    /**
     * Runs what may take long without the lock of the queue, which the caller holds, so that other
     * threads can serve it too. A reset waits for the end of it. The memory that the chain of a
     * request names stays mapped; whatever else the lock guards may have changed afterwards.
     */
    protected final int unlocked(int queue, IoTask task) throws IOException {
        DeviceQueue q = queues.get(queue);
        q.begin();
        try {
            return task.run();
        } finally {
            q.end();
        }
    }

    /** The number of the worker that calls, -1 if it is another thread. */
    protected final int currentWorker() {
        Thread current = Thread.currentThread();
        for (int w = 0; w < workers.length; w++) {
            if (workers[w].isThread(current)) {
                return w;
            }
        }
        return -1;
    }

    /** Has a queue served by this worker too. Any thread. */
    protected final void kickWorker(int worker, int queue) {
        if (live) {
            workers[worker].kick(queue);
        }
    }

    /** Has a queue served by its worker, as if the driver had notified. Any thread. */
    protected final void kick(int queue) {
        if (live) {
            workers[workerOf(queue)].kick(queue);
        }
    }

    /** Runs with nothing in flight and no queue served. */
    protected final <T> T atRest(Supplier<T> task) {
        control.lock();
        queues.lockIdle();
        try {
            return task.get();
        } finally {
            queues.unlock();
            control.unlock();
        }
    }

    /** Counts what a driver did wrong without breaking its ring; logs the first few. */
    protected final void guestError(String message) {
        errors.add(message);
    }

    /** How often the driver has done something wrong. */
    public final long errors() {
        return errors.count();
    }

    /** The last thing that the driver did wrong, or null. */
    public final @Nullable String lastError() {
        return errors.last();
    }

    // ---- serving

    private void serveSafely(int queue) {
        if (!withQueue(queue, ring -> process(queue, ring))) {
            return;
        }
        try {
            processed(queue);
        } catch (RuntimeException e) {
            if (!closed) {
                broken("queue %d: %s".formatted(queue, e));
            }
        }
    }

    private void broken(String message) {
        guestError(message);
        boolean tell;
        synchronized (leaf) {
            tell = (status & VirtioStatus.DRIVER_OK) != 0 && live;
            live = false;
            if (status != 0) {
                status |= VirtioStatus.NEEDS_RESET;
            }
        }
        config.changed();
        VirtioTransport t = transport;
        if (tell && t != null) {
            t.configInterrupt();
        }
    }

    // ---- for the transport

    final void attach(VirtioTransport t) {
        transport = t;
    }

    final int deviceId() {
        return deviceId;
    }

    final int queueCount() {
        return queues.count();
    }

    final long offered() {
        return deviceFeatures() | VirtioFeatures.COMMON;
    }

    final int driverFeatures(int word) {
        return word == 0 || word == 1 ? (int) (driverFeatures >>> word * 32) : 0;
    }

    /** Sets 32 of the driver's feature bits; ignored once they are agreed. */
    final void driverFeatures(int word, int value) {
        control.lock();
        try {
            if (word != 0 && word != 1 || (status() & VirtioStatus.FEATURES_OK) != 0) {
                return;
            }
            long mask = 0xffff_ffffL << word * 32;
            driverFeatures =
                    driverFeatures & ~mask | Integer.toUnsignedLong(value) << word * 32 & mask;
        } finally {
            control.unlock();
        }
    }

    final int status() {
        synchronized (leaf) {
            return status;
        }
    }

    final int configGeneration() {
        return config.generation();
    }

    /** The driver writes the status field (2.1.1, 3.1.1). */
    final void status(int value) {
        control.lock();
        try {
            int old;
            synchronized (leaf) {
                if (resetting) {
                    return;
                }
                old = status;
            }
            if (value == 0) {
                reset();
                return;
            }
            int added = value & ~old & ~VirtioStatus.NEEDS_RESET & 0xff;
            if ((added & VirtioStatus.FEATURES_OK) != 0 && !acceptable()) {
                guestError("features 0x%x refused".formatted(driverFeatures));
                added &= ~VirtioStatus.FEATURES_OK;
            }
            int now;
            synchronized (leaf) {
                status |= added;
                now = status;
            }
            boolean agreed = (now & VirtioStatus.FEATURES_OK) != 0;
            if ((added & VirtioStatus.DRIVER_OK) != 0 && agreed && activate()) {
                activated();
                kickAll();
            }
        } finally {
            control.unlock();
        }
    }

    private boolean acceptable() {
        return (driverFeatures & ~offered()) == 0
                && (driverFeatures & VirtioFeatures.VERSION_1) != 0;
    }

    private boolean activate() {
        // Rings that are open stay as they are: no need to wait for what is in flight.
        queues.lock();
        try {
            queues.open(memory, driverFeatures);
            synchronized (leaf) {
                live = (status & VirtioStatus.NEEDS_RESET) == 0;
            }
        } catch (MalformedRingException e) {
            broken(String.valueOf(e.getMessage()));
            return false;
        } finally {
            queues.unlock();
        }
        return live;
    }

    /** Buffers that were made available before DRIVER_OK count as notified. */
    private void kickAll() {
        for (int q = 0; q < queues.count(); q++) {
            kick(q);
        }
    }

    private void reset() {
        live = false;
        queues.stop();
        if (queues.tryLockIdle(RESET_WAIT_NANOS)) {
            try {
                finishReset();
            } finally {
                queues.unlock();
            }
            return;
        }
        synchronized (leaf) {
            resetting = true;
        }
        Thread ignored =
                Thread.ofPlatform()
                        .daemon()
                        .name("queztl-" + name + "-reset")
                        .start(() -> {
                            queues.lockIdle();
                            try {
                                finishReset();
                            } finally {
                                queues.unlock();
                            }
                        });
    }

    private void finishReset() {
        queues.reset();
        driverFeatures = 0;
        deviceReset();
        VirtioTransport t = transport;
        if (t != null) {
            t.deviceReset();
        }
        synchronized (leaf) {
            status = 0;
            resetting = false;
        }
    }

    // ---- queue registers

    /** A queue's registers, or null if there is no such queue. */
    final @Nullable VirtqueueState queue(int index) {
        if (!queues.has(index)) {
            return null;
        }
        return queues.get(index).registers;
    }

    final int queueMaximum(int index) {
        return queues.has(index) ? queues.get(index).maximum : 0;
    }

    /** Changes a queue's registers; ignored while it is enabled or there is no such queue. */
    final void queue(int index, UnaryOperator<VirtqueueState> change) {
        control.lock();
        try {
            if (!queues.has(index)) {
                return;
            }
            synchronized (leaf) {
                if (resetting) {
                    return;
                }
            }
            DeviceQueue q = queues.get(index);
            if (!q.registers.enabled() && !q.resetting) {
                q.registers = change.apply(q.registers);
            }
        } finally {
            control.unlock();
        }
    }

    final void queueSize(int index, int size) {
        if (size > 0 && size <= queueMaximum(index)) {
            queue(index, r -> r.ofSize(size));
        } else {
            guestError("queue %d of %d entries".formatted(index, size));
        }
    }

    final void queueAddresses(int index, long descriptors, long driver, long device) {
        queue(index, r -> r.at(descriptors, driver, device));
    }

    final void enableQueue(int index) {
        control.lock();
        try {
            queue(index, VirtqueueState::enable);
            if (live && activate()) {
                kick(index);
            }
        } finally {
            control.unlock();
        }
    }

    /** True while a queue's reset waits for the request that it is at. */
    final boolean queueResetting(int index) {
        return queues.has(index) && queues.get(index).resetting;
    }

    /** Resets one queue (2.6.1); like the reset of a device, it may be done later. */
    final void resetQueue(int index) {
        control.lock();
        try {
            if (!queues.has(index) || !negotiated(VirtioFeatures.RING_RESET)) {
                return;
            }
            DeviceQueue q = queues.get(index);
            if (q.resetting) {
                return;
            }
            q.stop();
            q.resetting = true;
            if (q.tryLockIdle(RESET_WAIT_NANOS)) {
                finishQueueReset(index);
                return;
            }
            Thread ignored =
                    Thread.ofPlatform()
                            .daemon()
                            .name("queztl-" + name + "-reset")
                            .start(() -> {
                                q.lockIdle();
                                finishQueueReset(index);
                            });
        } finally {
            control.unlock();
        }
    }

    /** With the queue's lock held, which is released. */
    private void finishQueueReset(int index) {
        DeviceQueue q = queues.get(index);
        try {
            q.reset();
            queueReset(index);
        } finally {
            q.resetting = false;
            q.lock.unlock();
        }
    }

    /** One queue is reset; its lock is held. */
    protected void queueReset(int queue) {}

    /** The driver notifies the device of new buffers in a queue. */
    final void notifyQueue(int index) {
        if (queues.has(index) && !serveNow(index)) {
            kick(index);
        }
    }

    private boolean serveNow(int index) {
        DeviceQueue q = queues.get(index);
        // A vCPU waits for nobody.
        if (!live || !quick(index) || !q.lock.tryLock()) {
            return false;
        }
        try {
            return onRing(index, ring -> processNow(index, ring));
        } finally {
            q.lock.unlock();
        }
    }

    // ---- configuration space

    final long readConfig(long offset, int size) {
        return config.get(offset, size);
    }

    final void writeConfig(long offset, int size, long value) {
        if (offset >= 0 && offset <= config.size() - size) {
            control.lock();
            try {
                configWritten((int) offset, size, value);
            } finally {
                control.unlock();
            }
        }
    }

    // ---- snapshot, end

    /** A copy of what all devices have; for {@link #atRest}. */
    protected final VirtioDeviceState commonState() {
        List<VirtqueueState> list = queues.states();
        synchronized (leaf) {
            return new VirtioDeviceState(status, driverFeatures, config.generation(), list);
        }
    }

    /**
     * Replaces it; for {@link #atRest}. A live device goes on where it was after {@link #resume}.
     *
     * @throws IllegalArgumentException if the state is not of a device with these queues
     */
    protected final void restoreCommon(VirtioDeviceState state) {
        if (state.queues().size() != queues.count()) {
            throw new IllegalArgumentException(name + " has " + queues.count() + " queues");
        }
        live = false;
        driverFeatures = state.driverFeatures();
        boolean run =
                (state.status()
                                & (VirtioStatus.FEATURES_OK
                                        | VirtioStatus.DRIVER_OK
                                        | VirtioStatus.NEEDS_RESET))
                        == (VirtioStatus.FEATURES_OK | VirtioStatus.DRIVER_OK);
        for (int i = 0; i < queues.count(); i++) {
            VirtqueueState s = state.queues().get(i);
            queues.get(i).registers = s;
            try {
                queues.get(i).ring =
                        run && s.enabled() ? Virtqueue.open(memory, s, driverFeatures) : null;
            } catch (MalformedRingException e) {
                throw new IllegalArgumentException(e.getMessage(), e);
            }
        }
        synchronized (leaf) {
            status = state.status();
            resetting = false;
        }
        config.generation(state.configGeneration());
        live = run;
    }

    /** Serves what waits in the queues after a restore. */
    public final void resume() {
        kickAll();
    }

    /** Stops the workers. The device answers the driver still, but does nothing more. */
    @Override
    public void close() {
        closed = true;
        live = false;
        queues.stop();
        for (QueueWorker w : workers) {
            w.close();
        }
    }
}
