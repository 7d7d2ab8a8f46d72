package io.queztl.emulator.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Large arrays of interesting values of one kind, filled once; cases copy pieces from random
 * places, which is much cheaper than drawing each value.
 */
final class ValuePools {
    static final int BYTES = 1 << 18;

    /** Integers of all sizes with many edge cases. */
    final byte[] integers = new byte[BYTES];

    /** binary32 values. */
    final byte[] floats = new byte[BYTES];

    /** binary64 values. */
    final byte[] doubles = new byte[BYTES];

    /** 80-bit values, one in each 16 bytes. */
    final byte[] extended = new byte[BYTES];

    ValuePools(Dice dice) {
        ByteBuffer b = ByteBuffer.wrap(integers).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            b.putLong(integer(dice));
        }
        b = ByteBuffer.wrap(floats).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            b.putInt((int) binary(dice, 8, 23));
        }
        b = ByteBuffer.wrap(doubles).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            b.putLong(binary(dice, 11, 52));
        }
        b = ByteBuffer.wrap(extended).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            long e = binary(dice, 15, 48);
            long significand = significand(dice);
            int exponent = (int) (e >>> 48) & 0x7fff;
            // Mostly proper numbers: integer bit set unless the exponent is 0.
            if (exponent != 0 && !dice.percent(4)) {
                significand |= 1L << 63;
            } else if (exponent == 0 && !dice.percent(20)) {
                significand &= Long.MAX_VALUE;
            }
            b.putLong(significand);
            b.putLong(e >>> 48 & 0xffff);
        }
    }

    static long integer(Dice dice) {
        int size = 8 << dice.below(4);
        long sign = 1L << size - 1;
        return switch (dice.below(12)) {
            case 0 -> dice.between(-2, 2);
            case 1 -> sign + dice.between(-2, 1);
            case 2 -> (sign << 1) + dice.between(-2, 1);
            case 3 -> (1L << dice.below(64)) + dice.between(-1, 1);
            case 4 -> dice.next() >> dice.below(64);
            case 5 -> dice.next() >>> dice.below(64);
            case 6 -> dice.between(-130, 130);
            case 7 -> 0x0101010101010101L * dice.below(256);
            case 8 -> -1L << dice.below(64);
            default -> dice.next();
        };
    }

    private static long significand(Dice dice) {
        return switch (dice.below(8)) {
            case 0 -> 1L << 63;
            case 1 -> -1L << dice.below(64);
            case 2 -> 1L << 63 | 1L << dice.below(64);
            case 3 -> -1L;
            case 4 -> (dice.next() | 1L << 63) & -1L << dice.below(64);
            case 5 -> 3L << 62;
            default -> dice.next();
        };
    }

    /** An IEEE binary number with many edge cases. */
    static long binary(Dice dice, int exponentBits, int fractionBits) {
        long maxExponent = (1L << exponentBits) - 1;
        long bias = maxExponent >> 1;
        long exponent =
                switch (dice.below(16)) {
                    case 0, 1 -> 0;
                    case 2 -> maxExponent;
                    case 3 -> 1 + dice.below(3);
                    case 4 -> maxExponent - 1 - dice.below(3);
                    case 5, 6, 7, 8 -> bias + dice.between(-4, 4);
                    case 9, 10 -> bias + dice.between(0, 70);
                    case 11, 12 -> bias + dice.between(-70, 0);
                    case 13 -> bias + fractionBits + dice.between(-3, 3);
                    default -> Long.remainderUnsigned(dice.next(), maxExponent + 1);
                };
        exponent = Math.min(maxExponent, Math.max(0, exponent));
        long mask = (1L << fractionBits) - 1;
        long fraction =
                mask
                        & switch (dice.below(8)) {
                            case 0, 1 -> 0;
                            case 2 -> 1L << dice.below(fractionBits);
                            case 3 -> -1L << dice.below(fractionBits);
                            case 4 -> -1L;
                            case 5 -> 1;
                            default -> dice.next();
                        };
        long sign = dice.next() >>> 63;
        return sign << exponentBits + fractionBits | exponent << fractionBits | fraction;
    }
}
