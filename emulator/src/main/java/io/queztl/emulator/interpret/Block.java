package io.queztl.emulator.interpret;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.sight.InvalidationReason;
import io.queztl.emulator.sight.Sight;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionEntry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run of decoded instructions that starts at one guest-physical address and is left only at its
 * end or by a fault. Immutable but for its invalidation, which replaces every instruction by {@link
 * Forms#STOP}, so that whoever is inside leaves at the next instruction boundary.
 */
final class Block {
    /** Thrown where an invalidated block is run instruction by instruction. */
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        static final Stopped INSTANCE = new Stopped();

        private Stopped() {
            super(null, null, false, false);
        }
    }

    /** Physical address of the first byte, times 4, plus the code size (0: 2, 1: 4, 2: 8). */
    final long key;

    /** The instructions as {@link BlockLoop} runs them. */
    final long[] words;

    /** The instructions as decoded. */
    final Insn[] decoded;

    /** Length in bytes. */
    final int bytes;

    /** Physical address of the page that holds the last bytes if they cross a page, else -1. */
    final long secondPage;

    /** False once the code was written, and in a block that runs only once. */
    volatile boolean valid = true;

    /** Executions by the interpreter, for the translator. */
    int count;

    /** The region that this block was last made part of, for the translator. */
    Translator.@Nullable Made member;

    /** Translated code that can be entered here. */
    @Nullable RegionEntry entry;

    /** All translated code that this block is part of. */
    private final List<Region> users = new ArrayList<>(1);

    /** Successors in the same page, by their offset in the page. */
    @Nullable Block successor0;

    @Nullable Block successor1;

    Block(long key, Insn[] insns, int bytes, long secondPage) {
        this.key = key;
        this.decoded = insns;
        this.words = Words.of(insns);
        this.bytes = bytes;
        this.secondPage = secondPage;
    }

    /** Throws what ends a run through the block if it was invalidated. */
    void checkStopped() {
        if (Words.form(words[0]) == Forms.STOP) {
            throw Stopped.INSTANCE;
        }
    }

    /** Physical address of the first byte. */
    long physical() {
        return key >>> 2;
    }

    /** Returns true if translated code was invalidated with it. */
    boolean invalidate(Sight sight, InvalidationReason reason) {
        boolean used;
        synchronized (users) {
            valid = false;
            used = !users.isEmpty();
            users.forEach(r -> r.invalidate(sight, reason));
            users.clear();
        }
        entry = null;
        // The second words stay: who has read a first one before must not see another's second.
        for (int k = 0; k < words.length; k += 2) {
            words[k] = Forms.STOP;
        }
        // Else a chain of dead blocks could hang on one that some vCPU still remembers.
        successor0 = null;
        successor1 = null;
        return used;
    }

    /** Has a region invalidated with this block; false if that happened before. */
    boolean use(Region r) {
        synchronized (users) {
            if (valid) {
                users.removeIf(u -> !u.valid());
                users.add(r);
            }
            return valid;
        }
    }

    /** The code size in the form that keys hold. */
    static int sizeCode(int codeSize) {
        return codeSize >> 2;
    }
}
