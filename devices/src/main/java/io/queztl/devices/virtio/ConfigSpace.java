package io.queztl.devices.virtio;

/**
 * The device-specific configuration space (VirtIO 1.2, section 2.5), little-endian, with the
 * generation that tells a driver whether it has read halves of different states. Any thread.
 */
final class ConfigSpace {
    private final byte[] bytes;
    private int generation;

    /** All zero, of that many bytes. */
    ConfigSpace(int size) {
        bytes = new byte[size];
    }

    int size() {
        return bytes.length;
    }

    synchronized void set(int offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            bytes[offset + i] = (byte) (value >>> i * 8);
        }
    }

    /** A field, zero-extended; what is outside reads as zero. */
    synchronized long get(long offset, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            long at = offset + i;
            if (at >= 0 && at < bytes.length) {
                value |= (bytes[(int) at] & 0xffL) << i * 8;
            }
        }
        return value;
    }

    /** 0 to 255. */
    synchronized int generation() {
        return generation;
    }

    synchronized void generation(int value) {
        generation = value & 0xff;
    }

    /** The space is another one from now on. */
    synchronized void changed() {
        generation = generation + 1 & 0xff;
    }
}
