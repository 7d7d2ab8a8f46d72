package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import org.jspecify.annotations.Nullable;

/** Decodes and runs single instructions from bytes, without fetch, blocks or exception delivery. */
public final class OneInstruction {
    private static final int MAX_ITERATIONS = 100;

    private final Cpu c;
    private final Decoder decoder;
    private byte[] lastCode = new byte[0];
    private int lastSize;
    private @Nullable Insn last;

    /** For one CPU. */
    public OneInstruction(Cpu c) {
        this.c = c;
        decoder = new Decoder(c.model);
    }

    private Insn decode(byte[] code, int length, int codeSize) {
        Insn i = decoder.decode(code, 0, length, codeSize);
        if (i == null) {
            throw new IllegalStateException("decoder wants more bytes");
        }
        i.offset = 0;
        if (i.base == Cpu.BLOCK_RIP) {
            i.displacement += i.end;
        }
        Executors.bind(i);
        return i;
    }

    /**
     * Runs the instruction as if it were at {@code c.rip}, and leaves RIP behind it. Guest
     * exceptions come out with {@code c.rip} as it was.
     */
    public void run(byte[] code, int length, int codeSize) {
        // The caller runs the same form with many states.
        Insn i = last;
        if (i == null || lastCode != code || lastSize != codeSize) {
            i = decode(code, length, codeSize);
            last = i;
            lastCode = code;
            lastSize = codeSize;
        }
        long start = c.rip;
        for (int k = 0; k < MAX_ITERATIONS; k++) {
            c.r[Cpu.BLOCK_RIP] = start;
            boolean done = false;
            try {
                c.rip = c.nextRip(i.end);
                long next = c.rip;
                i.exec.exec(c, i);
                if (!i.row.end) {
                    c.rip = next;
                }
                done = true;
            } catch (GuestException e) {
                e.vector = Interpreter.vector(c, i, e.vector);
                throw e;
            } finally {
                if (!done) {
                    c.rip = start;
                }
            }
            if (c.rip != start || i.rep == 0) {
                return;
            }
        }
    }
}
