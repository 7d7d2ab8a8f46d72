package io.queztl.emulator.oracle;

/** A small fast random source (SplitMix64), replayable from its seed. */
final class Dice {
    private long state;

    Dice(long seed) {
        state = seed;
    }

    long next() {
        long z = state += 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }

    /** 0 … bound - 1. */
    int below(int bound) {
        return (int) Long.remainderUnsigned(next() >>> 8, bound);
    }

    /** from … to, both included. */
    int between(int from, int to) {
        return from + below(to - from + 1);
    }

    /** True in {@code percent} of all throws. */
    boolean percent(int percent) {
        return below(100) < percent;
    }

    int pick(int... values) {
        return values[below(values.length)];
    }
}
