package io.queztl.devices.storage;

import java.util.Map;

/**
 * What is known of an image.
 *
 * @param format of the image
 * @param virtualSize bytes that the guest sees
 * @param fileSize bytes that the file or export has
 * @param details of the format, name to value, in the order to show them
 */
public record ImageInfo(
        ImageFormat format, long virtualSize, long fileSize, Map<String, String> details) {}
