package io.queztl.testkit.vector;

import io.queztl.machine.irq.LocalInterrupts;

/** A local interrupt controller that never interrupts. */
public class QuietInterrupts implements LocalInterrupts {
    private int priority;

    @Override
    public boolean pending() {
        return false;
    }

    @Override
    public int acknowledge() {
        return -1;
    }

    @Override
    public int taskPriority() {
        return priority;
    }

    @Override
    public void taskPriority(int cr8) {
        priority = cr8;
    }

    @Override
    public long apicBase() {
        return 0xFEE0_0900L;
    }

    @Override
    public boolean apicBase(long value) {
        return value == apicBase();
    }

    @Override
    public long readRegister(int offset, int size) {
        return 0;
    }

    @Override
    public void writeRegister(int offset, int size, long value) {}

    @Override
    public boolean hasMsr(int msr, boolean write) {
        return false;
    }

    @Override
    public long readMsr(int msr) {
        return 0;
    }

    @Override
    public boolean writeMsr(int msr, long value) {
        return false;
    }

    @Override
    public void init() {}
}
