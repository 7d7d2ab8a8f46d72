package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.linux.FileStatus;
import java.nio.charset.StandardCharsets;

/** An answer while it is put together. Reused for one after another. */
final class NinePReply {
    /** What the longest answer takes that is put together here: a full directory. */
    static final int MAX = 1 << 16;

    private final byte[] bytes = new byte[MAX];
    private int length;
    private int tag;
    private int type;

    /** Begins the answer to a request. */
    void begin(int request, int requestTag) {
        type = request + 1;
        tag = requestTag;
        length = HEADER;
    }

    /** Makes it an error instead. */
    void error(int errno) {
        type = R_ERROR;
        length = HEADER;
        u32(errno);
    }

    /** Bytes so far. */
    int length() {
        return length;
    }

    NinePReply u8(int value) {
        bytes[length++] = (byte) value;
        return this;
    }

    NinePReply u16(int value) {
        return u8(value).u8(value >>> 8);
    }

    NinePReply u32(int value) {
        return u16(value).u16(value >>> 16);
    }

    NinePReply u64(long value) {
        return u32((int) value).u32((int) (value >>> 32));
    }

    NinePReply string(String text) {
        byte[] raw = text.getBytes(StandardCharsets.ISO_8859_1);
        u16(raw.length);
        System.arraycopy(raw, 0, bytes, length, raw.length);
        length += raw.length;
        return this;
    }

    NinePReply qid(int qidType, int version, long path) {
        return u8(qidType).u32(version).u64(path);
    }

    /**
     * The qid of a file.
     *
     * @param home the device of the shared folder: files of others must not have the same qid
     */
    NinePReply qid(FileStatus status, long home) {
        int qidType =
                switch (status.type()) {
                    case FileStatus.DIRECTORY -> QID_DIRECTORY;
                    case FileStatus.SYMBOLIC_LINK -> QID_SYMBOLIC_LINK;
                    default -> 0;
                };
        long version = status.modified() * 1_000_000_000 + status.modifiedNanos() ^ status.size();
        return qid(qidType, (int) version, path(status.inode(), status.device(), home));
    }

    /** The number of a file among those of all devices. */
    static long path(long inode, long device, long home) {
        return inode ^ (device ^ home) * 0x9e37_79b9_7f4a_7c15L;
    }

    /** Overwrites 16 bits. */
    void patch16(int at, int value) {
        bytes[at] = (byte) value;
        bytes[at + 1] = (byte) (value >>> 8);
    }

    /** Overwrites 32 bits. */
    void patch32(int at, int value) {
        for (int i = 0; i < 4; i++) {
            bytes[at + i] = (byte) (value >>> i * 8);
        }
    }

    private void header(int size) {
        patch32(0, size);
        bytes[4] = (byte) type;
        bytes[5] = (byte) tag;
        bytes[6] = (byte) (tag >>> 8);
    }

    /**
     * Writes it where the driver wants it.
     *
     * @return false if there is no room for all of it
     */
    boolean writeTo(DescriptorChain chain) {
        if (chain.writable() < length) {
            return false;
        }
        header(length);
        int ignored = chain.write(bytes, 0, length);
        return true;
    }

    /** Writes the header of an answer whose data is behind it already. */
    void patchInto(DescriptorChain chain, int data) {
        header(length + data);
        for (int i = 0; i < length; i++) {
            boolean ignored = chain.patch(i, bytes[i]);
        }
    }
}
