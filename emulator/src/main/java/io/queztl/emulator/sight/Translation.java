package io.queztl.emulator.sight;

/**
 * How one region of translated code comes to be, for the counters and the {@code
 * queztl.Translation} event. Used by one thread at a time.
 */
public final class Translation {
    /** What became of it. */
    public enum Outcome {
        /** vCPUs may enter it. */
        PUBLISHED,
        /** The bytecode was too long; a smaller region is tried next. */
        TOO_LONG,
        /** An error in the translator: the interpreter runs the code. */
        FAILED,
        /** The guest wrote to the code before the region was ready. */
        OVERTAKEN
    }

    private final Sight sight;

    /** Guest-linear address of the block it is made for. */
    final long linear;

    /** Guest-physical address of that. */
    final long physical;

    /** Guest instructions. */
    final int instructions;

    /** Length of the bytecode; 0 if none was made. */
    int bytecode;

    /** What generating took. */
    long generateNanos;

    /** From the begin to the publication. */
    long publishNanos;

    private final long begin = System.nanoTime();

    Translation(Sight sight, long linear, long physical, int instructions) {
        this.sight = sight;
        this.linear = linear;
        this.physical = physical;
        this.instructions = instructions;
    }

    /** Generated: {@code bytes} bytes of bytecode, or 0 if that is too long. */
    public void generated(int bytes) {
        generateNanos = System.nanoTime() - begin;
        bytecode = bytes;
        sight.generated(this);
        if (bytes == 0) {
            end(Outcome.TOO_LONG);
        }
    }

    /** The last thing that is heard of it. */
    public void end(Outcome outcome) {
        long now = System.nanoTime() - begin;
        publishNanos = outcome == Outcome.PUBLISHED ? now : 0;
        if (outcome == Outcome.FAILED) {
            generateNanos = now;
        }
        sight.ended(this, outcome);
    }
}
