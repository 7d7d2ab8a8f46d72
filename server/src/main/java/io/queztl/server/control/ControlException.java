package io.queztl.server.control;

/** A request to a running VM cannot be done; the message is a sentence for the user. */
public final class ControlException extends Exception {
    private static final long serialVersionUID = 1L;

    /** An error for whoever asked. */
    public ControlException(String message) {
        super(message);
    }

    /** The same with what led to it. */
    public ControlException(String message, Throwable cause) {
        super(message, cause);
    }
}
