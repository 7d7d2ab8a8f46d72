package io.queztl.devices.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import org.jspecify.annotations.Nullable;

/** Opens images of every format. */
public final class Images {
    /** The extended attribute, in the namespace {@code user}, that records a format. */
    private static final String ATTRIBUTE = "queztl.format";

    private Images() {}

    /** Opens and locks an image of the stated format; an {@link ImageException} says what is wrong. */
    public static DiskImage open(Path path, ImageFormat format, ImageOptions options)
            throws IOException {
        return switch (format) {
            case RAW -> RawImage.open(path, options);
            case QCOW2 -> throw new ImageException("qcow2 is not there yet");
            case NBD -> throw new ImageException("nbd images are not supported yet");
        };
    }

    /** Records the format beside the content, where the guest cannot write; false if it cannot be. */
    public static boolean record(Path path, ImageFormat format) {
        try {
            UserDefinedFileAttributeView view =
                    Files.getFileAttributeView(path, UserDefinedFileAttributeView.class);
            if (view == null) {
                return false;
            }
            view.write(ATTRIBUTE, StandardCharsets.UTF_8.encode(format.toString()));
            return true;
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    /** The recorded format, null if none is. */
    public static @Nullable ImageFormat recorded(Path path) {
        try {
            UserDefinedFileAttributeView view =
                    Files.getFileAttributeView(path, UserDefinedFileAttributeView.class);
            if (view == null || !view.list().contains(ATTRIBUTE)) {
                return null;
            }
            ByteBuffer value = ByteBuffer.allocate(16);
            view.read(ATTRIBUTE, value);
            return ImageFormat.of(StandardCharsets.UTF_8.decode(value.flip()).toString());
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return null;
        }
    }
}
