package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;
import java.security.SecureRandom;

/** RDRAND and RDSEED, from the host's generator; they never run dry. */
public final class Random {
    private static final SecureRandom GENERATOR = new SecureRandom();

    private Random() {}

    /** RDRAND r. */
    public static void rdrand(Cpu c, Insn i) {
        Operands.write(c, i, 1, GENERATOR.nextLong());
        Flags.arithmetic(c, Flags.CF);
    }

    /** RDSEED r. */
    public static void rdseed(Cpu c, Insn i) {
        rdrand(c, i);
    }
}
