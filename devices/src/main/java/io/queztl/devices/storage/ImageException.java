package io.queztl.devices.storage;

import java.io.IOException;

/** An image cannot be used as asked; the message is one sentence for the user. */
public final class ImageException extends IOException {
    private static final long serialVersionUID = 1L;

    /** With the sentence for the user. */
    public ImageException(String message) {
        super(message);
    }
}
