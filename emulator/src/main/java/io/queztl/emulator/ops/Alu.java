package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;

/** Addition, subtraction and logic (APM volume 3, chapter 3). */
public final class Alu {
    private Alu() {}

    /** ADD. */
    public static long add(Cpu c, long a, long b, int size) {
        long result = a + b;
        Flags.add(c, a, b, result, size);
        return result;
    }

    /** ADC. */
    public static long adc(Cpu c, long a, long b, int size) {
        long result = a + b + (Flags.cf(c) ? 1 : 0);
        Flags.add(c, a, b, result, size);
        return result;
    }

    /** SUB. */
    public static long sub(Cpu c, long a, long b, int size) {
        long result = a - b;
        Flags.sub(c, a, b, result, size);
        return result;
    }

    /** SBB. */
    public static long sbb(Cpu c, long a, long b, int size) {
        long result = a - b - (Flags.cf(c) ? 1 : 0);
        Flags.sub(c, a, b, result, size);
        return result;
    }

    /** CMP. */
    public static void cmp(Cpu c, long a, long b, int size) {
        Flags.sub(c, a, b, a - b, size);
    }

    /** AND. */
    public static long and(Cpu c, long a, long b, int size) {
        long result = a & b;
        Flags.logic(c, result, size);
        return result;
    }

    /** OR. */
    public static long or(Cpu c, long a, long b, int size) {
        long result = a | b;
        Flags.logic(c, result, size);
        return result;
    }

    /** XOR. */
    public static long xor(Cpu c, long a, long b, int size) {
        long result = a ^ b;
        Flags.logic(c, result, size);
        return result;
    }

    /** TEST. */
    public static void test(Cpu c, long a, long b, int size) {
        Flags.logic(c, a & b, size);
    }

    /** INC: as ADD 1, but CF stays. */
    public static long inc(Cpu c, long a, int size) {
        boolean cf = Flags.cf(c);
        long result = Flags.signExtend(a + 1, size);
        Flags.set(c, result, size, cf, result == minimum(size), (result & 15) == 0);
        return result;
    }

    /** DEC: as SUB 1, but CF stays. */
    public static long dec(Cpu c, long a, int size) {
        boolean cf = Flags.cf(c);
        long result = Flags.signExtend(a - 1, size);
        boolean of = Flags.signExtend(a, size) == minimum(size);
        Flags.set(c, result, size, cf, of, (result & 15) == 15);
        return result;
    }

    private static long minimum(int size) {
        return -1L << (size * 8 - 1);
    }

    /** NEG: as SUB from 0. */
    public static long neg(Cpu c, long a, int size) {
        Flags.sub(c, 0, a, -a, size);
        return -a;
    }

    /** NOT: no flags. */
    public static long not(Cpu c, long a, int size) {
        return ~a;
    }

    /** ADCX: adds with CF, touches no other flag. */
    public static long adcx(Cpu c, long a, long b, int size) {
        long result = a + b + (Flags.cf(c) ? 1 : 0);
        Flags.setCf(c, carry(a, b, result, size));
        return result;
    }

    /** ADOX: adds with OF as the carry, touches no other flag. */
    public static long adox(Cpu c, long a, long b, int size) {
        long result = a + b + (Flags.of(c) ? 1 : 0);
        Flags.setCfOf(c, Flags.cf(c), carry(a, b, result, size));
        return result;
    }

    private static boolean carry(long a, long b, long result, int size) {
        long carries = (a & b) | ((a | b) & ~result);
        return (carries >>> (size * 8 - 1) & 1) != 0;
    }
}
