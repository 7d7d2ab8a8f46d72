package io.queztl.vmm.vcpu;

import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VcpuExit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** A vCPU whose program is "run until kicked", "halt" or an exit that a test sets. */
final class ScriptedVcpu implements Vcpu {
    final AtomicInteger runs = new AtomicInteger();
    private final AtomicBoolean kicked = new AtomicBoolean();
    private final AtomicBoolean work = new AtomicBoolean();
    private volatile VcpuExit exit = new VcpuExit.Kicked();
    private volatile RuntimeException failure = new IllegalStateException();
    private volatile boolean fails;

    /** What the next {@link #run} returns; {@code Kicked} spins until kicked. */
    void exits(VcpuExit next) {
        exit = next;
        kick();
    }

    void fails(RuntimeException e) {
        failure = e;
        fails = true;
    }

    @Override
    public VcpuExit run() {
        int ignored = runs.incrementAndGet();
        if (fails) {
            throw failure;
        }
        VcpuExit e = exit;
        if (e instanceof VcpuExit.Kicked) {
            while (!kicked.getAndSet(false)) {
                Thread.onSpinWait();
            }
            return e;
        }
        work.set(false);
        return e;
    }

    @Override
    public void kick() {
        kicked.set(true);
    }

    @Override
    public boolean hasWork() {
        return work.get();
    }

    @Override
    public void interruptChanged() {
        work.set(true);
    }

    @Override
    public void nmi() {
        work.set(true);
    }

    @Override
    public void initSignal() {
        work.set(true);
    }

    @Override
    public void startup(int vector) {
        work.set(true);
    }

    @Override
    public int index() {
        return 0;
    }

    @Override
    public CpuState state() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void restore(CpuState state) {}

    @Override
    public long instructions() {
        return runs.get();
    }

    @Override
    public long translate(long linear) {
        return -1;
    }

    @Override
    public void breakpoints(long[] addresses) {}

    @Override
    public void singleStep(boolean on) {}
}
