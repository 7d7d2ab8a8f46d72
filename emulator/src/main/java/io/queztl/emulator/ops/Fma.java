package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;

/**
 * Fused multiply-add, FMA3 (SDM volume 1, 14.5): {@link Math#fma}, which is one host instruction,
 * if the case is the usual one ({@link ScalarFloat#usual}). The digits of a mnemonic say which
 * operands, destination first, are multiplied and which is added.
 */
public final class Fma {
    /** Bit 0 negates the product, bit 1 the addend. */
    private static final int MADD = 0, NMADD = 1, MSUB = 2, NMSUB = 3;

    private Fma() {}

    private static long signs(int bit) {
        return bit != 0 ? Long.MIN_VALUE : 0;
    }

    private static long fma(long x, long y, long z, int signs) {
        return Double.doubleToRawLongBits(
                Math.fma(
                        Double.longBitsToDouble(x ^ signs(signs & 1)),
                        Double.longBitsToDouble(y),
                        Double.longBitsToDouble(z ^ signs(signs & 2))));
    }

    private static int fma(int x, int y, int z, int signs) {
        return Float.floatToRawIntBits(
                Math.fma(
                        Float.intBitsToFloat(x ^ (int) (signs(signs & 1) >> 32)),
                        Float.intBitsToFloat(y),
                        Float.intBitsToFloat(z ^ (int) (signs(signs & 2) >> 32))));
    }

    private static long fmaPair(long x, long y, long z, int even, int odd) {
        return fma((int) x, (int) y, (int) z, even) & 0xffff_ffffL
                | (long) fma((int) (x >>> 32), (int) (y >>> 32), (int) (z >>> 32), odd) << 32;
    }

    private static long unusual(long x, long y, long z, long r) {
        return ScalarFloat.unusual(x, y, r) | ScalarFloat.denormal(z);
    }

    private static long unusualPairs(long x, long y, long z, long r) {
        return ScalarFloat.unusualPairs(x, y, r) | ScalarFloat.denormals(z);
    }

    private static void sd(Cpu c, int d, int x, int y, int z, int signs) {
        long[] v = c.vec;
        long r = fma(v[x], v[y], v[z], signs);
        if (!ScalarFloat.usual(c, unusual(v[x], v[y], v[z], r))) {
            r = ScalarFloat.fma64(c, v[x], v[y], v[z], signs);
            ScalarFloat.raise(c);
        }
        v[d] = r;
    }

    private static void ss(Cpu c, int d, int x, int y, int z, int signs) {
        long[] v = c.vec;
        int r = fma((int) v[x], (int) v[y], (int) v[z], signs);
        long unusual =
                ScalarFloat.unusual((int) v[x], (int) v[y], r) | ScalarFloat.denormal((int) v[z]);
        if (!ScalarFloat.usual(c, unusual)) {
            r = ScalarFloat.fma32(c, (int) v[x], (int) v[y], (int) v[z], signs);
            ScalarFloat.raise(c);
        }
        v[d] = v[d] & 0xffff_ffff_0000_0000L | r & 0xffff_ffffL;
    }

    private static void pd(Cpu c, int d, int x, int y, int z, int even, int odd) {
        long[] v = c.vec;
        long r0 = fma(v[x], v[y], v[z], even);
        long r1 = fma(v[x + 1], v[y + 1], v[z + 1], odd);
        long unusual = unusual(v[x], v[y], v[z], r0) | unusual(v[x + 1], v[y + 1], v[z + 1], r1);
        if (ScalarFloat.usual(c, unusual)) {
            SseFloat.write(v, d, r0, r1);
        } else {
            doubles(c, d, x, y, z, even, odd, false);
        }
    }

    private static void ps(Cpu c, int d, int x, int y, int z, int even, int odd) {
        long[] v = c.vec;
        long r0 = fmaPair(v[x], v[y], v[z], even, odd);
        long r1 = fmaPair(v[x + 1], v[y + 1], v[z + 1], even, odd);
        long unusual =
                unusualPairs(v[x], v[y], v[z], r0) | unusualPairs(v[x + 1], v[y + 1], v[z + 1], r1);
        if (ScalarFloat.usualPairs(c, unusual)) {
            SseFloat.write(v, d, r0, r1);
        } else {
            singles(c, d, x, y, z, even, odd, false);
        }
    }

    private static void pdWide(Cpu c, int d, int x, int y, int z, int even, int odd) {
        long[] v = c.vec;
        long r0 = fma(v[x], v[y], v[z], even);
        long r1 = fma(v[x + 1], v[y + 1], v[z + 1], odd);
        long r2 = fma(v[x + 2], v[y + 2], v[z + 2], even);
        long r3 = fma(v[x + 3], v[y + 3], v[z + 3], odd);
        long unusual =
                unusual(v[x], v[y], v[z], r0)
                        | unusual(v[x + 1], v[y + 1], v[z + 1], r1)
                        | unusual(v[x + 2], v[y + 2], v[z + 2], r2)
                        | unusual(v[x + 3], v[y + 3], v[z + 3], r3);
        if (ScalarFloat.usual(c, unusual)) {
            SseFloat.write(v, d, r0, r1, r2, r3);
        } else {
            doubles(c, d, x, y, z, even, odd, true);
        }
    }

    private static void psWide(Cpu c, int d, int x, int y, int z, int even, int odd) {
        long[] v = c.vec;
        long r0 = fmaPair(v[x], v[y], v[z], even, odd);
        long r1 = fmaPair(v[x + 1], v[y + 1], v[z + 1], even, odd);
        long r2 = fmaPair(v[x + 2], v[y + 2], v[z + 2], even, odd);
        long r3 = fmaPair(v[x + 3], v[y + 3], v[z + 3], even, odd);
        long unusual =
                unusualPairs(v[x], v[y], v[z], r0)
                        | unusualPairs(v[x + 1], v[y + 1], v[z + 1], r1)
                        | unusualPairs(v[x + 2], v[y + 2], v[z + 2], r2)
                        | unusualPairs(v[x + 3], v[y + 3], v[z + 3], r3);
        if (ScalarFloat.usualPairs(c, unusual)) {
            SseFloat.write(v, d, r0, r1, r2, r3);
        } else {
            singles(c, d, x, y, z, even, odd, true);
        }
    }

    private static void doubles(
            Cpu c, int d, int x, int y, int z, int even, int odd, boolean wide) {
        long[] v = c.vec;
        long r0 = ScalarFloat.fma64(c, v[x], v[y], v[z], even);
        long r1 = ScalarFloat.fma64(c, v[x + 1], v[y + 1], v[z + 1], odd);
        if (wide) {
            long r2 = ScalarFloat.fma64(c, v[x + 2], v[y + 2], v[z + 2], even);
            long r3 = ScalarFloat.fma64(c, v[x + 3], v[y + 3], v[z + 3], odd);
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1, r2, r3);
        } else {
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1);
        }
    }

    private static void singles(
            Cpu c, int d, int x, int y, int z, int even, int odd, boolean wide) {
        long[] v = c.vec;
        long r0 = pair(c, v[x], v[y], v[z], even, odd);
        long r1 = pair(c, v[x + 1], v[y + 1], v[z + 1], even, odd);
        if (wide) {
            long r2 = pair(c, v[x + 2], v[y + 2], v[z + 2], even, odd);
            long r3 = pair(c, v[x + 3], v[y + 3], v[z + 3], even, odd);
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1, r2, r3);
        } else {
            ScalarFloat.raise(c);
            SseFloat.write(v, d, r0, r1);
        }
    }

    private static long pair(Cpu c, long x, long y, long z, int even, int odd) {
        int low = ScalarFloat.fma32(c, (int) x, (int) y, (int) z, even);
        int high = ScalarFloat.fma32(c, (int) (x >>> 32), (int) (y >>> 32), (int) (z >>> 32), odd);
        return low & 0xffff_ffffL | (long) high << 32;
    }

    // --- 132
    // ------------------------------------------------------------------------------------------

    /** VFMADDSUB132PS. */
    public static void fmaddsub132ps(Cpu c, int d, int a, int b) {
        ps(c, d, d, b, a, MSUB, MADD);
    }

    /** VFMADDSUB132PS of 256 bits. */
    public static void fmaddsub132psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, d, b, a, MSUB, MADD);
    }

    /** VFMADDSUB132PD. */
    public static void fmaddsub132pd(Cpu c, int d, int a, int b) {
        pd(c, d, d, b, a, MSUB, MADD);
    }

    /** VFMADDSUB132PD of 256 bits. */
    public static void fmaddsub132pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, d, b, a, MSUB, MADD);
    }

    /** VFMSUBADD132PS. */
    public static void fmsubadd132ps(Cpu c, int d, int a, int b) {
        ps(c, d, d, b, a, MADD, MSUB);
    }

    /** VFMSUBADD132PS of 256 bits. */
    public static void fmsubadd132psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, d, b, a, MADD, MSUB);
    }

    /** VFMSUBADD132PD. */
    public static void fmsubadd132pd(Cpu c, int d, int a, int b) {
        pd(c, d, d, b, a, MADD, MSUB);
    }

    /** VFMSUBADD132PD of 256 bits. */
    public static void fmsubadd132pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, d, b, a, MADD, MSUB);
    }

    /** VFMADD132PS. */
    public static void fmadd132ps(Cpu c, int d, int a, int b) {
        ps(c, d, d, b, a, MADD, MADD);
    }

    /** VFMADD132PS of 256 bits. */
    public static void fmadd132psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, d, b, a, MADD, MADD);
    }

    /** VFMADD132PD. */
    public static void fmadd132pd(Cpu c, int d, int a, int b) {
        pd(c, d, d, b, a, MADD, MADD);
    }

    /** VFMADD132PD of 256 bits. */
    public static void fmadd132pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, d, b, a, MADD, MADD);
    }

    /** VFMADD132SS. */
    public static void fmadd132ss(Cpu c, int d, int a, int b) {
        ss(c, d, d, b, a, MADD);
    }

    /** VFMADD132SD. */
    public static void fmadd132sd(Cpu c, int d, int a, int b) {
        sd(c, d, d, b, a, MADD);
    }

    /** VFMSUB132PS. */
    public static void fmsub132ps(Cpu c, int d, int a, int b) {
        ps(c, d, d, b, a, MSUB, MSUB);
    }

    /** VFMSUB132PS of 256 bits. */
    public static void fmsub132psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, d, b, a, MSUB, MSUB);
    }

    /** VFMSUB132PD. */
    public static void fmsub132pd(Cpu c, int d, int a, int b) {
        pd(c, d, d, b, a, MSUB, MSUB);
    }

    /** VFMSUB132PD of 256 bits. */
    public static void fmsub132pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, d, b, a, MSUB, MSUB);
    }

    /** VFMSUB132SS. */
    public static void fmsub132ss(Cpu c, int d, int a, int b) {
        ss(c, d, d, b, a, MSUB);
    }

    /** VFMSUB132SD. */
    public static void fmsub132sd(Cpu c, int d, int a, int b) {
        sd(c, d, d, b, a, MSUB);
    }

    /** VFNMADD132PS. */
    public static void fnmadd132ps(Cpu c, int d, int a, int b) {
        ps(c, d, d, b, a, NMADD, NMADD);
    }

    /** VFNMADD132PS of 256 bits. */
    public static void fnmadd132psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, d, b, a, NMADD, NMADD);
    }

    /** VFNMADD132PD. */
    public static void fnmadd132pd(Cpu c, int d, int a, int b) {
        pd(c, d, d, b, a, NMADD, NMADD);
    }

    /** VFNMADD132PD of 256 bits. */
    public static void fnmadd132pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, d, b, a, NMADD, NMADD);
    }

    /** VFNMADD132SS. */
    public static void fnmadd132ss(Cpu c, int d, int a, int b) {
        ss(c, d, d, b, a, NMADD);
    }

    /** VFNMADD132SD. */
    public static void fnmadd132sd(Cpu c, int d, int a, int b) {
        sd(c, d, d, b, a, NMADD);
    }

    /** VFNMSUB132PS. */
    public static void fnmsub132ps(Cpu c, int d, int a, int b) {
        ps(c, d, d, b, a, NMSUB, NMSUB);
    }

    /** VFNMSUB132PS of 256 bits. */
    public static void fnmsub132psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, d, b, a, NMSUB, NMSUB);
    }

    /** VFNMSUB132PD. */
    public static void fnmsub132pd(Cpu c, int d, int a, int b) {
        pd(c, d, d, b, a, NMSUB, NMSUB);
    }

    /** VFNMSUB132PD of 256 bits. */
    public static void fnmsub132pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, d, b, a, NMSUB, NMSUB);
    }

    /** VFNMSUB132SS. */
    public static void fnmsub132ss(Cpu c, int d, int a, int b) {
        ss(c, d, d, b, a, NMSUB);
    }

    /** VFNMSUB132SD. */
    public static void fnmsub132sd(Cpu c, int d, int a, int b) {
        sd(c, d, d, b, a, NMSUB);
    }

    // --- 213
    // ------------------------------------------------------------------------------------------

    /** VFMADDSUB213PS. */
    public static void fmaddsub213ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, d, b, MSUB, MADD);
    }

    /** VFMADDSUB213PS of 256 bits. */
    public static void fmaddsub213psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, d, b, MSUB, MADD);
    }

    /** VFMADDSUB213PD. */
    public static void fmaddsub213pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, d, b, MSUB, MADD);
    }

    /** VFMADDSUB213PD of 256 bits. */
    public static void fmaddsub213pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, d, b, MSUB, MADD);
    }

    /** VFMSUBADD213PS. */
    public static void fmsubadd213ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, d, b, MADD, MSUB);
    }

    /** VFMSUBADD213PS of 256 bits. */
    public static void fmsubadd213psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, d, b, MADD, MSUB);
    }

    /** VFMSUBADD213PD. */
    public static void fmsubadd213pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, d, b, MADD, MSUB);
    }

    /** VFMSUBADD213PD of 256 bits. */
    public static void fmsubadd213pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, d, b, MADD, MSUB);
    }

    /** VFMADD213PS. */
    public static void fmadd213ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, d, b, MADD, MADD);
    }

    /** VFMADD213PS of 256 bits. */
    public static void fmadd213psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, d, b, MADD, MADD);
    }

    /** VFMADD213PD. */
    public static void fmadd213pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, d, b, MADD, MADD);
    }

    /** VFMADD213PD of 256 bits. */
    public static void fmadd213pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, d, b, MADD, MADD);
    }

    /** VFMADD213SS. */
    public static void fmadd213ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, d, b, MADD);
    }

    /** VFMADD213SD. */
    public static void fmadd213sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, d, b, MADD);
    }

    /** VFMSUB213PS. */
    public static void fmsub213ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, d, b, MSUB, MSUB);
    }

    /** VFMSUB213PS of 256 bits. */
    public static void fmsub213psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, d, b, MSUB, MSUB);
    }

    /** VFMSUB213PD. */
    public static void fmsub213pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, d, b, MSUB, MSUB);
    }

    /** VFMSUB213PD of 256 bits. */
    public static void fmsub213pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, d, b, MSUB, MSUB);
    }

    /** VFMSUB213SS. */
    public static void fmsub213ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, d, b, MSUB);
    }

    /** VFMSUB213SD. */
    public static void fmsub213sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, d, b, MSUB);
    }

    /** VFNMADD213PS. */
    public static void fnmadd213ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, d, b, NMADD, NMADD);
    }

    /** VFNMADD213PS of 256 bits. */
    public static void fnmadd213psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, d, b, NMADD, NMADD);
    }

    /** VFNMADD213PD. */
    public static void fnmadd213pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, d, b, NMADD, NMADD);
    }

    /** VFNMADD213PD of 256 bits. */
    public static void fnmadd213pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, d, b, NMADD, NMADD);
    }

    /** VFNMADD213SS. */
    public static void fnmadd213ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, d, b, NMADD);
    }

    /** VFNMADD213SD. */
    public static void fnmadd213sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, d, b, NMADD);
    }

    /** VFNMSUB213PS. */
    public static void fnmsub213ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, d, b, NMSUB, NMSUB);
    }

    /** VFNMSUB213PS of 256 bits. */
    public static void fnmsub213psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, d, b, NMSUB, NMSUB);
    }

    /** VFNMSUB213PD. */
    public static void fnmsub213pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, d, b, NMSUB, NMSUB);
    }

    /** VFNMSUB213PD of 256 bits. */
    public static void fnmsub213pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, d, b, NMSUB, NMSUB);
    }

    /** VFNMSUB213SS. */
    public static void fnmsub213ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, d, b, NMSUB);
    }

    /** VFNMSUB213SD. */
    public static void fnmsub213sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, d, b, NMSUB);
    }

    // --- 231
    // ------------------------------------------------------------------------------------------

    /** VFMADDSUB231PS. */
    public static void fmaddsub231ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, b, d, MSUB, MADD);
    }

    /** VFMADDSUB231PS of 256 bits. */
    public static void fmaddsub231psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, b, d, MSUB, MADD);
    }

    /** VFMADDSUB231PD. */
    public static void fmaddsub231pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, b, d, MSUB, MADD);
    }

    /** VFMADDSUB231PD of 256 bits. */
    public static void fmaddsub231pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, b, d, MSUB, MADD);
    }

    /** VFMSUBADD231PS. */
    public static void fmsubadd231ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, b, d, MADD, MSUB);
    }

    /** VFMSUBADD231PS of 256 bits. */
    public static void fmsubadd231psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, b, d, MADD, MSUB);
    }

    /** VFMSUBADD231PD. */
    public static void fmsubadd231pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, b, d, MADD, MSUB);
    }

    /** VFMSUBADD231PD of 256 bits. */
    public static void fmsubadd231pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, b, d, MADD, MSUB);
    }

    /** VFMADD231PS. */
    public static void fmadd231ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, b, d, MADD, MADD);
    }

    /** VFMADD231PS of 256 bits. */
    public static void fmadd231psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, b, d, MADD, MADD);
    }

    /** VFMADD231PD. */
    public static void fmadd231pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, b, d, MADD, MADD);
    }

    /** VFMADD231PD of 256 bits. */
    public static void fmadd231pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, b, d, MADD, MADD);
    }

    /** VFMADD231SS. */
    public static void fmadd231ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, b, d, MADD);
    }

    /** VFMADD231SD. */
    public static void fmadd231sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, b, d, MADD);
    }

    /** VFMSUB231PS. */
    public static void fmsub231ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, b, d, MSUB, MSUB);
    }

    /** VFMSUB231PS of 256 bits. */
    public static void fmsub231psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, b, d, MSUB, MSUB);
    }

    /** VFMSUB231PD. */
    public static void fmsub231pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, b, d, MSUB, MSUB);
    }

    /** VFMSUB231PD of 256 bits. */
    public static void fmsub231pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, b, d, MSUB, MSUB);
    }

    /** VFMSUB231SS. */
    public static void fmsub231ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, b, d, MSUB);
    }

    /** VFMSUB231SD. */
    public static void fmsub231sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, b, d, MSUB);
    }

    /** VFNMADD231PS. */
    public static void fnmadd231ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, b, d, NMADD, NMADD);
    }

    /** VFNMADD231PS of 256 bits. */
    public static void fnmadd231psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, b, d, NMADD, NMADD);
    }

    /** VFNMADD231PD. */
    public static void fnmadd231pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, b, d, NMADD, NMADD);
    }

    /** VFNMADD231PD of 256 bits. */
    public static void fnmadd231pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, b, d, NMADD, NMADD);
    }

    /** VFNMADD231SS. */
    public static void fnmadd231ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, b, d, NMADD);
    }

    /** VFNMADD231SD. */
    public static void fnmadd231sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, b, d, NMADD);
    }

    /** VFNMSUB231PS. */
    public static void fnmsub231ps(Cpu c, int d, int a, int b) {
        ps(c, d, a, b, d, NMSUB, NMSUB);
    }

    /** VFNMSUB231PS of 256 bits. */
    public static void fnmsub231psWide(Cpu c, int d, int a, int b) {
        psWide(c, d, a, b, d, NMSUB, NMSUB);
    }

    /** VFNMSUB231PD. */
    public static void fnmsub231pd(Cpu c, int d, int a, int b) {
        pd(c, d, a, b, d, NMSUB, NMSUB);
    }

    /** VFNMSUB231PD of 256 bits. */
    public static void fnmsub231pdWide(Cpu c, int d, int a, int b) {
        pdWide(c, d, a, b, d, NMSUB, NMSUB);
    }

    /** VFNMSUB231SS. */
    public static void fnmsub231ss(Cpu c, int d, int a, int b) {
        ss(c, d, a, b, d, NMSUB);
    }

    /** VFNMSUB231SD. */
    public static void fnmsub231sd(Cpu c, int d, int a, int b) {
        sd(c, d, a, b, d, NMSUB);
    }
}
