package io.queztl.devices.virtio;

import io.queztl.machine.memory.GuestMemory;
import java.util.Arrays;
import java.util.List;

/** All queues of a device, whose locks are taken in order of their number. */
final class DeviceQueues {
    private final DeviceQueue[] all;

    /** For each queue the largest size it may have. */
    DeviceQueues(int... maxima) {
        all = Arrays.stream(maxima).mapToObj(DeviceQueue::new).toArray(DeviceQueue[]::new);
    }

    int count() {
        return all.length;
    }

    boolean has(int index) {
        return index >= 0 && index < all.length;
    }

    DeviceQueue get(int index) {
        return all[index];
    }

    /** The states of all; with the locks held. */
    List<VirtqueueState> states() {
        return Arrays.stream(all).map(DeviceQueue::state).toList();
    }

    /** Opens those that can be and are not; with the locks held. */
    void open(GuestMemory memory, long features) {
        for (DeviceQueue q : all) {
            q.open(memory, features);
        }
    }

    /** Are as after reset; with the locks held. */
    void reset() {
        for (DeviceQueue q : all) {
            q.reset();
        }
    }

    /** Takes all locks; requests may be in flight. */
    void lock() {
        for (DeviceQueue q : all) {
            q.lock.lock();
        }
    }

    /** Takes all locks, with no request in flight. */
    void lockIdle() {
        for (DeviceQueue q : all) {
            q.lockIdle();
        }
    }

    /** As {@link #lockIdle}; false, and no lock is taken, if that took longer than allowed. */
    boolean tryLockIdle(long nanos) {
        long deadline = System.nanoTime() + nanos;
        for (int i = 0; i < all.length; i++) {
            if (!all[i].tryLockIdle(Math.max(0, deadline - System.nanoTime()))) {
                for (int j = 0; j < i; j++) {
                    all[j].lock.unlock();
                }
                return false;
            }
        }
        return true;
    }

    void unlock() {
        for (DeviceQueue q : all) {
            q.lock.unlock();
        }
    }

    /** Has nothing more taken from any ring. */
    void stop() {
        for (DeviceQueue q : all) {
            q.stop();
        }
    }
}
