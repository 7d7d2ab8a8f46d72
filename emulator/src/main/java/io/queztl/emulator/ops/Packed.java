package io.queztl.emulator.ops;

/**
 * Packed integer arithmetic on one quadword of bytes, words or doublewords, mostly without loops:
 * elements are kept apart by treating their top bits on their own. Named after the instructions.
 */
public final class Packed {
    private static final long B = 0x8080_8080_8080_8080L;
    private static final long W = 0x8000_8000_8000_8000L;
    private static final long D = 0x8000_0000_8000_0000L;

    private Packed() {}

    // --- building blocks; "high" has the top bit of each element set
    // --------------------------------

    private static long add(long a, long b, long high) {
        return (a & ~high) + (b & ~high) ^ (a ^ b) & high;
    }

    private static long sub(long a, long b, long high) {
        return (a | high) - (b & ~high) ^ (a ^ ~b) & high;
    }

    /** All ones in each element of {@code width} bits whose top bit is set. */
    private static long fill(long q, long high, int width) {
        long t = q & high;
        return (t << 1) - (t >>> width - 1);
    }

    private static long below(long a, long b, long high, int width) {
        return fill(~a & b | (~a | b) & sub(a, b, high), high, width);
    }

    private static long equal(long a, long b, long high, int width) {
        long x = a ^ b;
        return fill(~((x & ~high) + ~high | x), high, width);
    }

    private static long select(long mask, long a, long b) {
        return a & mask | b & ~mask;
    }

    private static long addSigned(long a, long b, long high, int width) {
        long s = add(a, b, high);
        return saturate(a, s, (a ^ s) & (b ^ s), high, width);
    }

    private static long subSigned(long a, long b, long high, int width) {
        long s = sub(a, b, high);
        return saturate(a, s, (a ^ b) & (a ^ s), high, width);
    }

    /** The most positive or negative number, by the sign of a, where there was overflow. */
    private static long saturate(long a, long s, long overflow, long high, int width) {
        long limit = fill(a, high, width) ^ ~high;
        return select(fill(overflow, high, width), limit, s);
    }

    private static long addUnsigned(long a, long b, long high, int width) {
        long s = add(a, b, high);
        return s | fill(a & b | (a | b) & ~s, high, width);
    }

    private static long subUnsigned(long a, long b, long high, int width) {
        long s = sub(a, b, high);
        return s & ~fill(~a & b | (~a | b) & s, high, width);
    }

    private static long sign(long a, long b, long high, int width) {
        long negative = fill(b, high, width);
        return sub(a ^ negative, negative, high) & ~equal(b, 0, high, width);
    }

    private static long absolute(long a, long high, int width) {
        long negative = fill(a, high, width);
        return sub(a ^ negative, negative, high);
    }

    private static int word(long q, int n) {
        return (short) (q >>> n * 16);
    }

    private static int unsignedWord(long q, int n) {
        return (int) (q >>> n * 16) & 0xffff;
    }

    private static int low(long q) {
        return (int) q;
    }

    private static int high(long q) {
        return (int) (q >> 32);
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }

    private static long words(int w0, int w1, int w2, int w3) {
        return w0 & 0xffffL | (w1 & 0xffffL) << 16 | (w2 & 0xffffL) << 32 | (long) w3 << 48;
    }

    private static int clampWord(int x) {
        return Math.clamp(x, -0x8000, 0x7fff);
    }

    // --- instructions
    // -----------------------------------------------------------------------------

    public static long paddb(long a, long b) {
        return add(a, b, B);
    }

    public static long psubb(long a, long b) {
        return sub(a, b, B);
    }

    public static long pcmpeqb(long a, long b) {
        return equal(a, b, B, 8);
    }

    public static long pcmpgtb(long a, long b) {
        return below(b ^ B, a ^ B, B, 8);
    }

    public static long psignb(long a, long b) {
        return sign(a, b, B, 8);
    }

    public static long pabsb(long a) {
        return absolute(a, B, 8);
    }

    public static long paddsb(long a, long b) {
        return addSigned(a, b, B, 8);
    }

    public static long psubsb(long a, long b) {
        return subSigned(a, b, B, 8);
    }

    public static long paddusb(long a, long b) {
        return addUnsigned(a, b, B, 8);
    }

    public static long psubusb(long a, long b) {
        return subUnsigned(a, b, B, 8);
    }

    public static long pavgb(long a, long b) {
        return (a | b) - (((a ^ b) & ~0x0101_0101_0101_0101L) >>> 1);
    }

    public static long paddw(long a, long b) {
        return add(a, b, W);
    }

    public static long psubw(long a, long b) {
        return sub(a, b, W);
    }

    public static long pcmpeqw(long a, long b) {
        return equal(a, b, W, 16);
    }

    public static long pcmpgtw(long a, long b) {
        return below(b ^ W, a ^ W, W, 16);
    }

    public static long psignw(long a, long b) {
        return sign(a, b, W, 16);
    }

    public static long pabsw(long a) {
        return absolute(a, W, 16);
    }

    public static long paddsw(long a, long b) {
        return addSigned(a, b, W, 16);
    }

    public static long psubsw(long a, long b) {
        return subSigned(a, b, W, 16);
    }

    public static long paddusw(long a, long b) {
        return addUnsigned(a, b, W, 16);
    }

    public static long psubusw(long a, long b) {
        return subUnsigned(a, b, W, 16);
    }

    public static long pavgw(long a, long b) {
        return (a | b) - (((a ^ b) & ~0x0001_0001_0001_0001L) >>> 1);
    }

    public static long paddd(long a, long b) {
        return add(a, b, D);
    }

    public static long psubd(long a, long b) {
        return sub(a, b, D);
    }

    public static long pcmpeqd(long a, long b) {
        return equal(a, b, D, 32);
    }

    public static long pcmpgtd(long a, long b) {
        return below(b ^ D, a ^ D, D, 32);
    }

    public static long psignd(long a, long b) {
        return sign(a, b, D, 32);
    }

    public static long pabsd(long a) {
        return absolute(a, D, 32);
    }

    public static long paddq(long a, long b) {
        return a + b;
    }

    public static long psubq(long a, long b) {
        return a - b;
    }

    public static long pminub(long a, long b) {
        return select(below(a, b, B, 8), a, b);
    }

    public static long pmaxub(long a, long b) {
        return select(below(a, b, B, 8), b, a);
    }

    public static long pminsw(long a, long b) {
        return select(below(a ^ W, b ^ W, W, 16), a, b);
    }

    public static long pmaxsw(long a, long b) {
        return select(below(a ^ W, b ^ W, W, 16), b, a);
    }

    public static long pmullw(long a, long b) {
        return words(
                word(a, 0) * word(b, 0),
                word(a, 1) * word(b, 1),
                word(a, 2) * word(b, 2),
                word(a, 3) * word(b, 3));
    }

    public static long pmulhw(long a, long b) {
        return words(
                word(a, 0) * word(b, 0) >> 16,
                word(a, 1) * word(b, 1) >> 16,
                word(a, 2) * word(b, 2) >> 16,
                word(a, 3) * word(b, 3) >> 16);
    }

    public static long pmulhuw(long a, long b) {
        return words(
                unsignedWord(a, 0) * unsignedWord(b, 0) >>> 16,
                unsignedWord(a, 1) * unsignedWord(b, 1) >>> 16,
                unsignedWord(a, 2) * unsignedWord(b, 2) >>> 16,
                unsignedWord(a, 3) * unsignedWord(b, 3) >>> 16);
    }

    public static long pmulhrsw(long a, long b) {
        return words(
                (word(a, 0) * word(b, 0) >> 14) + 1 >> 1,
                (word(a, 1) * word(b, 1) >> 14) + 1 >> 1,
                (word(a, 2) * word(b, 2) >> 14) + 1 >> 1,
                (word(a, 3) * word(b, 3) >> 14) + 1 >> 1);
    }

    public static long pmaddwd(long a, long b) {
        return pair(
                word(a, 0) * word(b, 0) + word(a, 1) * word(b, 1),
                word(a, 2) * word(b, 2) + word(a, 3) * word(b, 3));
    }

    public static long pmuludq(long a, long b) {
        return (a & 0xffff_ffffL) * (b & 0xffff_ffffL);
    }

    /** Unsigned bytes of a times signed bytes of b, neighbours added. */
    public static long pmaddubsw(long a, long b) {
        return words(
                byteProducts((int) a, (int) b),
                byteProducts((int) (a >>> 16), (int) (b >>> 16)),
                byteProducts((int) (a >>> 32), (int) (b >>> 32)),
                byteProducts((int) (a >>> 48), (int) (b >>> 48)));
    }

    private static int byteProducts(int a, int b) {
        return clampWord((a & 0xff) * (byte) b + (a >>> 8 & 0xff) * (byte) (b >> 8));
    }

    public static long psadbw(long a, long b) {
        long x = pmaxub(a, b) - pminub(a, b);
        long sums = (x & 0x00ff_00ff_00ff_00ffL) + (x >>> 8 & 0x00ff_00ff_00ff_00ffL);
        return sums * 0x0001_0001_0001_0001L >>> 48;
    }

    // --- low half of the result from a, high half from b
    // ---------------------------------------------

    public static long packsswb(long a, long b) {
        return packBytes(a, -128, 127) | packBytes(b, -128, 127) << 32;
    }

    public static long packuswb(long a, long b) {
        return packBytes(a, 0, 255) | packBytes(b, 0, 255) << 32;
    }

    private static long packBytes(long q, int min, int max) {
        return Math.clamp(word(q, 0), min, max) & 0xff
                | (Math.clamp(word(q, 1), min, max) & 0xff) << 8
                | (Math.clamp(word(q, 2), min, max) & 0xff) << 16
                | (Math.clamp(word(q, 3), min, max) & 0xffL) << 24;
    }

    public static long packssdw(long a, long b) {
        return words(clampWord(low(a)), clampWord(high(a)), clampWord(low(b)), clampWord(high(b)));
    }

    public static long phaddw(long a, long b) {
        return words(
                word(a, 0) + word(a, 1),
                word(a, 2) + word(a, 3),
                word(b, 0) + word(b, 1),
                word(b, 2) + word(b, 3));
    }

    public static long phsubw(long a, long b) {
        return words(
                word(a, 0) - word(a, 1),
                word(a, 2) - word(a, 3),
                word(b, 0) - word(b, 1),
                word(b, 2) - word(b, 3));
    }

    public static long phaddsw(long a, long b) {
        return words(
                clampWord(word(a, 0) + word(a, 1)),
                clampWord(word(a, 2) + word(a, 3)),
                clampWord(word(b, 0) + word(b, 1)),
                clampWord(word(b, 2) + word(b, 3)));
    }

    public static long phsubsw(long a, long b) {
        return words(
                clampWord(word(a, 0) - word(a, 1)),
                clampWord(word(a, 2) - word(a, 3)),
                clampWord(word(b, 0) - word(b, 1)),
                clampWord(word(b, 2) - word(b, 3)));
    }

    public static long phaddd(long a, long b) {
        return pair(low(a) + high(a), low(b) + high(b));
    }

    public static long phsubd(long a, long b) {
        return pair(low(a) - high(a), low(b) - high(b));
    }

    // --- shifts by an unsigned 64-bit count
    // -----------------------------------------------------------

    public static long psrlw(long a, long count) {
        return (count & ~15) != 0 ? 0 : a >>> count & (0xffffL >>> count) * 0x0001_0001_0001_0001L;
    }

    public static long psrld(long a, long count) {
        return (count & ~31) != 0
                ? 0
                : a >>> count & (0xffff_ffffL >>> count) * 0x0000_0001_0000_0001L;
    }

    public static long psrlq(long a, long count) {
        return (count & ~63) != 0 ? 0 : a >>> count;
    }

    public static long psllw(long a, long count) {
        return (count & ~15) != 0
                ? 0
                : a << count & (0xffffL << count & 0xffff) * 0x0001_0001_0001_0001L;
    }

    public static long pslld(long a, long count) {
        return (count & ~31) != 0
                ? 0
                : a << count & (0xffff_ffffL << count & 0xffff_ffffL) * 0x0000_0001_0000_0001L;
    }

    public static long psllq(long a, long count) {
        return (count & ~63) != 0 ? 0 : a << count;
    }

    public static long psraw(long a, long count) {
        int n = (count & ~15) != 0 ? 15 : (int) count;
        return words(word(a, 0) >> n, word(a, 1) >> n, word(a, 2) >> n, word(a, 3) >> n);
    }

    public static long psrad(long a, long count) {
        int n = (count & ~31) != 0 ? 31 : (int) count;
        return pair(low(a) >> n, high(a) >> n);
    }
}
