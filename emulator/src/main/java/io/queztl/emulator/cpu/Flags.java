package io.queztl.emulator.cpu;

/**
 * The six arithmetic flags, kept lazily as two words of {@link Cpu}: {@code flagResult}, the result
 * sign-extended to 64 bits, and {@code flagCarry}. SDM volume 1, 3.4.3.1.
 *
 * <pre>
 * ZF = flagResult == 0
 * SF = (flagResult &lt; 0) ^ flagCarry bit 0
 * PF = even parity of low byte of flagResult ^ flagCarry bits 15:8
 * CF = flagCarry bit 63
 * OF = flagCarry bit 63 ^ bit 62      (carry out of, and carry into, the sign bit)
 * AF = flagCarry bit 3                (carry out of bit 3)
 * </pre>
 *
 * Bits 0 and 15:8 let any combination of flags be written back (POPF, SAHF); arithmetic leaves them
 * 0. Every method is branch-free or nearly so.
 */
public final class Flags {
    /** Carry. */
    public static final int CF = 1;

    /** Parity of the low byte. */
    public static final int PF = 1 << 2;

    /** Carry out of bit 3. */
    public static final int AF = 1 << 4;

    /** Zero. */
    public static final int ZF = 1 << 6;

    /** Sign. */
    public static final int SF = 1 << 7;

    /** Trap (single-step). */
    public static final int TF = 1 << 8;

    /** Interrupts enabled. */
    public static final int IF = 1 << 9;

    /** Direction of string instructions. */
    public static final int DF = 1 << 10;

    /** Overflow. */
    public static final int OF = 1 << 11;

    /** I/O privilege level, two bits. */
    public static final int IOPL = 3 << 12;

    /** Nested task. */
    public static final int NT = 1 << 14;

    /** Resume: one instruction without instruction breakpoints. */
    public static final int RF = 1 << 16;

    /** Virtual-8086 mode. */
    public static final int VM = 1 << 17;

    /** Alignment check, and SMAP override. */
    public static final int AC = 1 << 18;

    /** Virtual interrupt flag. */
    public static final int VIF = 1 << 19;

    /** Virtual interrupt pending. */
    public static final int VIP = 1 << 20;

    /** CPUID is available. */
    public static final int ID = 1 << 21;

    /** The six flags that arithmetic sets. */
    public static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

    private Flags() {}

    /** Sign-extends the low {@code size} bytes of a value. */
    public static long signExtend(long value, int size) {
        int shift = 64 - size * 8;
        return value << shift >> shift;
    }

    /** A mask of the low {@code size} (1, 2, 4, 8) bytes. */
    public static long mask(int size) {
        return -1L >>> (64 - size * 8);
    }

    // --- the words as functions: what arithmetic makes of them
    // ------------------------------------

    /** The carry word of {@code result = a + b (+ carry)}; operands need not be masked. */
    public static long addCarry(long a, long b, long result, int size) {
        return carry((a & b) | ((a | b) & ~result), size);
    }

    /** The carry word of {@code result = a - b (- borrow)}; operands need not be masked. */
    public static long subCarry(long a, long b, long result, int size) {
        return carry((~a & b) | ((~a | b) & result), size);
    }

    private static long carry(long carries, int size) {
        return (carries << (64 - size * 8) & 0xC000_0000_0000_0000L) | (carries & 8);
    }

    /** The carry word of INC, from the one before and the sign-extended result. */
    public static long incCarry(long before, long result, int size) {
        boolean of = result == -1L << (size * 8 - 1);
        return carry(before < 0, of, (result & 15) == 0);
    }

    /** The carry word of DEC, from the one before and the sign-extended result. */
    public static long decCarry(long before, long result, int size) {
        boolean of = result == ~(-1L << (size * 8 - 1));
        return carry(before < 0, of, (result & 15) == 15);
    }

    /** The carry word with these flags and nothing else. */
    public static long carry(boolean cf, boolean of, boolean af) {
        return (cf ? 1L << 63 : 0) | (cf != of ? 1L << 62 : 0) | (af ? 8 : 0);
    }

    /** The carry word with another CF, 0 or 1, and the same OF. */
    public static long withCf(long before, long cf) {
        long of = (before ^ before << 1) >>> 63;
        return before & 0x3FFF_FFFF_FFFF_FFFFL | cf << 63 | (cf ^ of) << 62;
    }

    /** The carry word with another CF and OF. */
    public static long withCfOf(long before, boolean cf, boolean of) {
        return before & 0x3FFF_FFFF_FFFF_FFFFL | carry(cf, of, false);
    }

    /** Half of a condition code (its bits 3:1) from the two words. */
    public static boolean condition(long result, long carry, int pair) {
        boolean of = (carry ^ carry << 1) < 0;
        boolean sf = (result ^ carry << 63) < 0;
        return switch (pair) {
            case 0 -> of;
            case 1 -> carry < 0;
            case 2 -> result == 0;
            case 3 -> carry < 0 || result == 0;
            case 4 -> sf;
            case 5 -> pf(result, carry);
            case 6 -> sf != of;
            default -> result == 0 || sf != of;
        };
    }

    private static boolean pf(long result, long carry) {
        int b = (int) (result ^ (carry >>> 8)) & 0xff;
        b ^= b >> 4;
        return (0x9669 >> (b & 15) & 1) != 0;
    }

    // --- the words of a CPU
    // -----------------------------------------------------------------------

    /** Flags of {@code result = a + b (+ carry)}; operands need not be masked. */
    public static void add(Cpu c, long a, long b, long result, int size) {
        c.flagResult = signExtend(result, size);
        c.flagCarry = addCarry(a, b, result, size);
    }

    /** Flags of {@code result = a - b (- borrow)}; operands need not be masked. */
    public static void sub(Cpu c, long a, long b, long result, int size) {
        c.flagResult = signExtend(result, size);
        c.flagCarry = subCarry(a, b, result, size);
    }

    /** Flags of AND, OR, XOR, TEST: CF, OF and AF are cleared. */
    public static void logic(Cpu c, long result, int size) {
        c.flagResult = signExtend(result, size);
        c.flagCarry = 0;
    }

    /** ZF. */
    public static boolean zf(Cpu c) {
        return c.flagResult == 0;
    }

    /** SF. */
    public static boolean sf(Cpu c) {
        return (c.flagResult ^ (c.flagCarry << 63)) < 0;
    }

    /** CF. */
    public static boolean cf(Cpu c) {
        return c.flagCarry < 0;
    }

    /** OF. */
    public static boolean of(Cpu c) {
        return (c.flagCarry ^ (c.flagCarry << 1)) < 0;
    }

    /** AF. */
    public static boolean af(Cpu c) {
        return (c.flagCarry & 8) != 0;
    }

    /** PF. */
    public static boolean pf(Cpu c) {
        return pf(c.flagResult, c.flagCarry);
    }

    /** The six arithmetic flags at their RFLAGS positions. */
    public static int arithmetic(Cpu c) {
        return (cf(c) ? CF : 0)
                | (pf(c) ? PF : 0)
                | (af(c) ? AF : 0)
                | (zf(c) ? ZF : 0)
                | (sf(c) ? SF : 0)
                | (of(c) ? OF : 0);
    }

    /** Sets the six arithmetic flags from their RFLAGS positions. */
    public static void arithmetic(Cpu c, int flags) {
        boolean zero = (flags & ZF) != 0;
        // With ZF the result word must be 0, whose parity is even and sign positive; without it
        // 1 has odd parity, so the delta byte makes up the rest.
        long result = zero ? 0 : 1;
        long parityIsEven = zero ? 1 : 0;
        long wanted = (flags & PF) != 0 ? 1 : 0;
        long carry = (parityIsEven ^ wanted) << 8;
        if ((flags & SF) != 0) {
            carry |= 1;
        }
        if ((flags & CF) != 0) {
            carry |= 1L << 63;
        }
        if (((flags & CF) != 0) != ((flags & OF) != 0)) {
            carry |= 1L << 62;
        }
        if ((flags & AF) != 0) {
            carry |= 8;
        }
        c.flagResult = result;
        c.flagCarry = carry;
    }

    /** Replaces CF and leaves the other flags. */
    public static void setCf(Cpu c, boolean cf) {
        c.flagCarry = withCf(c.flagCarry, cf ? 1 : 0);
    }

    /** Replaces CF and OF and leaves the other flags. */
    public static void setCfOf(Cpu c, boolean cf, boolean of) {
        c.flagCarry = withCfOf(c.flagCarry, cf, of);
    }

    /** Sets ZF, SF and PF from a result, and CF, OF, AF as given. */
    public static void set(Cpu c, long result, int size, boolean cf, boolean of, boolean af) {
        c.flagResult = signExtend(result, size);
        c.flagCarry = carry(cf, of, af);
    }

    /** Condition code {@code cc} of Jcc, SETcc, CMOVcc (SDM volume 2, appendix B.1.4.7). */
    public static boolean condition(Cpu c, int cc) {
        return condition(c.flagResult, c.flagCarry, cc >> 1) ^ ((cc & 1) != 0);
    }
}
