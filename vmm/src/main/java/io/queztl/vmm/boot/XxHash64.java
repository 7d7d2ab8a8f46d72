package io.queztl.vmm.boot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The XXH64 hash with seed 0 (xxHash fast digest algorithm), which Zstandard frames end in. */
final class XxHash64 {
    private static final long PRIME1 = 0x9e3779b185ebca87L;
    private static final long PRIME2 = 0xc2b2ae3d27d4eb4fL;
    private static final long PRIME3 = 0x165667b19e3779f9L;
    private static final long PRIME4 = 0x85ebca77c2b2ae63L;
    private static final long PRIME5 = 0x27d4eb2f165667c5L;
    private static final long PRIME1_PLUS_PRIME2 = 0x60ea27eeadc0b5d6L;
    private static final int STRIPE = 32;

    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private long lane1;
    private long lane2;
    private long lane3;
    private long lane4;
    private long total;
    private final byte[] rest = new byte[STRIPE];
    private int restBytes;

    XxHash64() {
        reset();
    }

    /** Starts a new hash. */
    void reset() {
        lane1 = PRIME1_PLUS_PRIME2;
        lane2 = PRIME2;
        lane3 = 0;
        lane4 = -PRIME1;
        total = 0;
        restBytes = 0;
    }

    /** Adds bytes. */
    void update(byte[] data, int start, int bytes) {
        int at = start;
        int end = start + bytes;
        total += bytes;
        if (restBytes > 0) {
            int n = Math.min(STRIPE - restBytes, bytes);
            System.arraycopy(data, at, rest, restBytes, n);
            restBytes += n;
            at += n;
            if (restBytes < STRIPE) {
                return;
            }
            stripe(rest, 0);
            restBytes = 0;
        }
        for (; end - at >= STRIPE; at += STRIPE) {
            stripe(data, at);
        }
        restBytes = end - at;
        System.arraycopy(data, at, rest, 0, restBytes);
    }

    private void stripe(byte[] data, int at) {
        lane1 = round(lane1, (long) LONG.get(data, at));
        lane2 = round(lane2, (long) LONG.get(data, at + 8));
        lane3 = round(lane3, (long) LONG.get(data, at + 16));
        lane4 = round(lane4, (long) LONG.get(data, at + 24));
    }

    private static long round(long lane, long input) {
        return Long.rotateLeft(lane + input * PRIME2, 31) * PRIME1;
    }

    private static long merge(long hash, long lane) {
        return (hash ^ round(0, lane)) * PRIME1 + PRIME4;
    }

    /** The hash of what was added since the last reset. */
    long digest() {
        long h;
        if (total >= STRIPE) {
            h =
                    Long.rotateLeft(lane1, 1)
                            + Long.rotateLeft(lane2, 7)
                            + Long.rotateLeft(lane3, 12)
                            + Long.rotateLeft(lane4, 18);
            h = merge(h, lane1);
            h = merge(h, lane2);
            h = merge(h, lane3);
            h = merge(h, lane4);
        } else {
            h = PRIME5;
        }
        h += total;
        int at = 0;
        for (; restBytes - at >= 8; at += 8) {
            h = Long.rotateLeft(h ^ round(0, (long) LONG.get(rest, at)), 27) * PRIME1 + PRIME4;
        }
        if (restBytes - at >= 4) {
            h ^= ((int) INT.get(rest, at) & 0xffff_ffffL) * PRIME1;
            h = Long.rotateLeft(h, 23) * PRIME2 + PRIME3;
            at += 4;
        }
        for (; at < restBytes; at++) {
            h = Long.rotateLeft(h ^ (rest[at] & 0xff) * PRIME5, 11) * PRIME1;
        }
        h ^= h >>> 33;
        h *= PRIME2;
        h ^= h >>> 29;
        h *= PRIME3;
        return h ^ h >>> 32;
    }
}
