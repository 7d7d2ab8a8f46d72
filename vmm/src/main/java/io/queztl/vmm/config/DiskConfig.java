package io.queztl.vmm.config;

import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.Images;
import java.nio.file.Path;

/**
 * A disk of a VM.
 *
 * @param path the file that holds it
 * @param format how; stated, never guessed from content that a guest can write
 * @param readOnly the guest cannot write it
 * @param serial its serial number for the guest, at most 20 printable ASCII characters
 */
public record DiskConfig(Path path, ImageFormat format, boolean readOnly, String serial) {
    private static final int MAX_SERIAL = 20;

    /** Checks the serial number. */
    public DiskConfig {
        if (!serial.matches("[ -~]{0," + MAX_SERIAL + "}")) {
            throw invalid(
                    "a disk's serial number has at most %d printable ASCII characters, not '%s'."
                            .formatted(MAX_SERIAL, serial));
        }
    }

    /**
     * Reads {@code PATH[,format=raw|qcow2][,ro][,serial=TEXT]}; the format may be left out where it
     * is recorded beside the image.
     *
     * @throws VmException if it is written differently
     */
    public static DiskConfig parse(String text) {
        String[] parts = text.split(",", -1);
        ImageFormat format = null;
        boolean readOnly = false;
        String serial = "";
        for (int i = 1; i < parts.length; i++) {
            String part = parts[i];
            if (part.equals("format=raw")) {
                format = ImageFormat.RAW;
            } else if (part.equals("format=qcow2")) {
                format = ImageFormat.QCOW2;
            } else if (part.equals("ro")) {
                readOnly = true;
            } else if (part.startsWith("serial=")) {
                serial = part.substring("serial=".length());
            } else {
                throw invalid(
                        "--disk takes PATH,format=raw|qcow2[,ro][,serial=TEXT], not '%s'."
                                .formatted(text));
            }
        }
        if (format == null && !parts[0].isEmpty()) {
            format = Images.recorded(Path.of(parts[0]));
        }
        if (parts[0].isEmpty() || format == null) {
            throw invalid(
                    "the format of disk '%s' must be stated: --disk PATH,format=raw."
                            .formatted(parts[0]));
        }
        return new DiskConfig(Path.of(parts[0]), format, readOnly, serial);
    }

    private static VmException invalid(String message) {
        return new VmException(VmException.Code.CONFIGURATION, message);
    }
}
