package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/**
 * Floating-point operations of {@link SseFloat} element by element, in any mode: exceptions of all
 * elements are raised before anything is written.
 */
final class FloatLanes {
    private FloatLanes() {}

    static void scalarDouble(Cpu c, int op, int d, int a, int b) {
        long r = ScalarFloat.apply64(c, op, c.vec[a], c.vec[b]);
        ScalarFloat.raise(c);
        SseFloat.scalar(c.vec, d, a, r);
    }

    static void scalarSingle(Cpu c, int op, int d, int a, int b) {
        int r = ScalarFloat.apply32(c, op, (int) c.vec[a], (int) c.vec[b]);
        ScalarFloat.raise(c);
        SseFloat.single(c.vec, d, a, r);
    }

    static void doubles(Cpu c, int op, int d, int a, int b, boolean wide) {
        long[] v = c.vec;
        long r0 = ScalarFloat.apply64(c, op, v[a], v[b]);
        long r1 = ScalarFloat.apply64(c, op, v[a + 1], v[b + 1]);
        if (wide) {
            long r2 = ScalarFloat.apply64(c, op, v[a + 2], v[b + 2]);
            long r3 = ScalarFloat.apply64(c, op, v[a + 3], v[b + 3]);
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1, r2, r3);
        } else {
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1);
        }
    }

    static void singles(Cpu c, int op, int d, int a, int b, boolean wide) {
        long[] v = c.vec;
        long r0 = pair(c, op, v[a], v[b]);
        long r1 = pair(c, op, v[a + 1], v[b + 1]);
        if (wide) {
            long r2 = pair(c, op, v[a + 2], v[b + 2]);
            long r3 = pair(c, op, v[a + 3], v[b + 3]);
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1, r2, r3);
        } else {
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1);
        }
    }

    private static long pair(Cpu c, int op, long x, long y) {
        int low = ScalarFloat.apply32(c, op, (int) x, (int) y);
        int high = ScalarFloat.apply32(c, op, (int) (x >>> 32), (int) (y >>> 32));
        return low & 0xffff_ffffL | (long) high << 32;
    }
}
