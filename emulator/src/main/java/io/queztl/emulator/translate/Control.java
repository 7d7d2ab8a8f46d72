package io.queztl.emulator.translate;

import io.queztl.emulator.decode.Insn;
import java.util.Map;
import java.util.Set;

/** Which instructions end a part, and how a region goes on after them. */
final class Control {
    /** Condition codes of Jcc, SETcc and CMOVcc by the last part of their semantics' names. */
    private static final Map<String, Integer> CONDITIONS =
            Map.ofEntries(
                    Map.entry("o", 0),
                    Map.entry("no", 1),
                    Map.entry("b", 2),
                    Map.entry("ae", 3),
                    Map.entry("e", 4),
                    Map.entry("ne", 5),
                    Map.entry("be", 6),
                    Map.entry("a", 7),
                    Map.entry("s", 8),
                    Map.entry("ns", 9),
                    Map.entry("p", 10),
                    Map.entry("np", 11),
                    Map.entry("l", 12),
                    Map.entry("ge", 13),
                    Map.entry("le", 14),
                    Map.entry("g", 15));

    /**
     * Instructions that end a block for the interpreter's sake, after which a region goes on if
     * nothing needs attention and RIP is the next instruction.
     */
    private static final Set<String> PASSING =
            Set.of(
                    "ControlRegisters.cli",
                    "ControlRegisters.sti",
                    "ControlRegisters.clac",
                    "ControlRegisters.stac",
                    "ControlRegisters.clts",
                    "ControlRegisters.movFromControl",
                    "SystemCalls.swapgs",
                    "SystemCalls.wrfsbase",
                    "SystemCalls.wrgsbase",
                    "Stack.popf",
                    "MsrAccess.rdmsr",
                    "MsrAccess.wrmsr");

    private Control() {}

    /** Condition code 0–15 of a Jcc, SETcc or CMOVcc, or -1. */
    static int condition(Insn i) {
        String s = i.row.semantics;
        String name;
        if (s.startsWith("Branch.j")) {
            name = s.substring(8);
        } else if (s.startsWith("FlagOps.set")) {
            name = s.substring(11);
        } else if (s.startsWith("Moves.cmov")) {
            name = s.substring(10);
        } else {
            return -1;
        }
        return CONDITIONS.getOrDefault(name, -1);
    }

    static boolean conditionalJump(Insn i) {
        return i.row.semantics.startsWith("Branch.j") && condition(i) >= 0;
    }

    /** LOOP, LOOPE, LOOPNE, JRCXZ. */
    static boolean countedJump(Insn i) {
        return switch (i.row.semantics) {
            case "Branch.loop", "Branch.loope", "Branch.loopne", "Branch.jcxz" -> true;
            default -> false;
        };
    }

    static boolean call(Insn i) {
        return i.row.semantics.equals("Branch.call")
                || i.row.semantics.equals("Branch.callIndirect");
    }

    /** Branches with a displacement. */
    static boolean direct(Insn i) {
        return known(i)
                && (conditionalJump(i)
                        || countedJump(i)
                        || i.row.semantics.equals("Branch.jmp")
                        || i.row.semantics.equals("Branch.call"));
    }

    /** True for branches that translated code makes itself. */
    static boolean known(Insn i) {
        if (!i.row.semantics.startsWith("Branch.") || i.operandSize != 8) {
            return false;
        }
        if (conditionalJump(i)) {
            return true;
        }
        return switch (i.row.semantics) {
            case "Branch.jmp", "Branch.jmpIndirect", "Branch.call", "Branch.callIndirect" -> true;
            case "Branch.ret", "Branch.retImmediate", "Branch.jcxz", "Branch.loop" -> true;
            default -> false;
        };
    }

    /** True for an {@code end} row after which a region may go on. */
    static boolean passing(Insn i) {
        return i.row.end
                && (PASSING.contains(i.row.semantics)
                        || i.row.semantics.startsWith("Strings.")
                        || i.row.semantics.startsWith("InOut."));
    }

    /** True if the instruction after may come next. */
    static boolean fallsThrough(Insn i) {
        return !i.row.end
                || known(i) && (conditionalJump(i) || countedJump(i) || call(i))
                || passing(i);
    }
}
