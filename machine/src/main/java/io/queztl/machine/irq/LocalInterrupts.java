package io.queztl.machine.irq;

/**
 * What a vCPU sees of the interrupt controllers: its local APIC, and behind it the 8259 as ExtINT.
 * Called on the vCPU's own thread, while devices of other threads change the same controller:
 * implementations guard their state.
 */
public interface LocalInterrupts {
    /** True if a maskable interrupt would be delivered now, were RFLAGS.IF set. */
    boolean pending();

    /**
     * Takes the highest-priority deliverable interrupt: moves it from IRR to ISR, or acknowledges
     * the 8259.
     *
     * @return the vector 0–255, or -1 if there is none any more
     */
    int acknowledge();

    /** CR8: bits 7:4 of the task priority register. */
    int taskPriority();

    /** Writes CR8 (0–15). */
    void taskPriority(int cr8);

    /** IA32_APIC_BASE (MSR 0x1b). */
    long apicBase();

    /**
     * Writes IA32_APIC_BASE.
     *
     * @return false if the value is reserved or the transition is not allowed, which is #GP(0)
     */
    boolean apicBase(long value);

    /** Reads a register of the xAPIC page; {@code offset} is 0–4095 and {@code size} 1–8. */
    long readRegister(int offset, int size);

    /** Writes a register of the xAPIC page. */
    void writeRegister(int offset, int size, long value);

    /**
     * True if {@code msr} (0x800–0x8ff, or IA32_TSC_DEADLINE 0x6e0) can be read, respectively
     * written, now; otherwise the access is #GP(0).
     */
    boolean hasMsr(int msr, boolean write);

    /** Reads an x2APIC register or IA32_TSC_DEADLINE, after {@link #hasMsr} said yes. */
    long readMsr(int msr);

    /**
     * Writes an x2APIC register or IA32_TSC_DEADLINE, after {@link #hasMsr} said yes.
     *
     * @return false if the value sets reserved bits, which is #GP(0)
     */
    boolean writeMsr(int msr, long value);

    /** Puts the local APIC into its state after INIT (the id and APIC base stay). */
    void init();
}
