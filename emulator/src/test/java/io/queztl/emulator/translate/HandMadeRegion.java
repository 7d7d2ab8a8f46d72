package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A region in Java, right or wrong. */
public final class HandMadeRegion extends Region {
    /** What it does; RIP and the count of instructions too. */
    public interface Body {
        /** Does it, or throws a guest's fault. */
        void run(Cpu c);
    }

    private final Body body;
    private final Insn[] code;

    /** A region at a guest-physical address; its fault, if any, is of the last instruction. */
    public HandMadeRegion(long physical, Insn[] code, Body body) {
        entries = new RegionEntry[] {new RegionEntry(this, 0, (int) physical & 4095, physical)};
        this.code = code;
        this.body = body;
        size = code.length;
    }

    @Override
    public int run(@Nullable Cpu cpu, int entry) {
        Cpu c = Objects.requireNonNull(cpu);
        try {
            body.run(c);
            return LEFT;
        } catch (GuestException e) {
            c.faulted = code[code.length - 1];
            return FAULTED;
        }
    }
}
