package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.mmu.Mmu;
import java.lang.invoke.VarHandle;

/**
 * Locked read-modify-write accesses to guest-linear memory: a compare-and-set on RAM where the host
 * has one, else the other vCPUs stand still meanwhile (accesses across 8 bytes or pages, MMIO,
 * pages with decoded code). With one vCPU they are plain, but fences still: devices have threads
 * too.
 */
final class Atomics {
    private Atomics() {}

    /**
     * Stores {@code update} if the location holds {@code expected}; faults as a write either way.
     *
     * @return what the location held, zero-extended
     */
    static long compareAndExchange(Cpu c, long linear, int size, long expected, long update) {
        Mmu mem = c.mem;
        long offset = mem.writeOffset(linear, size);
        if (c.shared.smp && offset >= 0 && Mmu.atomic(offset, size)) {
            while (true) {
                long old = mem.ramLoad(offset, size);
                if (old != expected) {
                    VarHandle.fullFence();
                    return old;
                }
                if (mem.compareAndSet(offset, size, expected, update)) {
                    return old;
                }
            }
        }
        c.shared.exclusive.begin(c);
        try {
            long old = mem.load(linear, size);
            mem.store(linear, size, old == expected ? update : old);
            return old;
        } finally {
            VarHandle.fullFence();
            c.shared.exclusive.end(c);
        }
    }

    /** Stores a value; returns what the location held, zero-extended. */
    static long exchange(Cpu c, long linear, int size, long value) {
        Mmu mem = c.mem;
        long offset = mem.writeOffset(linear, size);
        if (offset >= 0 && (!c.shared.smp || Mmu.atomic(offset, size))) {
            while (true) {
                long old = mem.ramLoad(offset, size);
                if (!c.shared.smp) {
                    mem.ramStore(offset, size, value);
                    VarHandle.fullFence();
                    return old;
                }
                if (mem.compareAndSet(offset, size, old, value)) {
                    return old;
                }
            }
        }
        c.shared.exclusive.begin(c);
        try {
            long old = mem.load(linear, size);
            mem.store(linear, size, value);
            return old;
        } finally {
            VarHandle.fullFence();
            c.shared.exclusive.end(c);
        }
    }

    /** Adds a value; returns what the location held, zero-extended. */
    static long add(Cpu c, long linear, int size, long value) {
        Mmu mem = c.mem;
        long offset = mem.writeOffset(linear, size);
        if (offset >= 0 && (!c.shared.smp || Mmu.atomic(offset, size))) {
            while (true) {
                long old = mem.ramLoad(offset, size);
                if (!c.shared.smp) {
                    mem.ramStore(offset, size, old + value);
                    VarHandle.fullFence();
                    return old;
                }
                if (mem.compareAndSet(offset, size, old, old + value)) {
                    return old;
                }
            }
        }
        c.shared.exclusive.begin(c);
        try {
            long old = mem.load(linear, size);
            mem.store(linear, size, old + value);
            return old;
        } finally {
            VarHandle.fullFence();
            c.shared.exclusive.end(c);
        }
    }
}
