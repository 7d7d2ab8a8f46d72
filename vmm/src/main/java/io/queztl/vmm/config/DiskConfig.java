package io.queztl.vmm.config;

import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.Images;

/**
 * A disk of a VM.
 *
 * @param location the file that holds it, or the URI of an NBD export
 * @param format how it is kept; stated, never guessed from content that a guest can write
 * @param readOnly the guest cannot write it
 * @param serial its serial number for the guest, at most 20 printable ASCII characters
 * @param writeThrough each write is durable before the guest hears that it is done, not only after
 *     a flush
 * @param overlay it names another file that it reads as until it is written; only for images that
 *     Queztl has made itself, since such a name may be any
 * @param snapshot what is written is to be forgotten with the VM: whoever builds it puts an overlay
 *     in place of the disk, by {@link #overlaid}
 */
public record DiskConfig(
        String location,
        ImageFormat format,
        boolean readOnly,
        String serial,
        boolean writeThrough,
        boolean overlay,
        boolean snapshot)
        implements DeviceConfig {
    private static final int MAX_SERIAL = 20;

    private static final String SYNTAX =
            "PATH,format=raw|qcow2[,ro][,snapshot][,serial=TEXT][,cache=writeback|writethrough]";

    /** Checks the serial number. */
    public DiskConfig {
        if (!serial.matches("[ -~]{0," + MAX_SERIAL + "}")) {
            throw invalid(
                    "a disk's serial number has at most %d printable ASCII characters, not '%s'."
                            .formatted(MAX_SERIAL, serial));
        }
    }

    /**
     * Reads {@code
     * PATH[,format=raw|qcow2][,ro][,snapshot][,serial=TEXT][,cache=writeback|writethrough]}; the
     * format may be left out where it is recorded beside the image. In place of a path may be an
     * NBD URI.
     *
     * @throws VmException if it is written differently
     */
    public static DiskConfig parse(String text) {
        String[] parts = text.split(",", -1);
        ImageFormat format = null;
        boolean readOnly = false;
        String serial = "";
        boolean writeThrough = false;
        boolean snapshot = false;
        for (int i = 1; i < parts.length; i++) {
            String part = parts[i];
            if (part.equals("format=raw")) {
                format = ImageFormat.RAW;
            } else if (part.equals("format=qcow2")) {
                format = ImageFormat.QCOW2;
            } else if (part.equals("format=nbd")) {
                format = ImageFormat.NBD;
            } else if (part.equals("ro")) {
                readOnly = true;
            } else if (part.equals("snapshot")) {
                snapshot = true;
            } else if (part.startsWith("serial=")) {
                serial = part.substring("serial=".length());
            } else if (part.equals("cache=writeback")) {
                writeThrough = false;
            } else if (part.equals("cache=writethrough")) {
                writeThrough = true;
            } else {
                throw invalid("--disk takes %s, not '%s'.".formatted(SYNTAX, text));
            }
        }
        if (format == null && !parts[0].isEmpty()) {
            format = Images.recorded(parts[0]);
        }
        if (parts[0].isEmpty() || format == null) {
            throw invalid(
                    "the format of disk '%s' must be stated: --disk PATH,format=raw."
                            .formatted(parts[0]));
        }
        if (Images.isNbd(parts[0]) != (format == ImageFormat.NBD)) {
            throw invalid(
                    "disk '%s': the format nbd goes with a URI nbd:// or nbd+unix://, and only it."
                            .formatted(parts[0]));
        }
        return new DiskConfig(parts[0], format, readOnly, serial, writeThrough, false, snapshot);
    }

    /** The same disk as an image that Queztl has made over it. */
    public DiskConfig overlaid(String file) {
        return new DiskConfig(file, ImageFormat.QCOW2, readOnly, serial, writeThrough, true, false);
    }

    private static VmException invalid(String message) {
        return new VmException(VmException.Code.CONFIGURATION, message);
    }
}
