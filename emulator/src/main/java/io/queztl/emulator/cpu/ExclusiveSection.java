package io.queztl.emulator.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets one vCPU run while all others of the VM stand still: for locked accesses no host instruction
 * can do, and for marking pages as code. Between {@link #enter} and {@link #leave} a vCPU runs
 * guest code; it calls {@link #pause} when it sees {@link Cpu#ATTENTION_EXCLUSIVE}. It stands still
 * between two instructions, or where its instruction begins or ends a section of its own.
 *
 * <p>One word counts the running vCPUs and says whether any may start to run; going in and out of
 * guest code is one atomic operation on it. Sections queue up at a lock, and while one is queued
 * the others are not let go: many sections at once stop the VM once. None can starve a vCPU,
 * because each must itself wait for its next instruction until the queue is empty.
 */
public final class ExclusiveSection {
    /** Bit of {@link #state}: no vCPU may start to run. Below are the running vCPUs. */
    private static final int CLOSED = 1 << 30;

    /** Looks at {@link #state} before the thread parks: most sections are shorter. */
    private static final int SPINS = 64;

    private static final VarHandle STATE;
    private static final VarHandle WAITING = MethodHandles.arrayElementVarHandle(Thread[].class);

    static {
        try {
            STATE =
                    MethodHandles.lookup()
                            .findVarHandle(ExclusiveSection.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Held from {@link #begin} to {@link #end}. */
    private final ReentrantLock turn = new ReentrantLock();

    private final List<Cpu> cpus = new ArrayList<>();

    /** By vCPU index: the thread that waits to run guest code. */
    private @Nullable Thread[] waiting = new Thread[0];

    private volatile int state;

    /** The vCPU that is alone or about to be, and its thread. */
    private volatile @Nullable Cpu owner;

    private volatile @Nullable Thread ownerThread;
    private int depth;

    /** Adds a vCPU of the VM, before any runs; in order of their index. */
    public void register(Cpu cpu) {
        if (cpu.index != cpus.size()) {
            throw new IllegalArgumentException("vCPU " + cpu.index + " comes out of order");
        }
        cpus.add(cpu);
        waiting = new Thread[cpus.size()];
    }

    /** The vCPU of that index, or null. */
    public @Nullable Cpu cpu(int index) {
        return index >= 0 && index < cpus.size() ? cpus.get(index) : null;
    }

    /** Does something with every vCPU; only while they stand still. */
    public void forEach(Consumer<Cpu> action) {
        cpus.forEach(action);
    }

    /** The vCPU is about to run guest code; waits while another is alone. */
    public void enter(Cpu cpu) {
        if (cpus.size() > 1 && !tryEnter()) {
            await(cpu);
        }
    }

    private boolean tryEnter() {
        while (true) {
            int s = state;
            if ((s & CLOSED) != 0) {
                return false;
            }
            if (STATE.compareAndSet(this, s, s + 1)) {
                return true;
            }
        }
    }

    private void await(Cpu cpu) {
        // First the name, then the look: end() opens first and then looks for names.
        WAITING.setVolatile(waiting, cpu.index, Thread.currentThread());
        for (int n = 0; !tryEnter(); n++) {
            if (n < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
        WAITING.setVolatile(waiting, cpu.index, (Thread) null);
    }

    /** The vCPU stopped running guest code. */
    public void leave(Cpu cpu) {
        if (cpus.size() < 2) {
            return;
        }
        int before = (int) STATE.getAndAdd(this, -1);
        if (before == CLOSED + 1) {
            LockSupport.unpark(ownerThread);
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
        if (owner == cpu) {
            depth++;
            return;
        }
        leave(cpu);
        turn.lock();
        owner = cpu;
        ownerThread = Thread.currentThread();
        depth = 1;
        int s = (int) STATE.getAndBitwiseOr(this, CLOSED);
        if ((s & ~CLOSED) == 0) {
            return;
        }
        for (Cpu other : cpus) {
            if (other != cpu) {
                other.attend(Cpu.ATTENTION_EXCLUSIVE);
            }
        }
        for (int n = 0; state != CLOSED; n++) {
            if (n < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
    }

    /** Ends {@link #begin}. */
    public void end(Cpu cpu) {
        if (cpus.size() < 2 || --depth > 0) {
            return;
        }
        owner = null;
        ownerThread = null;
        boolean last = !turn.hasQueuedThreads();
        if (last) {
            int ignored = (int) STATE.getAndBitwiseAnd(this, ~CLOSED);
        }
        turn.unlock();
        if (last) {
            for (int k = 0; k < waiting.length; k++) {
                Thread thread = (Thread) WAITING.getVolatile(waiting, k);
                if (thread != null) {
                    LockSupport.unpark(thread);
                }
            }
        }
        enter(cpu);
    }
}
