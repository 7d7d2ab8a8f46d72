package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.machine.memory.GuestMemory;
import java.lang.invoke.VarHandle;

/**
 * KVM's paravirtual clock (Linux Documentation/virt/kvm/x86/msr.rst): a page a vCPU that says how
 * to make nanoseconds of the TSC, and the wall-clock time of boot.
 *
 * <pre>
 * system time:  0 version  4 pad  8 TSC when written  16 nanoseconds then
 *               24 multiplier  28 shift  29 flags  30 pad
 * wall clock:   0 version  4 seconds  8 nanoseconds
 * </pre>
 *
 * An odd version means that the page is being written.
 */
final class KvmClock {
    /** MSR_KVM_WALL_CLOCK_NEW. */
    static final int WALL_CLOCK = 0x4b56_4d00;

    /** MSR_KVM_SYSTEM_TIME_NEW. */
    static final int SYSTEM_TIME = 0x4b56_4d01;

    private static final int PAGE_BYTES = 32, WALL_BYTES = 12;

    /** The TSC counts nanoseconds: (ticks &lt;&lt; 1) * 2^31 / 2^32. */
    private static final int MULTIPLIER = 0x8000_0000, SHIFT = 1;

    private static final int TSC_STABLE = 1;

    private KvmClock() {}

    /** Writes MSR_KVM_SYSTEM_TIME_NEW: guest-physical address of the page, bit 0 enables it. */
    static boolean systemTime(Cpu c, long value) {
        long address = value & ~1L;
        if ((value & 1) != 0
                && ((address & 3) != 0 || !c.shared.memory.isRam(address, PAGE_BYTES))) {
            return false;
        }
        c.msrs.others.put(SYSTEM_TIME, value);
        update(c);
        return true;
    }

    /** Writes the vCPU's page, if it has one; to be called after the TSC was set. */
    static void update(Cpu c) {
        long value = c.msrs.others.getOrDefault(SYSTEM_TIME, 0L);
        GuestMemory memory = c.shared.memory;
        long page = value & ~1L;
        if ((value & 1) == 0 || !memory.isRam(page, PAGE_BYTES)) {
            return;
        }
        int version = memory.read32(page) & ~1;
        memory.write32(page, version + 1);
        VarHandle.releaseFence();
        long nanos = c.clock.nanos();
        memory.write64(page + 8, nanos + c.msrs.tscOffset);
        memory.write64(page + 16, nanos);
        memory.write32(page + 24, MULTIPLIER);
        memory.write32(page + 28, SHIFT | TSC_STABLE << 8);
        VarHandle.releaseFence();
        memory.write32(page, version + 2);
    }

    /** Writes MSR_KVM_WALL_CLOCK_NEW: where the wall-clock time of boot is to be put. */
    static boolean wallClock(Cpu c, long address) {
        GuestMemory memory = c.shared.memory;
        if ((address & 3) != 0 || !memory.isRam(address, WALL_BYTES)) {
            return false;
        }
        c.msrs.others.put(WALL_CLOCK, address);
        int version = memory.read32(address) & ~1;
        long boot = c.clock.wallNanos() - c.clock.nanos();
        memory.write32(address, version + 1);
        VarHandle.releaseFence();
        memory.write32(address + 4, (int) Math.floorDiv(boot, 1_000_000_000L));
        memory.write32(address + 8, (int) Math.floorMod(boot, 1_000_000_000L));
        VarHandle.releaseFence();
        memory.write32(address, version + 2);
        return true;
    }
}
