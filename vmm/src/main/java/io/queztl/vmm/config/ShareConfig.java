package io.queztl.vmm.config;

import io.queztl.devices.virtio.fs9p.Virtio9p;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * A folder of the host for the guest, by 9P.
 *
 * @param folder what is shared, with all that is beneath it
 * @param tag what the guest mounts: letters, digits, {@code _}, {@code -} and {@code .}
 * @param writable whether the guest may change it
 */
public record ShareConfig(Path folder, String tag, boolean writable) implements DeviceConfig {
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");

    /** Checks the tag. */
    public ShareConfig {
        if (!TAG.matcher(tag).matches() || tag.length() > Virtio9p.MAX_TAG) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "--share: '%s' is no tag: letters, digits, '_', '-' and '.', at most %d."
                            .formatted(tag, Virtio9p.MAX_TAG));
        }
    }

    /**
     * Reads {@code FOLDER:TAG[:ro|:rw]}.
     *
     * @throws VmException if it is something else
     */
    public static ShareConfig parse(String text) {
        boolean writable = text.endsWith(":rw");
        String rest =
                writable || text.endsWith(":ro") ? text.substring(0, text.length() - 3) : text;
        int colon = rest.lastIndexOf(':');
        if (colon < 1) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "--share takes FOLDER:TAG, FOLDER:TAG:ro or FOLDER:TAG:rw, not '%s'."
                            .formatted(text));
        }
        try {
            return new ShareConfig(
                    Path.of(rest.substring(0, colon)), rest.substring(colon + 1), writable);
        } catch (InvalidPathException e) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "--share: '%s' is no path; name a folder.".formatted(rest),
                    e);
        }
    }
}
