package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Row;
import io.queztl.emulator.mmu.Journal;
import io.queztl.emulator.ops.Delivery;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionEntry;
import java.util.ArrayDeque;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Runs translated code and then the interpreter from the same state, and compares registers and
 * memory: the lock-step check of the translator. For a VM with one vCPU, on its thread.
 *
 * <p>One round is what {@link Region#run} does with all regions it calls. It runs with a journal of
 * all stores; then registers and memory are put back, and the interpreter goes as many instructions
 * as the round did, one more if that ended with a fault. Both start with empty TLBs, and the
 * accessed and dirty bits that page walks set are put back as stores are, so that both see the same
 * page tables. What reaches devices, the clock or anything else that answers differently the second
 * time cannot be compared: the round counts as it is. Devices may write to memory between the two,
 * so a difference counts only if it shows three times in a row; and they may see memory for a
 * moment as it was at the start of the round.
 */
public final class LockStep {
    /** Rounds of each region that are all checked. */
    private static final int FIRST = 50;

    /** Then one of so many is. */
    private static final int STRIDE = 64;

    private static final int ATTEMPTS = 3;

    /** Instructions that a report shows. */
    private static final int TRAIL = 64;

    /** What differs, as a report. */
    static final class Difference extends RuntimeException {
        private static final long serialVersionUID = 1L;

        final String report;

        Difference(String report) {
            super("translated code and the interpreter differ", null, false, false);
            this.report = report;
        }
    }

    /** Ends the interpreter's run where it would do what cannot be done twice. */
    private static final class NotTwice extends RuntimeException {
        private static final long serialVersionUID = 1L;

        static final NotTwice INSTANCE = new NotTwice();

        private NotTwice() {
            super("not to be done twice", null, false, false);
        }
    }

    /** How to look for blocks. */
    interface Finder {
        /** The block at RIP. */
        Block find();
    }

    private final Cpu c;
    private final boolean all;
    private final Finder finder;
    private final WeakHashMap<Region, int[]> entries = new WeakHashMap<>();
    private final WeakHashMap<Row, Boolean> repeatable = new WeakHashMap<>();

    private final RegisterImage start = new RegisterImage();
    private final RegisterImage translated = new RegisterImage();
    private final RegisterImage interpreted = new RegisterImage();
    private final Journal ofTranslated;
    private final Journal ofInterpreted;

    private volatile long equal;
    private volatile long skipped;
    private volatile long unsteady;
    private volatile long compared;

    // The fault that ended the translated run.
    private int outcome;
    private int vector;
    private int errorCode;
    private boolean nonCanonical;

    /** What the interpreter did otherwise than by registers and memory, or null. */
    private @Nullable String otherwise;

    /** Makes the checker of a vCPU. */
    LockStep(Cpu c, boolean all, Finder finder) {
        this.c = c;
        this.all = all;
        this.finder = finder;
        ofTranslated = new Journal(c);
        ofInterpreted = new Journal(c);
    }

    /** One line of what was checked so far; any thread. */
    String summary() {
        return ("%,d rounds with %,d instructions equal, %,d not comparable,"
                        + " %,d changed from outside meanwhile")
                .formatted(equal, compared, skipped, unsteady);
    }

    /** True if this entry is to be checked. */
    boolean due(Region region) {
        if (all) {
            return true;
        }
        int n = entries.computeIfAbsent(region, r -> new int[1])[0]++;
        return n < FIRST || n % STRIDE == 0;
    }

    /**
     * Runs a region both ways, in place of {@link Region#run}.
     *
     * @param rip where it is entered
     * @throws Difference if the two differ
     */
    int run(RegionEntry region, long rip) {
        start.take(c);
        try {
            for (int n = 1; ; n++) {
                // Flushes all translations; the region wants its own to be there.
                ofTranslated.start(false);
                long ignored = c.mem.fetch(rip);
                if (!region.at(c, rip)) {
                    return Region.LEFT;
                }
                int depth = c.depth;
                c.regions.flat = true;
                outcome = region.run(c);
                c.regions.flat = false;
                c.depth = depth;
                GuestException e = c.lastFault();
                vector = e.vector;
                errorCode = e.errorCode;
                nonCanonical = c.mem.nonCanonical;
                if (ofTranslated.wentOutside()) {
                    skipped++;
                    return outcome;
                }
                if (compare()) {
                    unsteady += n > 1 ? 1 : 0;
                    return outcome;
                }
                if (n == ATTEMPTS || !region.valid()) {
                    throw new Difference(report(region.region(), rip));
                }
                ofInterpreted.undo();
                start.restore(c);
                c.mem.nonCanonical = false;
            }
        } finally {
            c.regions.flat = false;
            c.mem.journal = null;
        }
    }

    /**
     * Compares the run just made with the interpreter's. Leaves the state after the instructions,
     * whoever it comes from.
     *
     * @return false if they differ; the state is the interpreter's then
     */
    private boolean compare() {
        translated.take(c);
        ofTranslated.capture();
        ofTranslated.undo();
        start.restore(c);
        c.mem.nonCanonical = false;
        if (!interpret(null)) {
            ofInterpreted.undo();
            ofTranslated.redo();
            translated.restore(c);
            c.mem.nonCanonical = nonCanonical;
            c.mem.flushAll();
            GuestException ignored = c.fault(vector, errorCode);
            skipped++;
            return true;
        }
        interpreted.take(c);
        if (otherwise != null || !interpreted.same(translated)) {
            return false;
        }
        if (ofTranslated.changed(ofInterpreted) >= 0) {
            return false;
        }
        if (!ofInterpreted.samePlaces(ofTranslated)) {
            ofInterpreted.capture();
            ofInterpreted.undo();
            ofTranslated.redo();
            boolean same = ofInterpreted.changed(ofTranslated) < 0;
            if (!same) {
                ofTranslated.undo();
                ofInterpreted.redo();
                return false;
            }
        }
        equal++;
        compared += translated.instructions() - start.instructions();
        return true;
    }

    // --- the interpreter's run
    // --------------------------------------------------------------------

    /**
     * Interprets as many instructions as were translated, and one that faults if that was so.
     *
     * @return false if that cannot be done a second time
     */
    private boolean interpret(@Nullable Trail trail) {
        otherwise = null;
        ofInterpreted.start(true);
        // Nothing may end a repeated string instruction early.
        int attention = c.unattend(-1);
        try {
            interpretAll(trail);
            return true;
        } catch (NotTwice e) {
            return false;
        } catch (Journal.Outside e) {
            otherwise = "the interpreter accesses a device at rip 0x%x".formatted(c.rip);
            return true;
        } catch (Delivery.TripleFault e) {
            otherwise = "the interpreter ends in a triple fault";
            return true;
        } finally {
            c.attend(attention);
        }
    }

    private void interpretAll(@Nullable Trail trail) {
        long left = translated.instructions() - start.instructions();
        boolean fault = outcome == Region.FAULTED;
        while (left > 0 || fault) {
            Block b;
            try {
                b = finder.find();
            } catch (GuestException e) {
                otherwise = "the interpreter faults while it fetches from 0x%x".formatted(c.rip);
                return;
            }
            long done = block(b, left, fault, trail);
            if (done < 0) {
                return;
            }
            left -= done;
        }
    }

    /** Runs a block or its beginning; returns how many instructions, or -1 to stop. */
    private long block(Block b, long left, boolean fault, @Nullable Trail trail) {
        long rip = c.rip;
        int k = 0;
        int n = (int) Math.min(b.decoded.length, fault ? left + 1 : left);
        c.r[Cpu.BLOCK_RIP] = rip;
        c.rip = rip + b.bytes & c.ripMask;
        try {
            while (k < n) {
                Insn i = b.decoded[k];
                if (!repeatable(i)) {
                    throw NotTwice.INSTANCE;
                }
                if (trail != null) {
                    trail.before(rip + i.offset & c.ripMask, i);
                }
                if (k == left) {
                    // The one that is to fault.
                    b.checkStopped();
                    i.exec.exec(c, i);
                    otherwise =
                            "translated code faults with vector %d, the interpreter does not"
                                    .formatted(vector);
                    c.rip = rip + i.offset & c.ripMask;
                    return -1;
                }
                if (k == left - 1 && !fault && repeats(i) && at(rip, i) == translated.rip()) {
                    // It may have given way to an interrupt.
                    throw NotTwice.INSTANCE;
                }
                b.checkStopped();
                i.exec.exec(c, i);
                while (repeats(i) && c.rip == at(rip, i)) {
                    // A bit of attention from another thread; not for now.
                    int later = c.unattend(-1);
                    try {
                        c.rip = rip + i.end & c.ripMask;
                        i.exec.exec(c, i);
                    } finally {
                        c.attend(later & ~Cpu.ATTENTION_CODE);
                    }
                }
                k++;
                if (trail != null) {
                    trail.after();
                }
            }
        } catch (Block.Stopped e) {
            c.rip = at(rip, b.decoded[k]);
            c.instructions += k;
            return k;
        } catch (GuestException e) {
            c.rip = at(rip, b.decoded[k]);
            c.instructions += k;
            faulted(e, k == left && fault);
            return -1;
        }
        c.instructions += n;
        if (n < b.decoded.length) {
            c.rip = at(rip, b.decoded[n]);
        }
        return n;
    }

    private long at(long rip, Insn i) {
        return rip + i.offset & c.ripMask;
    }

    private void faulted(GuestException e, boolean expected) {
        if (!expected) {
            otherwise =
                    "the interpreter faults with vector %d, error code 0x%x, at rip 0x%x"
                            .formatted(e.vector, e.errorCode, c.rip);
        } else if (e.vector != vector
                || e.errorCode != errorCode
                || c.mem.nonCanonical != nonCanonical) {
            otherwise =
                    ("translated code faults with vector %d, error code 0x%x, the interpreter with"
                                    + " vector %d, error code 0x%x")
                            .formatted(vector, errorCode, e.vector, e.errorCode);
        }
    }

    private static boolean repeats(Insn i) {
        return i.row.semantics.startsWith("Strings.rep");
    }

    private boolean repeatable(Insn i) {
        Boolean known = repeatable.get(i.row);
        if (known == null) {
            known = once(i.row.semantics);
            repeatable.put(i.row, known);
        }
        return known && !(i.row.semantics.equals("ControlRegisters.movToControl") && i.reg == 8);
    }

    /** False for what reaches devices, the clock, random numbers or the APIC. */
    private static boolean once(String semantics) {
        return switch (semantics) {
            case "ControlRegisters.hlt",
                    "Hypercalls.call",
                    "DebugRegisters.movToDebug",
                    "TimeStamp.rdtsc",
                    "TimeStamp.rdtscp" ->
                    false;
            default ->
                    !semantics.startsWith("InOut.")
                            && !semantics.startsWith("MsrAccess.")
                            && !semantics.startsWith("Random.");
        };
    }

    // --- the report
    // -------------------------------------------------------------------------------

    /** The last instructions that the interpreter ran. */
    private final class Trail {
        private final ArrayDeque<String> lines = new ArrayDeque<>();
        private final RegisterImage before = new RegisterImage();
        private final RegisterImage after = new RegisterImage();
        private String line = "";

        void before(long rip, Insn i) {
            line = "  0x%x: %-24s %-10s".formatted(rip, bytes(rip, i.length()), i.row.mnemonic);
            before.take(c);
        }

        void after() {
            after.take(c);
            add(line + " " + after.changes(before));
        }

        void add(String text) {
            if (lines.size() == TRAIL) {
                lines.removeFirst();
            }
            lines.add(text);
        }

        void end() {
            if (outcome == Region.FAULTED) {
                add(line);
            }
        }
    }

    private String bytes(long rip, int length) {
        StringBuilder s = new StringBuilder();
        for (int k = 0; k < length; k++) {
            long physical = c.mem.probe(rip + k);
            if (physical < 0 || c.shared.memory.secondStage().ramPage(physical) < 0) {
                s.append(" ??");
            } else {
                s.append(" %02x".formatted(c.shared.memory.read8(physical) & 0xff));
            }
        }
        return s.substring(1);
    }

    /** Describes the difference; the state is the interpreter's. */
    private String report(Region region, long rip) {
        StringBuilder s = new StringBuilder();
        long n = translated.instructions() - start.instructions();
        s.append(
                "translated code and the interpreter differ after %d instructions from rip 0x%x%n"
                        .formatted(n, rip));
        s.append(
                "  region at physical 0x%x, %d instructions, cr3 0x%x, cpl %d, outcome %d%n"
                        .formatted(region.physical(), region.size(), c.cr3, c.cpl, outcome));
        String o = otherwise;
        if (o != null) {
            s.append("  ").append(o).append(System.lineSeparator());
        }
        interpreted.describe(translated, "interpreter", "translated", s);
        int k = ofTranslated.changed(ofInterpreted);
        if (k >= 0) {
            s.append("  %s%n".formatted(ofTranslated.describe(k, "interpreter", "translated")));
        }
        ofInterpreted.capture();
        ofInterpreted.undo();
        ofTranslated.redo();
        k = ofInterpreted.changed(ofTranslated);
        if (k >= 0) {
            s.append("  %s%n".formatted(ofInterpreted.describe(k, "translated", "interpreter")));
        }
        ofTranslated.undo();
        start.restore(c);
        Trail trail = new Trail();
        boolean ignored = interpret(trail);
        trail.end();
        s.append("the last of them, as interpreted:%n".formatted());
        trail.lines.forEach(l -> s.append(l).append(System.lineSeparator()));
        return s.toString();
    }
}
