package io.queztl.emulator.translate;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;

/** What instructions do with the arithmetic flags, as far as the translator knows them by name. */
final class FlagUse {
    /** What an instruction does with the flags. */
    enum Effect {
        /** Neither reads nor writes them. */
        NONE,
        /** Sets all of them. */
        KILL,
        /** Sets some, or sets them sometimes. */
        PARTIAL,
        /** Reads them, then sets all. */
        READ_KILL,
        /** Reads them, or the translator does not know. */
        READ
    }

    /** From what the latest flags can be had without the flag words. */
    enum Source {
        /** Nothing. */
        WORDS,
        /** The result word: ZF and SF. */
        RESULT,
        /** AND, OR, XOR, TEST: the result word tells all but PF. */
        LOGIC,
        /** CMP, SUB, NEG: the two operands. */
        SUBTRACTION,
        /** ADD: the result and an operand; ZF, SF and CF. */
        ADDITION,
        /** BT: CF alone, in place of the first operand. */
        BIT,
        /** UCOMISD in a hot region: the two doubles; all but SF and OF, which are clear. */
        DOUBLES
    }

    private FlagUse() {}

    /** True if the shift or rotate has a constant count that is not 0. */
    static boolean constantShift(Insn i) {
        Operand.Kind k = i.row.operands.get(1).kind();
        return (k == Operand.Kind.IMMEDIATE || k == Operand.Kind.ONE)
                && (i.immediate & (i.size == 8 ? 63 : 31)) != 0;
    }

    static Effect effect(Insn i) {
        if (i.lock) {
            return Effect.READ;
        }
        switch (i.row.semantics) {
            case "Alu.add", "Alu.sub", "Alu.and", "Alu.or", "Alu.xor", "Alu.cmp", "Alu.test":
            case "Alu.neg":
                return Effect.KILL;
            case "Alu.adc", "Alu.sbb":
                return Effect.READ_KILL;
            case "Alu.inc", "Alu.dec", "Bits.bt", "MulDiv.imulTruncated":
            case "Bits.bts", "Bits.btr", "Bits.btc":
                return Effect.PARTIAL;
            case "Shift.shl", "Shift.shr", "Shift.sar":
                return constantShift(i) ? Effect.KILL : Effect.PARTIAL;
            case "Shift.rol", "Shift.ror":
                return Effect.PARTIAL;
            case "Alu.not", "Bits.bswap", "Moves.mov", "Moves.movsx", "Moves.movbe", "Moves.lea":
            case "Moves.cbw", "Moves.cwd", "Moves.xchg", "Moves.xchgAccumulator", "Hints.nop":
            case "Stack.pushRegister", "Stack.popRegister", "Stack.pushImmediate":
            case "Stack.pushOperand", "Stack.leave":
            case "Bmi.rorx", "Bmi.sarx", "Bmi.shlx", "Bmi.shrx", "Bmi.mulx", "Bmi.pdep", "Bmi.pext":
                return Effect.NONE;
            case "Branch.jmp", "Branch.jcxz", "Branch.loop":
                return Effect.NONE;
            default:
                if (Control.condition(i) >= 0) {
                    return Effect.READ;
                }
                if (CallRows.knows(i)) {
                    return CallRows.setsFlags(i) ? Effect.KILL : Effect.NONE;
                }
                return vectorOnly(i) ? Effect.NONE : Effect.READ;
        }
    }

    /** Rows of the vector kinds do not touch flags unless they compare. */
    private static boolean vectorOnly(Insn i) {
        Row.Kind k = i.row.kind;
        boolean vector =
                k == Row.Kind.VEC
                        || k == Row.Kind.VECI
                        || k == Row.Kind.VEC1
                        || k == Row.Kind.VEC1I;
        return vector && !VectorRows.setsFlags(i);
    }

    /** What is known after an instruction; {@code before} if it leaves the flags. */
    static Source after(Insn i, Source before, boolean hot) {
        if (i.lock) {
            return Source.WORDS;
        }
        if (hot && LaneUse.compares(i)) {
            return Source.DOUBLES;
        }
        return switch (i.row.semantics) {
            case "Alu.add" -> Source.ADDITION;
            case "Alu.sub", "Alu.cmp", "Alu.neg" -> Source.SUBTRACTION;
            case "Alu.and", "Alu.or", "Alu.xor", "Alu.test" -> Source.LOGIC;
            case "Alu.inc", "Alu.dec", "Alu.adc", "Alu.sbb" -> Source.RESULT;
            case "Shift.shl", "Shift.shr", "Shift.sar" ->
                    constantShift(i) ? Source.RESULT : Source.WORDS;
            case "Bits.bt" -> Source.BIT;
            default -> {
                Effect e = effect(i);
                boolean leaves = e == Effect.NONE || Control.condition(i) >= 0;
                yield !leaves ? Source.WORDS : usesOperandLocals(i) ? wordsOf(before) : before;
            }
        };
    }

    /** True if the locals that hold the operands of the flags are needed for other values. */
    private static boolean usesOperandLocals(Insn i) {
        String s = i.row.semantics;
        return s.equals("Alu.not")
                || s.equals("Bits.bswap")
                || s.equals("Moves.movbe")
                || s.startsWith("Bmi.");
    }

    private static Source wordsOf(Source s) {
        return switch (s) {
            case LOGIC -> s;
            case RESULT, SUBTRACTION, ADDITION -> Source.RESULT;
            case DOUBLES -> s;
            case WORDS, BIT -> Source.WORDS;
        };
    }

    /** True if a condition can be had from a source. */
    static boolean covers(Source s, int condition) {
        int pair = condition >> 1;
        return switch (s) {
            case WORDS -> false;
            case RESULT -> pair == 2 || pair == 4;
            case LOGIC -> pair != 5;
            case SUBTRACTION -> pair != 0 && pair != 5;
            case ADDITION -> pair == 1 || pair == 2 || pair == 3 || pair == 4;
            case BIT -> pair == 1;
            case DOUBLES -> pair == 1 || pair == 2 || pair == 3 || pair == 5;
        };
    }

    /**
     * True if an exception can come out of the middle of an instruction, or it may end a region.
     */
    static boolean faults(Insn i) {
        if (i.mem && !i.row.semantics.equals("Moves.lea") && !i.row.semantics.equals("Hints.nop")) {
            return true;
        }
        return switch (i.row.kind) {
            case BIN, CMP, UN, MOV, MOV3, TRI -> false;
            default ->
                    switch (i.row.semantics) {
                        case "Moves.lea", "Hints.nop", "Moves.cbw", "Moves.cwd", "Moves.xchg" ->
                                false;
                        case "Moves.xchgAccumulator" -> false;
                        default -> !i.row.semantics.startsWith("FlagOps.set");
                    };
        };
    }
}
