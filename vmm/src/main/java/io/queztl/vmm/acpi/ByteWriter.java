package io.queztl.vmm.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Bytes being written, little-endian. */
final class ByteWriter {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    ByteWriter u8(long value) {
        out.write((int) value);
        return this;
    }

    ByteWriter u16(long value) {
        return u8(value).u8(value >>> 8);
    }

    ByteWriter u32(long value) {
        return u16(value).u16(value >>> 16);
    }

    ByteWriter u64(long value) {
        return u32(value).u32(value >>> 32);
    }

    /** ASCII without a terminator. */
    ByteWriter ascii(String text) {
        return bytes(text.getBytes(StandardCharsets.US_ASCII));
    }

    ByteWriter bytes(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    ByteWriter zeros(int count) {
        return bytes(new byte[count]);
    }

    byte[] toBytes() {
        return out.toByteArray();
    }
}
