package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import java.nio.charset.StandardCharsets;

/** The fields of a request, one after another, none beyond the size that the request says. */
final class NinePRequest {
    private final DescriptorChain chain;
    private long left;

    NinePRequest(DescriptorChain chain) {
        this.chain = chain;
    }

    /**
     * Begins with the field of the size.
     *
     * @return what it says
     */
    long begin() {
        left = chain.readable();
        long size = Integer.toUnsignedLong(u32());
        if (size < HEADER || size > chain.readable() + 4) {
            throw new NinePException(EPROTO);
        }
        left = size - 4;
        return size;
    }

    /** Bytes that were not looked at yet. */
    long left() {
        return left;
    }

    private void take(int bytes) {
        if (left < bytes) {
            throw new NinePException(EPROTO);
        }
        left -= bytes;
    }

    int u8() {
        take(1);
        return chain.read8();
    }

    int u16() {
        take(2);
        return chain.read16();
    }

    int u32() {
        take(4);
        return chain.read32();
    }

    long u64() {
        take(8);
        return chain.read64();
    }

    /** A string, a byte in each character. */
    String string() {
        int length = u16();
        take(length);
        byte[] bytes = new byte[length];
        int ignored = chain.read(bytes, 0, length);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** What can be the name of a file in a directory. */
    String name() {
        String name = string();
        if (name.isEmpty()
                || name.equals(".")
                || name.equals("..")
                || name.indexOf('/') >= 0
                || name.indexOf('\0') >= 0) {
            throw new NinePException(EINVAL);
        }
        return name;
    }
}
