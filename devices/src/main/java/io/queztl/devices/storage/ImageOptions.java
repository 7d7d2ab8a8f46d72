package io.queztl.devices.storage;

/**
 * How to open an image.
 *
 * @param readOnly whether writes are refused; readers share an image, a writer has it alone
 * @param backing whether a backing file that a qcow2 names is followed; it can name any file of the
 *     host, so only for images that are trusted
 */
public record ImageOptions(boolean readOnly, boolean backing) {
    /** To read and write, without backing file. */
    public static final ImageOptions WRITABLE = new ImageOptions(false, false);

    /** To read only, without backing file. */
    public static final ImageOptions READ_ONLY = new ImageOptions(true, false);
}
