package io.queztl.machine.cpu;

import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.LocalInterrupts;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.Clock;
import java.util.List;

/**
 * What an accelerator needs to make the CPUs of a VM.
 *
 * @param memory the RAM
 * @param mmio what answers guest-physical accesses where there is no RAM
 * @param ports what answers IN and OUT
 * @param clock drives the TSC and kvmclock
 * @param interrupts the local interrupt controllers, one a vCPU; their number is the vCPU count
 * @param cpuModel the name of a CPU model, such as {@code max} or {@code x86-64-v2}
 */
public record VmParameters(
        GuestMemory memory,
        Bus mmio,
        Bus ports,
        Clock clock,
        List<? extends LocalInterrupts> interrupts,
        String cpuModel) {}
