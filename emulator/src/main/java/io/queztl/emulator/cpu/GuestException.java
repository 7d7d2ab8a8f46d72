package io.queztl.emulator.cpu;

/**
 * A fault of the guest, thrown by semantics and caught by the interpreter, which delivers it
 * through the guest's IDT. Stackless and one object per {@link Cpu}: made by {@link Cpu#gp} and its
 * siblings, never by {@code new}.
 */
public final class GuestException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Exception vector, 0–31. */
    public int vector;

    /** The error code, or {@link #NO_ERROR_CODE}. */
    public int errorCode;

    /** Marks a vector that pushes no error code. */
    public static final int NO_ERROR_CODE = -1;

    GuestException() {
        super("guest exception", null, false, false);
    }
}
