package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.translate.Part;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionCompiler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Translates 64-bit code from bytes and runs it, without fetch, interpreter or delivery. */
public final class OneRegion {
    private static final int MAX_ITERATIONS = 100;

    /** Nobody looks at them. */
    private static final Map<Integer, Long> PAGES =
            Map.of(-4096, 0x10_0000L, 0, 0x20_0000L, 4096, 0x30_0000L, 8192, 0x40_0000L);

    private final Cpu c;
    private final Region region;

    /** What is run in the interpreter's stead where a hot region leaves an instruction to it. */
    private final @Nullable Region plain;

    private OneRegion(Cpu c, Region region, @Nullable Region plain) {
        this.c = c;
        this.region = region;
        this.plain = plain;
    }

    /** Length in bytes of the first instruction, for reports. */
    public static int length(byte[] code) {
        Insn i = new Decoder(CpuModel.max()).decode(code, 0, code.length, 8);
        return i == null ? 1 : i.end;
    }

    /**
     * Decodes the instructions of one basic block.
     *
     * @param distance of the block's start from the start of the entry's page, in bytes
     */
    public static Part part(Cpu c, int distance, byte[] code, int length) {
        Decoder decoder = new Decoder(c.model);
        List<Insn> insns = new ArrayList<>();
        int at = 0;
        while (at < length) {
            Insn i = decoder.decode(code, at, length, 8);
            if (i == null) {
                throw new IllegalArgumentException("decoder wants more bytes");
            }
            i.offset = (short) at;
            i.end = (short) (i.end + at);
            if (i.base == Cpu.BLOCK_RIP) {
                i.displacement += i.end;
            }
            Executors.bind(i);
            insns.add(i);
            at = i.end;
            if (i.row.end) {
                break;
            }
        }
        return new Part(distance, insns.toArray(new Insn[0]), at);
    }

    /** Translates one instruction or a block at RIP {@code rip}. */
    public static OneRegion of(Cpu c, long rip, byte[] code, int length) {
        Part p = part(c, (int) rip & 0xfff, code, length);
        // Both forms get their share of the instructions.
        boolean hot = (java.util.Arrays.hashCode(code) & 1) != 0;
        OneRegion r = Objects.requireNonNull(of(c, p, List.of(p), hot));
        if (!hot) {
            return r;
        }
        Part again = part(c, (int) rip & 0xfff, code, length);
        OneRegion plain = Objects.requireNonNull(of(c, again, List.of(again), false));
        return new OneRegion(c, r.region, plain.region);
    }

    /** Translates several blocks, in hot form or not; null if that comes out too long. */
    public static @Nullable OneRegion of(Cpu c, Part entry, List<Part> parts, boolean hot) {
        // Nobody looks at the address: what the code jumps to is never found.
        Region r = RegionCompiler.compile(entry, parts, PAGES, c.shared.memory, c.shared.smp, hot);
        return r == null ? null : new OneRegion(c, r, null);
    }

    /**
     * Runs from {@code c.rip}, which must be the entry's, until the region is left; an instruction
     * with a REP prefix, until it is done.
     *
     * @throws GuestException if an instruction faults; {@code c.rip} is its address
     */
    public void run(boolean repeated) {
        long start = c.rip;
        for (int k = 0; k < MAX_ITERATIONS; k++) {
            c.depth = 0;
            c.passing = false;
            int result = region.run(c, 0);
            if (c.passing && plain != null) {
                result = plain.run(c, 0);
            }
            if (result == Region.FAULTED) {
                GuestException e = c.lastFault();
                e.vector = Interpreter.vector(c, Objects.requireNonNull(c.faulted), e.vector);
                throw e;
            }
            if (!repeated || c.rip != start) {
                return;
            }
        }
    }
}
