package io.queztl.devices.irq;

import io.queztl.machine.cpu.VcpuSignals;
import io.queztl.machine.irq.MsiSink;
import io.queztl.machine.time.Timers;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The local APICs of a VM and the bus between them: routes inter-processor interrupts,
 * message-signalled interrupts and the I/O APIC's messages (SDM volume 3, 11.6 and 11.11).
 */
public final class ApicSystem implements MsiSink {
    /** The TSC counts nanoseconds of the VM's clock; so does the APIC timer before its divider. */
    public static final int TSC_KHZ = 1_000_000;

    private final LocalApic[] apics;
    private volatile IntConsumer endOfInterrupt = vector -> {};

    /** Where the search for the least busy APIC starts; a race only makes it less fair. */
    private int rotation;

    /**
     * @param cpus the number of vCPUs, at least 1; APIC ids are their indices
     * @param timers run the APIC timers
     */
    public ApicSystem(int cpus, Timers timers) {
        apics = new LocalApic[cpus];
        for (int i = 0; i < cpus; i++) {
            apics[i] = new LocalApic(i, this, timers);
        }
    }

    /** The local APICs in order of vCPU index. */
    public List<LocalApic> localApics() {
        return List.of(apics);
    }

    /** Says whom the local APIC of a vCPU signals. */
    public void attach(int index, VcpuSignals signals) {
        apics[index].attach(signals);
    }

    /** Wires the bootstrap processor's LINT0 to the 8259. */
    public void external(ExternalInterrupts controller) {
        apics[0].external(controller);
    }

    /** The level of the 8259's INTR may have changed. */
    public void externalChanged() {
        apics[0].externalChanged();
    }

    /** Sets who hears the vectors of level-triggered interrupts that have ended: the I/O APIC. */
    public void onEndOfInterrupt(IntConsumer listener) {
        endOfInterrupt = listener;
    }

    /** Presses the NMI button: an edge on LINT1 of every processor. */
    public void nmiButton() {
        for (LocalApic apic : apics) {
            apic.lint1();
        }
    }

    void endOfInterrupt(int vector) {
        endOfInterrupt.accept(vector);
    }

    @Override
    public void send(long address, int data) {
        if (address >>> 20 != 0xfee) {
            return; // an ordinary memory write, which is not for us
        }
        int destination = (int) (address >>> 12) & 0xff;
        boolean logical = (address & 4) != 0;
        boolean redirect = (address & 8) != 0;
        int mode = data >>> 8 & 7;
        if (redirect && mode == DeliveryMode.FIXED) {
            mode = DeliveryMode.LOWEST_PRIORITY;
        }
        boolean level = (data & 0x8000) != 0;
        if (level && (data & 0x4000) == 0) {
            return; // deassert message
        }
        boolean ignored = deliver(destination, logical, mode, data & 0xff, level, false);
    }

    /** Carries out a write of the ICR; {@code wide} if the destination has 32 bits. */
    void interProcessor(LocalApic source, int command, int destination, boolean wide) {
        int vector = command & 0xff;
        int mode = command >>> 8 & 7;
        boolean logical = (command & 0x800) != 0;
        boolean assertion = (command & 0x4000) != 0;
        boolean level = (command & 0x8000) != 0;
        if (mode == DeliveryMode.INIT && level && !assertion) {
            return; // INIT level de-assert: nothing since the Pentium
        }
        if (mode == 3 || mode == DeliveryMode.EXTINT) {
            return; // reserved in the ICR
        }
        if (mode <= DeliveryMode.LOWEST_PRIORITY && vector < 16) {
            source.sendError();
            return;
        }
        switch (command >>> 18 & 3) {
            case 0 -> {
                boolean ignored = deliver(destination, logical, mode, vector, false, wide);
            }
            case 1 -> {
                if (mode == DeliveryMode.FIXED) {
                    boolean ignored = source.accept(mode, vector, false);
                }
            }
            case 2 -> {
                for (LocalApic apic : apics) {
                    boolean ignored = apic.accept(mode, vector, false);
                }
            }
            default -> {
                for (LocalApic apic : apics) {
                    if (apic != source) {
                        boolean ignored = apic.accept(mode, vector, false);
                    }
                }
            }
        }
    }

    /**
     * Delivers a message to every APIC it names, or to the least busy for lowest-priority mode.
     *
     * @return true if at least one accepted it
     */
    boolean deliver(
            int destination, boolean logical, int mode, int vector, boolean level, boolean wide) {
        if (mode == DeliveryMode.LOWEST_PRIORITY) {
            LocalApic best = leastBusy(destination, logical, wide);
            return best != null && best.accept(mode, vector, level);
        }
        if (!logical && destination != (wide ? -1 : 0xff)) {
            return Integer.compareUnsigned(destination, apics.length) < 0
                    && apics[destination].accept(mode, vector, level);
        }
        boolean accepted = false;
        for (LocalApic apic : apics) {
            if (apic.matches(destination, logical, wide)) {
                accepted |= apic.accept(mode, vector, level);
            }
        }
        return accepted;
    }

    private @Nullable LocalApic leastBusy(int destination, boolean logical, boolean wide) {
        LocalApic best = null;
        int bestPriority = Integer.MAX_VALUE;
        int start = rotation;
        int count = apics.length;
        for (int i = 0; i < count; i++) {
            int index = (start + i) % count;
            LocalApic apic = apics[index];
            if (apic.matches(destination, logical, wide) && apic.softwareEnabled()) {
                int priority = apic.priority();
                if (priority < bestPriority) {
                    best = apic;
                    bestPriority = priority;
                    rotation = (index + 1) % count;
                }
            }
        }
        return best;
    }

    /** A copy of the registers of all local APICs. */
    public ApicSystemState state() {
        return new ApicSystemState(Arrays.stream(apics).map(LocalApic::state).toList());
    }

    /**
     * Replaces the registers of all local APICs; to be done after the devices and the other
     * interrupt controllers are restored.
     */
    public void restore(ApicSystemState state) {
        for (int i = 0; i < apics.length; i++) {
            apics[i].restore(state.localApics().get(i));
        }
    }
}
