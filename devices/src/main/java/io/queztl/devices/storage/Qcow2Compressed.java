package io.queztl.devices.storage;

import io.airlift.compress.v3.zstd.ZstdInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/** Unpacks an image's compressed clusters and keeps the last one. */
final class Qcow2Compressed {
    private final ImageFile file;
    private final Qcow2Header header;
    private final Qcow2Entries entries;
    private final int clusterSize;
    private long unpackedEntry;
    private byte @Nullable [] unpacked;

    Qcow2Compressed(ImageFile file, Qcow2Header header, Qcow2Entries entries) {
        this.file = file;
        this.header = header;
        this.entries = entries;
        clusterSize = 1 << header.clusterBits();
    }

    /** The place of what is kept may be used for something else now. */
    void forget() {
        unpacked = null;
    }

    /** A cluster's content; not to be changed. */
    byte[] unpack(long entry) throws IOException {
        byte[] last = unpacked;
        if (last != null && unpackedEntry == entry) {
            return last;
        }
        long offset = entries.compressedOffset(entry);
        if (offset >= file.length()) {
            throw Qcow2Header.bad(file.path(), "a compressed cluster is not inside the file");
        }
        byte[] packed = new byte[entries.compressedSize(entry)];
        file.read(offset, MemorySegment.ofArray(packed));
        byte[] data = new byte[clusterSize];
        int got = 0;
        try {
            if (header.zstd()) {
                try (InputStream in = new ZstdInputStream(new ByteArrayInputStream(packed))) {
                    got = in.readNBytes(data, 0, clusterSize);
                }
            } else {
                try (Inflater inflater = new Inflater(true)) {
                    inflater.setInput(packed);
                    int n;
                    do {
                        n = inflater.inflate(data, got, clusterSize - got);
                        got += n;
                    } while (n > 0 && got < clusterSize);
                }
            }
        } catch (DataFormatException | RuntimeException | IOException e) {
            got = -1;
        }
        if (got != clusterSize) {
            throw Qcow2Header.bad(file.path(), "a compressed cluster is damaged");
        }
        unpacked = data;
        unpackedEntry = entry;
        return data;
    }
}
