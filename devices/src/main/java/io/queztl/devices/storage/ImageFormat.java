package io.queztl.devices.storage;

import java.util.Locale;

/** The formats of images. A format is stated or recorded, never guessed from content. */
public enum ImageFormat {
    /** The disk's bytes and nothing else, in a file or a block device. */
    RAW,
    /** QEMU's copy-on-write format, versions 2 and 3. */
    QCOW2,
    /** A network block device: a URI {@code nbd://} or {@code nbd+unix://}. */
    NBD;

    /** The format of that name, in any case; {@link IllegalArgumentException} if there is none. */
    public static ImageFormat of(String name) {
        for (ImageFormat f : values()) {
            if (f.toString().equalsIgnoreCase(name)) {
                return f;
            }
        }
        throw new IllegalArgumentException(
                "'" + name + "' is no image format; there are raw, qcow2 and nbd");
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
