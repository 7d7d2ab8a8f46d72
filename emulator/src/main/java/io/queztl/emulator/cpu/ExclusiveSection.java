package io.queztl.emulator.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Lets one vCPU run while all others of the VM stand still at an instruction boundary: for locked
 * accesses no host instruction can do, and for marking pages as code. Between {@link #enter} and
 * {@link #leave} a vCPU runs guest code; it calls {@link #pause} when it sees {@link
 * Cpu#ATTENTION_EXCLUSIVE}.
 */
public final class ExclusiveSection {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Cpu> cpus = new ArrayList<>();
    private int running;
    private @Nullable Cpu owner;
    private int depth;

    /** Adds a vCPU of the VM, before any runs. */
    public void register(Cpu cpu) {
        cpus.add(cpu);
    }

    /** Does something with every vCPU; only while they stand still. */
    public void forEach(java.util.function.Consumer<Cpu> action) {
        cpus.forEach(action);
    }

    /** The vCPU is about to run guest code; waits while another is alone. */
    public void enter(Cpu cpu) {
        lock.lock();
        try {
            while (owner != null) {
                changed.awaitUninterruptibly();
            }
            running++;
        } finally {
            lock.unlock();
        }
    }

    /** The vCPU stopped running guest code. */
    public void leave(Cpu cpu) {
        lock.lock();
        try {
            running--;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** At an instruction boundary: lets a waiting vCPU have its turn. */
    public void pause(Cpu cpu) {
        cpu.unattend(Cpu.ATTENTION_EXCLUSIVE);
        leave(cpu);
        enter(cpu);
    }

    /** From running guest code: returns when every other vCPU stands still. Nests. */
    public void begin(Cpu cpu) {
        if (cpus.size() < 2) {
            return;
        }
        lock.lock();
        try {
            if (owner == cpu) {
                depth++;
                return;
            }
            running--;
            changed.signalAll();
            while (owner != null) {
                changed.awaitUninterruptibly();
            }
            owner = cpu;
            depth = 1;
            for (Cpu other : cpus) {
                if (other != cpu) {
                    other.attend(Cpu.ATTENTION_EXCLUSIVE);
                }
            }
            while (running > 0) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Ends {@link #begin}. */
    public void end(Cpu cpu) {
        if (cpus.size() < 2) {
            return;
        }
        lock.lock();
        try {
            if (--depth == 0) {
                owner = null;
                running++;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }
}
