package io.queztl.server.image;

import io.airlift.compress.v3.zstd.ZstdInputStream;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.TarReader;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.zip.GZIPInputStream;

/**
 * A layer of an image: a tar archive, compressed as its media type says (OCI image specification,
 * "Layer Filesystem Changeset").
 */
final class LayerFile {
    /** The most bytes that a layer may unpack to: against archives that are all zeroes. */
    private static final long MAX_BYTES = 32L << 30;

    private LayerFile() {}

    /** Whether a media type is one that can be applied. */
    static boolean isKnown(String mediaType) {
        return mediaType.equals("application/vnd.docker.image.rootfs.diff.tar.gzip")
                || mediaType.equals("application/vnd.docker.image.rootfs.diff.tar")
                || mediaType.matches(
                        "application/vnd\\.oci\\.image\\.layer\\.v1\\.tar(\\+gzip|\\+zstd)?");
    }

    /**
     * Adds a layer's files to a tree.
     *
     * @param digest what the unpacked archive must have
     * @throws IOException if it is damaged or hostile
     */
    static void apply(Path file, String mediaType, String digest, FileTree tree)
            throws IOException {
        MessageDigest sum = Digest.start();
        tree.nextLayer();
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
                InputStream plain = new BufferedInputStream(unpacked(raw, mediaType), 1 << 16);
                InputStream in = new DigestInputStream(new Limited(plain), sum)) {
            TarReader.read(in, tree);
            in.transferTo(java.io.OutputStream.nullOutputStream());
        } catch (java.util.zip.ZipException | java.io.EOFException e) {
            throw new IOException("its compressed data is damaged", e);
        } catch (io.airlift.compress.v3.MalformedInputException e) {
            throw new IOException("its compressed data is damaged", e);
        }
        if (!Digest.end(sum).equals(digest)) {
            throw new IOException("it unpacks to something with another digest than it should");
        }
    }

    private static InputStream unpacked(InputStream in, String mediaType) throws IOException {
        if (mediaType.endsWith("gzip")) {
            return new GZIPInputStream(in, 1 << 16);
        }
        return mediaType.endsWith("+zstd") ? new ZstdInputStream(in) : in;
    }

    /** Ends with an error where a bomb would go on. */
    private static final class Limited extends FilterInputStream {
        private long left = MAX_BYTES;

        Limited(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            count(b < 0 ? 0 : 1);
            return b;
        }

        @Override
        public int read(byte[] bytes, int start, int length) throws IOException {
            int n = super.read(bytes, start, length);
            count(n);
            return n;
        }

        @Override
        public long skip(long n) throws IOException {
            long skipped = super.skip(n);
            count(skipped);
            return skipped;
        }

        private void count(long n) throws IOException {
            left -= Math.max(n, 0);
            if (left < 0) {
                throw new IOException(
                        "it unpacks to more than the %d GiB that are allowed"
                                .formatted(MAX_BYTES >> 30));
            }
        }
    }
}
