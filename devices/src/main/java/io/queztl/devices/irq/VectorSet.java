package io.queztl.devices.irq;

import java.util.ArrayList;
import java.util.List;

/**
 * 256 bits, one a vector: the form of IRR, ISR and TMR (SDM volume 3, 11.8.4). The owner guards it.
 */
final class VectorSet {
    private static final int WORDS = 8;

    private final int[] words = new int[WORDS];

    void set(int vector) {
        words[vector >>> 5] |= 1 << vector;
    }

    void clear(int vector) {
        words[vector >>> 5] &= ~(1 << vector);
    }

    boolean contains(int vector) {
        return (words[vector >>> 5] >>> vector & 1) != 0;
    }

    /** The highest vector in the set, or -1. */
    int highest() {
        for (int i = WORDS - 1; i >= 0; i--) {
            int w = words[i];
            if (w != 0) {
                return i * 32 + 31 - Integer.numberOfLeadingZeros(w);
            }
        }
        return -1;
    }

    /** One of the eight 32-bit registers the set is read through. */
    int word(int index) {
        return words[index];
    }

    void clear() {
        java.util.Arrays.fill(words, 0);
    }

    List<Integer> state() {
        List<Integer> list = new ArrayList<>(WORDS);
        for (int w : words) {
            list.add(w);
        }
        return List.copyOf(list);
    }

    void restore(List<Integer> state) {
        for (int i = 0; i < WORDS; i++) {
            words[i] = state.get(i);
        }
    }
}
