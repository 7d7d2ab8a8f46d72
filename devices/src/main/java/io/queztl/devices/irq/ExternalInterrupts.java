package io.queztl.devices.irq;

/** The INTR output of a controller outside the local APIC, the 8259 pair on a PC. */
public interface ExternalInterrupts {
    /** The level of INTR; takes no lock. */
    boolean pending();

    /**
     * The INTA cycle.
     *
     * @return the vector 0–255 the controller puts on the bus
     */
    int acknowledge();
}
