package io.queztl.devices.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import org.jspecify.annotations.Nullable;

/** Opens images of every format. */
public final class Images {
    /** The extended attribute, in the namespace {@code user}, that records a format. */
    private static final String ATTRIBUTE = "queztl.format";

    private Images() {}

    /**
     * Opens and locks an image of the stated format; an {@link ImageException} says what is wrong.
     */
    public static DiskImage open(Path path, ImageFormat format, ImageOptions options)
            throws IOException {
        return switch (format) {
            case RAW -> RawImage.open(path, options);
            case QCOW2 -> Qcow2Image.open(path, options, 0);
            case NBD -> throw new ImageException("an nbd export is named by a URI, not a file");
        };
    }

    /** True if a disk's place is the URI of an NBD export, not a file. */
    public static boolean isNbd(String location) {
        return location.startsWith("nbd://") || location.startsWith("nbd+unix://");
    }

    /**
     * Opens an image by file name or, if the format is {@link ImageFormat#NBD}, by URI; like {@link
     * #open(Path, ImageFormat, ImageOptions)}.
     */
    public static DiskImage open(String location, ImageFormat format, ImageOptions options)
            throws IOException {
        return format == ImageFormat.NBD
                ? openNbd(location, options.readOnly())
                : open(Path.of(location), format, options);
    }

    /**
     * The format recorded beside an image, or what the URI says; null if there is none.
     *
     * @see #recorded(Path)
     */
    public static @Nullable ImageFormat recorded(String location) {
        return isNbd(location) ? ImageFormat.NBD : recorded(Path.of(location));
    }

    /**
     * Connects to an export of an NBD server.
     *
     * @param uri {@code nbd://HOST[:PORT]/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH}
     */
    public static DiskImage openNbd(String uri, boolean readOnly) throws IOException {
        return NbdImage.open(uri, readOnly);
    }

    /** Makes an empty raw image of a size in bytes; the file must not exist. */
    public static void createRaw(Path path, long size) throws IOException {
        Files.createFile(path);
        try (DiskImage image = RawImage.open(path, ImageOptions.WRITABLE)) {
            image.resize(size);
        }
    }

    /**
     * Makes an empty qcow2 image; the file must not exist.
     *
     * @param size bytes
     * @param clusterSize bytes, a power of two from 4096 to 2 MiB
     * @param version 2 or 3
     */
    public static void createQcow2(Path path, long size, int clusterSize, int version)
            throws IOException {
        if (Integer.bitCount(clusterSize) != 1 || clusterSize < 4096 || clusterSize > 2 << 20) {
            throw new ImageException("clusters are a power of two from 4096 to 2097152 bytes");
        }
        if (version != 2 && version != 3) {
            throw new ImageException("qcow2 images have version 2 or 3");
        }
        Qcow2Image.create(path, size, Integer.numberOfTrailingZeros(clusterSize), version);
    }

    /**
     * Makes a qcow2 image that reads as another one until it is written; the file must not exist.
     * To open it, {@link ImageOptions#backing} must be set.
     *
     * @param base the other one, a raw or qcow2 image, which must not change any more
     */
    public static void createOverlay(Path path, Path base, ImageFormat baseFormat)
            throws IOException {
        long size;
        try (DiskImage image = open(base, baseFormat, new ImageOptions(true, true))) {
            size = image.size();
        }
        byte[] start = Qcow2Header.overlay(size, 16, base.toAbsolutePath().toString(), baseFormat);
        Files.write(path, start, StandardOpenOption.CREATE_NEW);
    }

    /**
     * Compares a qcow2 image's tables with its refcounts, for {@code image check}.
     *
     * @return errors, then leaked clusters; an image of another format has neither
     */
    public static long[] check(DiskImage image) throws IOException {
        if (image instanceof Qcow2Image q) {
            Qcow2Check.Result result = q.check();
            return new long[] {result.errors(), result.leaks()};
        }
        return new long[2];
    }

    /**
     * Records the format beside the content, where the guest cannot write; false if it cannot be.
     */
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
