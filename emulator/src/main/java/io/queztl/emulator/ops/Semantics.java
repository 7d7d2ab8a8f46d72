package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import java.lang.invoke.MethodHandles;

/**
 * The shapes that instruction semantics come in: each row of the instruction table names one static
 * method of a class of this package, and its kind says which of these it must match.
 */
public final class Semantics {
    private Semantics() {}

    /** A lookup that sees this package, for the binding of table rows. */
    public static MethodHandles.Lookup lookup() {
        return MethodHandles.lookup();
    }

    /** Kind {@code insn}: does everything itself. */
    @FunctionalInterface
    public interface Exec {
        void exec(Cpu c, Insn i);
    }

    /** Kind {@code bin}: operand 1 = f(operand 1, operand 2). Operands come zero-extended. */
    @FunctionalInterface
    public interface Bin {
        long apply(Cpu c, long a, long b, int size);
    }

    /** Kind {@code cmp}: only sets flags from operands 1 and 2. */
    @FunctionalInterface
    public interface Cmp {
        void apply(Cpu c, long a, long b, int size);
    }

    /** Kind {@code un}: operand 1 = f(operand 1). */
    @FunctionalInterface
    public interface Un {
        long apply(Cpu c, long a, int size);
    }

    /**
     * Kind {@code mov}: operand 1 = f(operand 2), operand 1 not read; {@code size} is that of
     * operand 2.
     */
    @FunctionalInterface
    public interface Mov {
        long apply(Cpu c, long b, int size);
    }

    /** Kind {@code mov3}: operand 1 = f(operand 2, operand 3), operand 1 not read. */
    @FunctionalInterface
    public interface Mov3 {
        long apply(Cpu c, long a, long b, int size);
    }

    /** Kind {@code tri}: operand 1 = f(operand 1, operand 2, operand 3). */
    @FunctionalInterface
    public interface Tri {
        long apply(Cpu c, long a, long b, long third, int size);
    }

    /** Kind {@code vec}: 128-bit lane d = f(a, b); arguments are indices into {@link Cpu#vec}. */
    @FunctionalInterface
    public interface Vec {
        void apply(Cpu c, int d, int a, int b);
    }

    /** Kind {@code veci}: as {@code vec}, with an 8-bit immediate. */
    @FunctionalInterface
    public interface VecI {
        void apply(Cpu c, int d, int a, int b, int immediate);
    }

    /** Kind {@code vec1}: lane d = f(b); lane d may also be read (merging moves). */
    @FunctionalInterface
    public interface Vec1 {
        void apply(Cpu c, int d, int b);
    }

    /** Kind {@code vec1i}: as {@code vec1}, with an 8-bit immediate. */
    @FunctionalInterface
    public interface Vec1I {
        void apply(Cpu c, int d, int b, int immediate);
    }

    /** Kind {@code mmx}: MMX register = f(MMX register, MMX register or memory). */
    @FunctionalInterface
    public interface Mmx {
        long apply(long a, long b);
    }

    /** Kind {@code mmxi}: as {@code mmx}, with an 8-bit immediate. */
    @FunctionalInterface
    public interface MmxI {
        long apply(long a, long b, int immediate);
    }
}
