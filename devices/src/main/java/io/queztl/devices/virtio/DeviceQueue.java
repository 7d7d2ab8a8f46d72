package io.queztl.devices.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Registers and ring of one queue of a device, and who is at work with it. */
final class DeviceQueue {
    final ReentrantLock lock = new ReentrantLock();
    final int maximum;
    volatile VirtqueueState registers;
    volatile @Nullable Virtqueue ring;
    volatile boolean resetting;

    private final Condition idle = lock.newCondition();
    private int inFlight; // guarded by lock

    /** After reset. */
    DeviceQueue(int maximum) {
        this.maximum = maximum;
        registers = VirtqueueState.initial(maximum);
    }

    /** Lets go of the lock for a request in flight. */
    void begin() {
        inFlight++;
        lock.unlock();
    }

    /** Takes the lock again. */
    void end() {
        lock.lock();
        if (--inFlight == 0) {
            idle.signalAll();
        }
    }

    /** Takes the lock, with no request in flight. */
    void lockIdle() {
        lock.lock();
        while (inFlight > 0) {
            idle.awaitUninterruptibly();
        }
    }

    /** As {@link #lockIdle}; false if that took longer than allowed. */
    boolean tryLockIdle(long nanos) {
        long deadline = System.nanoTime() + nanos;
        boolean locked = false;
        try {
            locked = lock.tryLock(nanos, TimeUnit.NANOSECONDS);
            long left = 1;
            while (locked && inFlight > 0 && left > 0) {
                left = idle.awaitNanos(deadline - System.nanoTime());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            locked = locked || lock.tryLock();
        }
        if (locked && inFlight > 0) {
            lock.unlock();
            return false;
        }
        return locked;
    }

    /**
     * Opens the ring if the driver has enabled it and it is not open.
     *
     * @throws MalformedRingException if it cannot be one
     */
    void open(GuestMemory memory, long features) {
        if (registers.enabled() && ring == null) {
            ring = Virtqueue.open(memory, registers, features);
        }
    }

    /** Has nothing more taken from the ring; without the lock, whose holder may be slow. */
    void stop() {
        Virtqueue r = ring;
        if (r != null) {
            r.stop();
        }
    }

    /** Is as after reset; with the lock held. */
    void reset() {
        ring = null;
        registers = VirtqueueState.initial(maximum);
    }

    /** The registers with the ring's position; with the lock held. */
    VirtqueueState state() {
        Virtqueue r = ring;
        return r == null ? registers : r.state(registers);
    }
}
