package io.queztl.server;

/** A command cannot go on: one sentence for the user, and the exit status it ends with. */
public final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;

    /** An error for the user. */
    public CommandException(int status, String message) {
        super(message);
        this.status = status;
    }

    /** The same with what led to it. */
    public CommandException(int status, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
    }

    /** The exit status. */
    public int status() {
        return status;
    }
}
