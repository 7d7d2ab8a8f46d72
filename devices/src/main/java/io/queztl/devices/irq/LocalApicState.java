package io.queztl.devices.irq;

import java.util.List;

/**
 * A {@link LocalApic} at rest. Times are nanoseconds of the VM's clock.
 *
 * @param apicBase IA32_APIC_BASE
 * @param taskPriority TPR
 * @param logicalDestination LDR; derived from the id in x2APIC mode
 * @param destinationFormat DFR
 * @param spurious spurious-interrupt vector register
 * @param errors ESR as last latched by a write
 * @param newErrors errors since then
 * @param command ICR
 * @param lvt timer, thermal, performance counter, LINT0, LINT1, error
 * @param irr eight words
 * @param isr eight words
 * @param tmr eight words
 * @param initialCount the timer's initial-count register
 * @param divide the timer's divide-configuration register
 * @param timerArmed true if the timer runs
 * @param timerDeadline when it expires next
 * @param tscDeadline IA32_TSC_DEADLINE, 0 if disarmed
 */
public record LocalApicState(
        long apicBase,
        int taskPriority,
        int logicalDestination,
        int destinationFormat,
        int spurious,
        int errors,
        int newErrors,
        long command,
        List<Integer> lvt,
        List<Integer> irr,
        List<Integer> isr,
        List<Integer> tmr,
        int initialCount,
        int divide,
        boolean timerArmed,
        long timerDeadline,
        long tscDeadline) {}
