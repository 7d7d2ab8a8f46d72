package io.queztl.machine.bus;

/**
 * Something that answers reads and writes in a range of a {@link Bus}. It is told only the offset
 * inside its range. Any vCPU thread may call it, several at once: a device guards its own state.
 * Whatever the guest asks, it answers; it never throws for guest input.
 */
public interface BusDevice {
    /**
     * Reads a register.
     *
     * @param offset bytes from the start of the device's range
     * @param size bytes to read: 1, 2, 4 or 8
     * @return the value, in the low {@code size} bytes; higher bytes are ignored
     */
    long read(long offset, int size);

    /**
     * Writes a register.
     *
     * @param offset bytes from the start of the device's range
     * @param size bytes to write: 1, 2, 4 or 8
     * @param value the value, zero-extended
     */
    void write(long offset, int size, long value);
}
