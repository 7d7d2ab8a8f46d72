package io.queztl.devices.legacy;

import java.util.ArrayList;
import java.util.List;

/** A bounded queue of bytes. Not thread-safe. */
final class ByteQueue {
    private final byte[] ring;
    private int head;
    private int count;

    ByteQueue(int capacity) {
        ring = new byte[capacity];
    }

    int size() {
        return count;
    }

    int room() {
        return ring.length - count;
    }

    void put(int value) {
        ring[(head + count) % ring.length] = (byte) value;
        count++;
    }

    int take() {
        int value = ring[head] & 0xff;
        head = (head + 1) % ring.length;
        count--;
        return value;
    }

    void clear() {
        count = 0;
    }

    List<Integer> state() {
        List<Integer> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            list.add(ring[(head + i) % ring.length] & 0xff);
        }
        return List.copyOf(list);
    }

    void restore(List<Integer> bytes) {
        head = 0;
        count = 0;
        for (int b : bytes) {
            put(b);
        }
    }
}
