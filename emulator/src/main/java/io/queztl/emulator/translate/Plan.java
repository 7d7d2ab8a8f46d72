package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A region before bytecode: its parts in order of address, and what can be known of them. */
final class Plan {
    final List<Part> parts;
    final Part entry;
    final Insn[] insns;
    private final Map<Integer, Part> byDistance = new HashMap<>();

    /** General registers that some instruction of the region names, by number. */
    final boolean[] used = new boolean[16];

    /** General registers that translated code writes. */
    final boolean[] written = new boolean[16];

    /** There are several vCPUs: memory accesses keep their order. */
    final boolean smp;

    Plan(Part entry, List<Part> all, boolean smp) {
        this.smp = smp;
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
        for (Insn i : insns) {
            registers(i);
        }
        flags();
    }

    @Nullable Part at(int distance) {
        return byDistance.get(distance);
    }

    // --- registers
    // --------------------------------------------------------------------------------

    private void registers(Insn i) {
        if (i.mem) {
            use(i.base);
            use(i.index);
        }
        String s = i.row.semantics;
        if (i.row.kind == Row.Kind.INSN && !IntegerRows.knows(i) && !Control.known(i)) {
            return; // works on the CPU's registers
        }
        if (s.startsWith("Stack.") || s.startsWith("Branch.call") || s.startsWith("Branch.ret")) {
            write(Cpu.RSP);
        }
        switch (s) {
            case "Stack.leave" -> write(Cpu.RBP);
            case "Moves.cbw" -> write(Cpu.RAX);
            case "Moves.cwd" -> {
                use(Cpu.RAX);
                write(Cpu.RDX);
            }
            case "Moves.xchgAccumulator" -> write(Cpu.RAX);
            case "Branch.loop", "Branch.loope", "Branch.loopne" -> write(Cpu.RCX);
            case "Branch.jcxz" -> use(Cpu.RCX);
            default -> {}
        }
        List<Operand> ops = i.row.operands;
        for (int n = 0; n < ops.size(); n++) {
            switch (ops.get(n).kind()) {
                case REG, VVVV, OPCODE_REG, FIXED -> operand(i, n);
                case RM -> {
                    if (!i.mem) {
                        operand(i, n);
                    }
                }
                default -> {}
            }
        }
    }

    private void operand(Insn i, int n) {
        int r = i.registers[n];
        r = r >= 20 ? r - 20 : r;
        use(r);
        boolean both = i.row.semantics.startsWith("Moves.xchg");
        if (n == 0 && i.row.kind != Row.Kind.CMP || both) {
            write(r);
        }
    }

    private void use(int r) {
        if (r < 16) {
            used[r] = true;
        }
    }

    private void write(int r) {
        if (r < 16) {
            used[r] = true;
            written[r] = true;
        }
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
            source = FlagUse.after(i, source);
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
