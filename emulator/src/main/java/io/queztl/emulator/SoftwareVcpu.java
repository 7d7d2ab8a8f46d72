package io.queztl.emulator;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.StateCodec;
import io.queztl.emulator.interpret.Interpreter;
import io.queztl.emulator.ops.Hypercalls;
import io.queztl.emulator.sight.Events;
import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VcpuExit;

/** A vCPU of the software accelerator. */
final class SoftwareVcpu implements Vcpu {
    private final Cpu cpu;
    private final Interpreter interpreter;

    SoftwareVcpu(Cpu cpu) {
        this.cpu = cpu;
        this.interpreter = new Interpreter(cpu);
    }

    /** For {@link SoftwareAccelerator#check} only. */
    Interpreter interpreter() {
        return interpreter;
    }

    @Override
    public int index() {
        return cpu.index;
    }

    @Override
    public VcpuExit run() {
        cpu.thread = Thread.currentThread();
        cpu.shared.exclusive.enter(cpu);
        try {
            if (cpu.halted) {
                Hypercalls.unhalt(cpu);
            }
            VcpuExit exit = Events.run(cpu.index, interpreter::run);
            cpu.counters.exits[Events.kind(exit).ordinal()]++;
            return exit;
        } finally {
            cpu.shared.exclusive.leave(cpu);
        }
    }

    @Override
    public void kick() {
        cpu.attend(Cpu.ATTENTION_KICK);
    }

    @Override
    public boolean hasWork() {
        return cpu.halted && cpu.unhalted && !cpu.waitForSipi || interpreter.hasWork();
    }

    @Override
    public CpuState state() {
        return StateCodec.save(cpu);
    }

    @Override
    public void restore(CpuState state) {
        StateCodec.restore(cpu, state);
    }

    @Override
    public long instructions() {
        return cpu.instructions;
    }

    @Override
    public long translate(long linear) {
        return cpu.mem.probe(linear);
    }

    @Override
    public void breakpoints(long[] addresses) {
        interpreter.breakpoints(addresses);
    }

    @Override
    public void singleStep(boolean on) {
        interpreter.singleStep(on);
    }

    @Override
    public void interruptChanged() {
        cpu.attend(Cpu.ATTENTION_INTERRUPT);
    }

    @Override
    public void nmi() {
        cpu.attend(Cpu.ATTENTION_NMI);
    }

    @Override
    public void initSignal() {
        cpu.attend(Cpu.ATTENTION_INIT);
    }

    @Override
    public void startup(int vector) {
        cpu.sipiVector = vector;
        cpu.attend(Cpu.ATTENTION_SIPI);
    }
}
