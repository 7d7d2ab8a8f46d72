package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Puts requests together and takes answers apart, for tests. */
final class NinePClient {
    private final ByteBuffer bytes = ByteBuffer.allocate(1 << 17).order(ByteOrder.LITTLE_ENDIAN);

    /** Begins a request. */
    NinePClient begin(int type) {
        bytes.clear().putInt(0).put((byte) type).putShort((short) 7);
        return this;
    }

    NinePClient u8(int value) {
        bytes.put((byte) value);
        return this;
    }

    NinePClient u16(int value) {
        bytes.putShort((short) value);
        return this;
    }

    NinePClient u32(int value) {
        bytes.putInt(value);
        return this;
    }

    NinePClient u64(long value) {
        bytes.putLong(value);
        return this;
    }

    NinePClient text(String value) {
        byte[] raw = value.getBytes(StandardCharsets.ISO_8859_1);
        bytes.putShort((short) raw.length).put(raw);
        return this;
    }

    NinePClient raw(byte[] data) {
        bytes.put(data);
        return this;
    }

    /** The whole request with its size. */
    byte[] end() {
        bytes.putInt(0, bytes.position());
        byte[] message = new byte[bytes.position()];
        bytes.get(0, message);
        return message;
    }

    static byte[] version() {
        return new NinePClient().begin(T_VERSION).u32(1 << 16).text(VERSION).end();
    }
}
