package io.queztl.vmm.disk;

import java.io.IOException;

/**
 * A disk's content is damaged or of a kind that is not read; the message is a sentence without
 * subject and full stop, such as "its root directory is damaged".
 */
public final class DiskFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    /** With a sentence made by {@link String#format}. */
    public DiskFormatException(String format, Object... arguments) {
        super(format.formatted(arguments));
    }
}
