package io.queztl.emulator.system;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.cpu.StateCodec;
import io.queztl.emulator.interpret.Interpreter;
import io.queztl.emulator.ops.Reset;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.cpu.VcpuExit;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import java.util.HexFormat;

/**
 * A small guest: tables at fixed places, a handler for each vector that is one HLT, and the CPU put
 * straight into the mode a test wants.
 */
final class Guest implements AutoCloseable {
    static final long CODE = 0x1000, USER_CODE = 0x2000, SYSTEM_CALL = 0x3000;
    static final long STACK = 0x8000, USER_STACK = 0xa000, IST1 = 0xc000;
    static final long GDT = 0x10000, IDT = 0x11000, TSS = 0x12000, HANDLERS = 0x14000;
    static final long PML4 = 0x20000, PT = 0x23000;
    static final int KERNEL_CODE = 0x08, KERNEL_DATA = 0x10;
    static final int USER_CODE32 = 0x1b, USER_DATA = 0x23, USER_CODE64 = 0x2b;
    static final int TASK = 0x30, KERNEL_CODE32 = 0x40, FREE = 0x50;

    final GuestMemory memory = new GuestMemory(4 << 20);
    final TestInterrupts interrupts = new TestInterrupts();
    final VmClock clock = new VmClock();
    final Cpu cpu;
    final Interpreter interpreter;

    private Guest(ExecutionMode mode) {
        this(mode, 1);
    }

    private Guest(ExecutionMode mode, int vcpus) {
        CpuModel model = CpuModel.max();
        Shared shared = new Shared(memory, new Bus(), vcpus, mode);
        cpu = new Cpu(0, shared, new Bus(), interrupts, clock, model);
        shared.exclusive.register(cpu);
        Reset.powerOn(cpu);
        interpreter = new Interpreter(cpu);
        for (int v = 0; v < 256; v++) {
            memory.write8(HANDLERS + 16 * v, 0xf4);
        }
    }

    /** Just after power-on. */
    static Guest reset(ExecutionMode mode) {
        return new Guest(mode);
    }

    /** 64-bit mode, CPL 0, the first 2 MiB mapped one to one for users too. */
    static Guest longMode(ExecutionMode mode) {
        return longMode(mode, 1);
    }

    /** As {@link #longMode(ExecutionMode)}; see {@link #second}. */
    static Guest longMode(ExecutionMode mode, int vcpus) {
        Guest g = new Guest(mode, vcpus);
        Cpu c = g.cpu;
        g.memory.write64(PML4, 0x21000 | 7);
        g.memory.write64(0x21000, 0x22000 | 7);
        g.memory.write64(0x22000, PT | 7);
        for (int p = 0; p < 512; p++) {
            g.memory.write64(PT + 8 * p, p * 4096L | 7);
        }
        g.descriptors(true);
        for (int v = 0; v < 256; v++) {
            g.gate64(v, HANDLERS + 16L * v, KERNEL_CODE, 0x8e, 0);
        }
        g.memory.write64(TSS + 4, STACK);
        g.memory.write64(TSS + 0x24, IST1);
        c.cr0 = 0x8001_0033L;
        c.cr3 = PML4;
        c.cr4 = 0x620;
        c.efer = 0xd01;
        c.msrs.star = 0x18_0008L << 32;
        c.msrs.lstar = SYSTEM_CALL;
        g.segment(Cpu.CS, KERNEL_CODE, 0xa09b);
        g.flatData();
        g.start(0xfff);
        return g;
    }

    /** 32-bit protected mode, CPL 0, no paging. */
    static Guest protectedMode(ExecutionMode mode) {
        Guest g = new Guest(mode);
        g.descriptors(false);
        for (int v = 0; v < 256; v++) {
            g.gate32(v, HANDLERS + 16L * v, KERNEL_CODE32, 0x8e);
        }
        g.memory.write32(TSS + 4, (int) STACK);
        g.memory.write16(TSS + 8, KERNEL_DATA);
        g.memory.write16(TSS + 0x66, 0x88);
        g.memory.fill(TSS + 0x68, 0x100, (byte) 0);
        g.cpu.cr0 = 0x33;
        g.segment(Cpu.CS, KERNEL_CODE32, 0xc09b);
        g.flatData();
        g.start(0x7ff);
        return g;
    }

    /** Another vCPU in the same state. */
    Cpu second() {
        Cpu c = new Cpu(1, cpu.shared, new Bus(), new TestInterrupts(), clock, CpuModel.max());
        cpu.shared.exclusive.register(c);
        Reset.powerOn(c);
        StateCodec.restore(c, StateCodec.save(cpu));
        c.waitForSipi = false;
        return c;
    }

    private void flatData() {
        for (int s : new int[] {Cpu.ES, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS}) {
            segment(s, KERNEL_DATA, 0xc093);
        }
    }

    private void start(int idtLimit) {
        cpu.gdtBase = GDT;
        cpu.gdtLimit = 0xff;
        cpu.idtBase = IDT;
        cpu.idtLimit = idtLimit;
        cpu.selector[Cpu.TR] = TASK;
        cpu.base[Cpu.TR] = TSS;
        cpu.limit[Cpu.TR] = 0x188;
        cpu.attributes[Cpu.TR] = 0x8b;
        cpu.r[Cpu.RSP] = STACK;
        cpu.rip = CODE;
        cpu.updateMode();
    }

    void segment(int s, int selector, int attributes) {
        cpu.selector[s] = selector;
        cpu.base[s] = 0;
        cpu.limit[s] = -1;
        cpu.attributes[s] = attributes;
    }

    private void descriptors(boolean wide) {
        descriptor(KERNEL_CODE, 0x00af_9b00_0000_ffffL);
        descriptor(KERNEL_DATA, 0x00cf_9300_0000_ffffL);
        descriptor(USER_CODE32, 0x00cf_fb00_0000_ffffL);
        descriptor(USER_DATA, 0x00cf_f300_0000_ffffL);
        descriptor(USER_CODE64, 0x00af_fb00_0000_ffffL);
        descriptor(TASK, 0x0000_8b01_2000_0188L);
        descriptor(KERNEL_CODE32, 0x00cf_9b00_0000_ffffL);
    }

    void descriptor(int selector, long value) {
        memory.write64(GDT + (selector & ~7), value);
    }

    void gate64(int vector, long offset, int selector, int type, int ist) {
        memory.write64(
                IDT + 16L * vector,
                offset & 0xffff
                        | (long) selector << 16
                        | (long) ist << 32
                        | (long) type << 40
                        | (offset >>> 16 & 0xffff) << 48);
        memory.write64(IDT + 16L * vector + 8, offset >>> 32);
    }

    void gate32(int vector, long offset, int selector, int type) {
        memory.write64(
                IDT + 8L * vector,
                offset & 0xffff
                        | (long) selector << 16
                        | (long) type << 40
                        | (offset >>> 16 & 0xffff) << 48);
    }

    /** Writes machine code. */
    void code(long address, String hex) {
        memory.write(address, HexFormat.of().parseHex(hex));
    }

    /** Runs until the guest halts or shuts down. */
    VcpuExit run() {
        return interpreter.run();
    }

    /** Runs until HLT; returns the vector whose handler that was, or -1 if it was none. */
    int runToHandler() {
        VcpuExit exit = run();
        if (!(exit instanceof VcpuExit.Halted)) {
            throw new AssertionError(exit.toString());
        }
        long offset = cpu.rip - 1 - HANDLERS;
        return offset >= 0 && offset < 4096 && (offset & 15) == 0 ? (int) offset >> 4 : -1;
    }

    /** Takes the CPU out of HLT. */
    void resume(long rip) {
        cpu.halted = false;
        cpu.rip = rip;
    }

    /** 64-bit word {@code n} above the stack pointer. */
    long stack64(int n) {
        return memory.read64(cpu.r[Cpu.RSP] + 8L * n);
    }

    /** 32-bit word {@code n} above the stack pointer. */
    int stack32(int n) {
        return memory.read32(cpu.r[Cpu.RSP] + 4L * n);
    }

    @Override
    public void close() {
        memory.close();
    }
}
