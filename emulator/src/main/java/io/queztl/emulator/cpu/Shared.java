package io.queztl.emulator.cpu;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.interpret.CodeCache;
import io.queztl.emulator.sight.Sight;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.memory.GuestMemory;

/** What the vCPUs of one VM have in common. */
public final class Shared {
    /** Guest RAM. */
    public final GuestMemory memory;

    /** Devices in guest-physical space. */
    public final Bus mmio;

    /** Decoded blocks. */
    public final CodeCache codeCache;

    /** Stops the other vCPUs while one does what must be seen as atomic. */
    public final ExclusiveSection exclusive = new ExclusiveSection();

    /** True if there is more than one vCPU: memory accesses keep x86-TSO then. */
    public final boolean smp;

    /** How guest code is run. */
    public final ExecutionMode mode;

    /** Number of vCPUs. */
    public final int vcpus;

    /** What can be seen of all of it. */
    public final Sight sight;

    /** Makes the shared part for {@code vcpus} vCPUs. */
    public Shared(GuestMemory memory, Bus mmio, int vcpus) {
        this(memory, mmio, vcpus, ExecutionMode.byDefault());
    }

    /** Makes the shared part for {@code vcpus} vCPUs that run in a given mode. */
    public Shared(GuestMemory memory, Bus mmio, int vcpus, ExecutionMode mode) {
        this(memory, mmio, vcpus, mode, new Sight());
    }

    /** As the other constructors, with what the VM was asked to show. */
    public Shared(GuestMemory memory, Bus mmio, int vcpus, ExecutionMode mode, Sight sight) {
        this.sight = sight;
        this.mode = mode;
        this.memory = memory;
        this.mmio = mmio;
        this.vcpus = vcpus;
        this.smp = vcpus > 1;
        this.codeCache = new CodeCache(this);
    }
}
