package io.queztl.vmm.boot;

/**
 * A guest cannot be booted from what it was given. The message is one sentence that says what is
 * wrong, where, and what to do.
 */
public final class BootException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What kind of thing was wrong; mapped to an exit status by the command line. */
    public enum Code {
        /** A file is missing, cannot be read or is not a regular file. */
        UNREADABLE,
        /** The kernel is in no format that can be booted. */
        KERNEL_FORMAT,
        /** The kernel has a known format but is damaged or truncated. */
        KERNEL_DAMAGED,
        /** The initrd is empty or damaged. */
        INITRD_DAMAGED,
        /** The command line is too long or has characters that cannot be passed on. */
        COMMAND_LINE,
        /** Kernel, initrd and modules do not fit into the guest's memory. */
        MEMORY_TOO_SMALL,
        /** More vCPUs, modules or tables than fit their fixed areas. */
        TOO_MANY
    }

    private final Code code;

    /** An error with a message made by {@link String#format}. */
    public BootException(Code code, String format, Object... arguments) {
        super(format.formatted(arguments));
        this.code = code;
    }

    /** As the other constructor, with what led to it. */
    public BootException(Throwable cause, Code code, String format, Object... arguments) {
        super(format.formatted(arguments), cause);
        this.code = code;
    }

    /** The kind of error. */
    public Code code() {
        return code;
    }
}
