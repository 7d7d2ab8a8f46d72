package io.queztl.emulator.translate;

import io.queztl.emulator.decode.Insn;
import java.lang.classfile.Label;
import org.jspecify.annotations.Nullable;

/** A basic block in a region. */
public final class Part {
    /** What {@link #target} returns where there is none. */
    public static final int UNKNOWN = Integer.MIN_VALUE;

    /** {@link #carry} if no way to it has told. */
    static final int NOT_TOLD = -2;

    /** Distance of its first byte from the start of the region's first page, in bytes. */
    final int distance;

    /** Its instructions; their offsets count from the part's start. */
    final Insn[] insns;

    /** Length in bytes. */
    final int bytes;

    /** Index of its first instruction in the region. */
    int first;

    /** For each instruction whether the flags after it can be seen. */
    boolean[] flagsSeen = {};

    /** Whether the flags on entry can be seen. */
    boolean flagsSeenOnEntry;

    /** Registers that are in locals on entry, as bits of {@link RegisterUse}. */
    long available;

    /** Registers that it or a part after it uses before a local of them is lost. */
    long wanted;

    /** In a hot region: those that ways to it bring along unwritten. */
    long brought;

    /** In a hot region: those that the CPU may not have on entry. */
    long dirty;

    /** In a hot region: how the carry word is had on entry, as {@link Emitter} has it. */
    int carry = NOT_TOLD;

    /** The region can be entered here. */
    boolean entry;

    @Nullable Label label;

    /** A block of {@code bytes} bytes. */
    public Part(int distance, Insn[] insns, int bytes) {
        this.distance = distance;
        this.insns = insns;
        this.bytes = bytes;
    }

    /** Has the region entered here, too. */
    public void enter() {
        entry = true;
    }

    /** True if the region can be entered here, once it is made. */
    public boolean isEntry() {
        return entry;
    }

    Insn last() {
        return insns[insns.length - 1];
    }

    /** Distance of its first byte from the start of the region's first page, in bytes. */
    public int distance() {
        return distance;
    }

    /** Guest instructions in it. */
    public int size() {
        return insns.length;
    }

    /** Distance of the byte after it. */
    public int next() {
        return distance + bytes;
    }

    /** Distance of the target of the direct branch or call that ends it, or {@link #UNKNOWN}. */
    public int target() {
        Insn i = last();
        if (!Control.direct(i)) {
            return UNKNOWN;
        }
        long t = next() + i.immediate;
        return (int) t == t ? (int) t : UNKNOWN;
    }

    /** True if it ends with a jump inside the code, not a call. */
    public boolean jumps() {
        return Control.direct(last()) && !Control.call(last());
    }

    /** True if execution may go on behind it. */
    public boolean fallsThrough() {
        return Control.fallsThrough(last());
    }
}
