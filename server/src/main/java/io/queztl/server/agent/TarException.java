package io.queztl.server.agent;

import java.io.IOException;

/** An archive that is not to be unpacked; the message is part of a sentence for the user. */
public final class TarException extends IOException {
    private static final long serialVersionUID = 1L;

    TarException(String message) {
        super(message);
    }
}
