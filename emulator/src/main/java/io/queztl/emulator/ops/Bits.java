package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Bit tests, scans and counts. */
public final class Bits {
    private Bits() {}

    /** BT of a register, or of memory with an immediate: the index is modulo the operand size. */
    public static void bt(Cpu c, long a, long b, int size) {
        Flags.setCf(c, (a >>> index(b, size) & 1) != 0);
    }

    /** BTS, likewise. */
    public static long bts(Cpu c, long a, long b, int size) {
        bt(c, a, b, size);
        return a | 1L << index(b, size);
    }

    /** BTR, likewise. */
    public static long btr(Cpu c, long a, long b, int size) {
        bt(c, a, b, size);
        return a & ~(1L << index(b, size));
    }

    /** BTC, likewise. */
    public static long btc(Cpu c, long a, long b, int size) {
        bt(c, a, b, size);
        return a ^ 1L << index(b, size);
    }

    private static int index(long b, int size) {
        return (int) b & (size * 8 - 1);
    }

    /** BT of a bit string in memory: the register is a signed bit index from the address. */
    public static void btMemory(Cpu c, Insn i) {
        long linear = stringAddress(c, i, false);
        bt(c, c.mem.load(linear, i.size), c.r[i.r2], i.size);
    }

    /** BTS of a bit string in memory. */
    public static void btsMemory(Cpu c, Insn i) {
        modify(c, i, 0);
    }

    /** BTR of a bit string in memory. */
    public static void btrMemory(Cpu c, Insn i) {
        modify(c, i, 1);
    }

    /** BTC of a bit string in memory. */
    public static void btcMemory(Cpu c, Insn i) {
        modify(c, i, 2);
    }

    private static void modify(Cpu c, Insn i, int how) {
        long linear = stringAddress(c, i, true);
        int size = i.size;
        long mask = 1L << index(c.r[i.r2], size);
        c.mem.checkWrite(linear, size);
        long old = c.mem.load(linear, size);
        while (true) {
            long next = how == 0 ? old | mask : how == 1 ? old & ~mask : old ^ mask;
            if (!i.lock) {
                c.mem.store(linear, size, next);
                break;
            }
            long seen = Atomics.compareAndExchange(c, linear, size, old, next);
            if (seen == old) {
                break;
            }
            old = seen;
        }
        Flags.setCf(c, (old & mask) != 0);
    }

    /** The checked linear address of the operand-sized word that holds the bit. */
    private static long stringAddress(Cpu c, Insn i, boolean write) {
        long bit = Flags.signExtend(c.r[i.r2], i.size);
        int shift = i.size == 8 ? 6 : i.size == 4 ? 5 : 4;
        long offset =
                Moves.truncate(i.effectiveAddress(c) + (bit >> shift) * i.size, i.addressSize);
        return Moves.linear(c, i.segment, offset, i.size, write);
    }

    /** POPCNT. */
    public static long popcnt(Cpu c, long b, int size) {
        Flags.arithmetic(c, b == 0 ? Flags.ZF : 0);
        return Long.bitCount(b);
    }

    /** TZCNT: OF stays, as on AMD's CPUs. */
    public static long tzcnt(Cpu c, long b, int size) {
        return counted(c, b == 0 ? size * 8 : Long.numberOfTrailingZeros(b), b);
    }

    /** LZCNT. */
    public static long lzcnt(Cpu c, long b, int size) {
        return counted(c, Long.numberOfLeadingZeros(b) - (64 - size * 8), b);
    }

    private static long counted(Cpu c, int result, long source) {
        Flags.arithmetic(
                c,
                (Flags.of(c) ? Flags.OF : 0)
                        | (source == 0 ? Flags.CF : 0)
                        | (result == 0 ? Flags.ZF : 0));
        return result;
    }

    /** BSF: a source of 0 leaves the whole destination register, as AMD documents. */
    public static void bsf(Cpu c, Insn i) {
        long b = Operands.read(c, i, 2);
        scan(c, i, b, Long.numberOfTrailingZeros(b));
    }

    /** BSR, likewise. */
    public static void bsr(Cpu c, Insn i) {
        long b = Operands.read(c, i, 2);
        scan(c, i, b, 63 - Long.numberOfLeadingZeros(b));
    }

    private static void scan(Cpu c, Insn i, long source, int result) {
        if (source == 0) {
            Flags.arithmetic(c, Flags.ZF | Flags.PF);
        } else {
            Flags.arithmetic(c, (Integer.bitCount(result) & 1) == 0 ? Flags.PF : 0);
            c.reg(i.r1, i.size, result);
        }
    }

    /** BSWAP; 16-bit operands become 0, as CPUs do. */
    public static long bswap(Cpu c, long a, int size) {
        return size == 8
                ? Long.reverseBytes(a)
                : size == 4 ? Integer.reverseBytes((int) a) & 0xffff_ffffL : 0;
    }
}
