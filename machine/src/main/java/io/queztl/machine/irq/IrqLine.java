package io.queztl.machine.irq;

/** One wire from a device to an interrupt controller. Any thread may drive it. */
@FunctionalInterface
public interface IrqLine {
    /** A line that leads nowhere. */
    IrqLine NONE = level -> {};

    /** Sets the level of the wire; an edge-triggered input reacts to the rise. */
    void set(boolean level);

    /** Raises and lowers the wire. */
    default void pulse() {
        set(true);
        set(false);
    }
}
