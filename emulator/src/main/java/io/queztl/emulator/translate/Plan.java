package io.queztl.emulator.translate;

import io.queztl.emulator.decode.Insn;
import io.queztl.machine.memory.GuestMemory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A region before bytecode: its parts in order of address, and what can be known of them. */
final class Plan {
    final List<Part> parts;
    final Part entry;

    /** Where the region can be entered; {@link #entry} is the first. */
    final List<Part> entries = new ArrayList<>();

    final Insn[] insns;
    private final Map<Integer, Part> byDistance = new HashMap<>();

    /** There are several vCPUs: memory accesses keep their order. */
    final boolean smp;

    /** The host's address of guest RAM, and the mask for offsets in it. */
    final long ram;

    final long mask;

    /** It is worth the better of HotSpot's compilers: nothing is written through. */
    final boolean hot;

    /** A way to a part brought something along that the part did not know of. */
    boolean changed;

    /** Vector registers that are doubles in their locals, as bits. */
    private int doubles;

    /** Some instruction computes with doubles. */
    boolean floating;

    Plan(Part entry, List<Part> all, GuestMemory memory, boolean smp, boolean hot) {
        this.smp = smp;
        this.hot = hot;
        ram = memory.ram().address();
        mask = memory.offsetMask();
        this.entry = entry;
        this.parts = all.stream().sorted(Comparator.comparingInt(p -> p.distance)).toList();
        int count = 0;
        for (Part p : parts) {
            p.first = count;
            count += p.insns.length;
            byDistance.put(p.distance, p);
        }
        insns = new Insn[count];
        for (Part p : parts) {
            System.arraycopy(p.insns, 0, insns, p.first, p.insns.length);
        }
        entries();
        if (hot) {
            for (Insn i : insns) {
                doubles |= LaneUse.doubles(i);
                floating |= LaneUse.floating(i);
            }
            keepRegisters();
        } else {
            registers();
        }
        flags();
    }

    /** True if a vector register's locals are doubles rather than longs. */
    boolean isDouble(int v) {
        return (doubles >> v & 1) != 0;
    }

    @Nullable Part at(int distance) {
        return byDistance.get(distance);
    }

    // --- registers
    // --------------------------------------------------------------------------------

    /** Where execution is likely to come from outside: behind calls, and at heads of loops. */
    private void entries() {
        entry.entry = true;
        for (Part p : parts) {
            Part to = at(p.next());
            if (to != null && p.fallsThrough() && !RegisterUse.direct(p.last(), true)) {
                to.entry = true;
            }
            to = p.jumps() ? at(p.target()) : null;
            if (to != null && to.distance <= p.distance) {
                to.entry = true;
            }
        }
        entries.add(entry);
        for (Part p : parts) {
            if (p.entry && p != entry) {
                entries.add(p);
            }
        }
    }

    /** The registers that an instruction reads, or writes in part or on a condition. */
    long needed(Insn i) {
        return hot && LaneUse.knows(i) ? LaneUse.needed(i) : RegisterUse.needed(i);
    }

    private long wanted(Insn i, long after) {
        if (hot && LaneUse.knows(i)) {
            return after & ~LaneUse.written(i) | LaneUse.needed(i);
        }
        long general = RegisterUse.wanted(i, (int) after & 0xffff);
        boolean keeps = hot && RegisterUse.direct(i, true);
        return keeps ? general | after & ~0xffff & ~LaneUse.lost(i) : general;
    }

    /** Hot regions: all ways to a part get into locals what it and the parts after it use. */
    void keepRegisters() {
        wanted();
        for (Part p : parts) {
            p.available = p.wanted | p.brought;
        }
    }

    /**
     * Notes what a way to a part of a hot region brings along.
     *
     * @param dirty registers that the CPU does not have
     * @param lost those of them that the part does not keep in locals so far
     * @param carry how the carry word is had
     */
    void bring(Part to, long dirty, long lost, int carry) {
        long all = to.dirty | dirty & ~lost;
        int how = to.carry;
        if (carry != Part.NOT_TOLD && carry != how) {
            how = how == Part.NOT_TOLD ? carry : Emitter.DYNAMIC;
        }
        changed |= (lost & ~to.brought) != 0 || all != to.dirty || how != to.carry;
        to.brought |= lost;
        to.dirty = all;
        to.carry = how;
    }

    /** Which registers are in locals where a part begins: what all ways to it have there. */
    private void registers() {
        wanted();
        for (Part p : parts) {
            p.available = p.wanted;
        }
        boolean changed = true;
        while (changed) {
            changed = false;
            for (Part p : parts) {
                int after = (int) p.available;
                for (Insn i : p.insns) {
                    after = RegisterUse.available(i, after);
                }
                if (p.fallsThrough()) {
                    changed |= meet(p.next(), after);
                }
                if (p.jumps()) {
                    changed |= meet(p.target(), after);
                }
            }
        }
    }

    private void wanted() {
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int k = parts.size() - 1; k >= 0; k--) {
                Part p = parts.get(k);
                Part next = p.fallsThrough() ? at(p.next()) : null;
                Part target = p.jumps() ? at(p.target()) : null;
                long wanted =
                        (next == null ? 0 : next.wanted) | (target == null ? 0 : target.wanted);
                for (int n = p.insns.length - 1; n >= 0; n--) {
                    wanted = wanted(p.insns[n], wanted);
                }
                changed |= wanted != p.wanted;
                p.wanted = wanted;
            }
        }
    }

    private boolean meet(int distance, int registers) {
        Part p = at(distance);
        if (p == null || (p.available & ~registers) == 0) {
            return false;
        }
        p.available &= registers;
        return true;
    }

    // --- flags
    // ------------------------------------------------------------------------------------

    private void flags() {
        boolean changed = true;
        boolean first = true;
        while (changed) {
            changed = false;
            for (int k = parts.size() - 1; k >= 0; k--) {
                Part p = parts.get(k);
                boolean before = p.flagsSeenOnEntry;
                flags(p);
                changed |= first || before != p.flagsSeenOnEntry;
            }
            first = false;
        }
    }

    private boolean seenAt(int distance) {
        Part p = at(distance);
        return p == null || p.flagsSeenOnEntry;
    }

    private void flags(Part p) {
        int n = p.insns.length;
        boolean[] direct = new boolean[n];
        FlagUse.Source source = FlagUse.Source.WORDS;
        for (int k = 0; k < n; k++) {
            Insn i = p.insns[k];
            int condition = Control.condition(i);
            direct[k] = condition >= 0 && FlagUse.covers(source, condition);
            source = FlagUse.after(i, source, hot);
        }
        Insn last = p.last();
        boolean live;
        if (Control.conditionalJump(last) || Control.countedJump(last)) {
            // Backward branches may leave the region: the flags are seen then.
            live = seenAt(p.next()) || seenAt(p.target()) || p.target() <= p.distance;
        } else if (last.row.semantics.equals("Branch.jmp")) {
            live = seenAt(p.target()) || p.target() <= p.distance;
        } else if (last.row.end) {
            live = true;
        } else {
            live = seenAt(p.next());
        }
        p.flagsSeen = new boolean[n];
        for (int k = n - 1; k >= 0; k--) {
            Insn i = p.insns[k];
            boolean faults = FlagUse.faults(i);
            if (faults) {
                live = true; // what it writes may be code, and then the region ends behind it
            }
            p.flagsSeen[k] = live;
            switch (FlagUse.effect(i)) {
                case KILL -> live = false;
                case READ_KILL -> live = true;
                case READ -> live |= !direct[k];
                case NONE, PARTIAL -> {}
            }
            if (faults) {
                live = true;
            }
        }
        p.flagsSeenOnEntry = live;
    }
}
