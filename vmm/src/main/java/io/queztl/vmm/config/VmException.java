package io.queztl.vmm.config;

/**
 * A VM cannot be made or go on, for a reason that lies with its configuration or the host. The
 * message is one sentence that says what is wrong and what to do.
 */
public final class VmException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Where the reason lies. */
    public enum Code {
        /** What was asked for makes no VM. */
        CONFIGURATION,
        /** The host cannot give what was asked for. */
        HOST
    }

    private final Code code;

    /** An error with a message for the user. */
    public VmException(Code code, String message) {
        super(message);
        this.code = code;
    }

    /** The same with what led to it. */
    public VmException(Code code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /** Where the reason lies. */
    public Code code() {
        return code;
    }
}
