package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;
import java.util.Set;

/**
 * Which vector instructions hot regions run on quadwords in locals ({@link LaneRows}), and which
 * registers they use: bits 0–15 are general registers, 16–31 and 48–63 the two low quadwords of
 * vector registers, 32–47 the high halves of 256-bit registers.
 */
final class LaneUse {
    /** What an instruction does, whatever its encoding. */
    enum Op {
        /** Not one of these. */
        NONE,
        MOVE,
        /** Low quadword, zero above. */
        MOVE_LOW,
        /** Low quadword from b, high one from a. */
        MERGE_LOW,
        /** Low quadword from b's high one, high one from a. */
        HIGH_TO_LOW,
        /** Low quadword from a, high one from b's low one. */
        LOW_TO_HIGH,
        /** High quadwords of a and b. */
        HIGHS,
        DUPLICATE,
        STORE,
        STORE_LOW,
        STORE_HIGH,
        /** Store, or a move of the low quadword with zeros above. */
        STORE_QUAD,
        FROM_GENERAL,
        TO_GENERAL,
        BROADCAST,
        ZERO_UPPER,
        AND,
        AND_NOT,
        OR,
        XOR,
        /** A function of {@code Packed} of each pair of quadwords. */
        PACKED,
        /** A shift of {@code Packed} by an immediate. */
        SHIFT,
        /** PSHUFD. */
        SHUFFLE,
        /** PMOVMSKB. */
        MASK,
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE,
        ROOT,
        FUSED,
        COMPARE,
        FROM_INTEGER,
        TO_INTEGER
    }

    private static final Set<String> PACKED =
            Set.of(
                    "paddb", "paddw", "paddd", "paddq", "psubb", "psubw", "psubd", "psubq",
                    "pminub", "pmaxub", "pminsw", "pmaxsw", "pcmpeqb", "pcmpeqw", "pcmpeqd",
                    "pcmpgtb", "pcmpgtw", "pcmpgtd", "paddusb", "paddusw", "psubusb", "psubusw",
                    "pmullw", "pmuludq", "pmulhuw", "pmulhw", "pmaddwd", "pavgb", "pavgw");
    private static final Set<String> SHIFTS =
            Set.of(
                    "psrlwImmediate",
                    "psrldImmediate",
                    "psrlqImmediate",
                    "psllwImmediate",
                    "pslldImmediate",
                    "psllqImmediate",
                    "psrawImmediate",
                    "psradImmediate");

    private LaneUse() {}

    /** What an instruction does. */
    static Op op(Insn i) {
        Row r = i.row;
        String s = r.semantics;
        if (!s.startsWith("Sse") && !s.startsWith("Avx") && !s.startsWith("Fma.")) {
            return Op.NONE;
        }
        if (s.startsWith("SseInteger.")) {
            return integer(i, s.substring(11));
        }
        if (s.startsWith("Fma.f")) {
            boolean known = s.startsWith("Fma.fmadd") || s.startsWith("Fma.fnmadd");
            known |= s.startsWith("Fma.fmsub") || s.startsWith("Fma.fnmsub");
            return known && s.endsWith("d") && !s.contains("addsub") && !s.contains("subadd")
                    ? Op.FUSED
                    : Op.NONE;
        }
        return switch (s) {
            case "SseMove.mov", "AvxMove.loadAligned" -> Op.MOVE;
            case "SseMove.movq" -> Op.MOVE_LOW;
            case "SseMove.movsd" -> i.wide ? Op.NONE : Op.MERGE_LOW;
            case "SseMove.movhlps" -> i.wide ? Op.NONE : Op.HIGH_TO_LOW;
            case "SseMove.movlhps", "SseShuffle.punpcklqdq" -> i.wide ? Op.NONE : Op.LOW_TO_HIGH;
            case "SseShuffle.punpckhqdq" -> i.wide ? Op.NONE : Op.HIGHS;
            case "SseMove.movddup" -> i.wide ? Op.NONE : Op.DUPLICATE;
            case "SseShuffle.pshufd" -> Op.SHUFFLE;
            case "SseMove.storeAligned", "SseMove.storeUnaligned" -> Op.STORE;
            case "AvxMove.storeAligned", "AvxMove.storeUnaligned" -> Op.STORE;
            case "SseMove.storeDouble" -> Op.STORE_LOW;
            case "SseMove.storeHigh" -> Op.STORE_HIGH;
            case "SseMove.storeQuad", "AvxMove.storeQuad" -> Op.STORE_QUAD;
            case "SseMove.fromGeneral" -> Op.FROM_GENERAL;
            case "SseMove.toGeneral" -> Op.TO_GENERAL;
            case "SseMove.pmovmskb", "AvxMove.pmovmskb256" -> Op.MASK;
            case "AvxMove.broadcastq" -> Op.BROADCAST;
            case "AvxMove.vzeroupper" -> Op.ZERO_UPPER;
            case "SseFloat.addsd", "SseFloat.addpd" -> Op.ADD;
            case "SseFloat.subsd", "SseFloat.subpd" -> Op.SUBTRACT;
            case "SseFloat.mulsd", "SseFloat.mulpd" -> Op.MULTIPLY;
            case "SseFloat.divsd", "SseFloat.divpd" -> Op.DIVIDE;
            case "SseFloat.sqrtsd" -> Op.ROOT;
            case "SseCompare.ucomisd", "SseCompare.comisd" -> Op.COMPARE;
            case "SseConvert.cvtsi2sd" -> Op.FROM_INTEGER;
            case "SseConvert.cvttsd2si" -> Op.TO_INTEGER;
            default -> Op.NONE;
        };
    }

    private static Op integer(Insn i, String name) {
        return switch (name) {
            case "pand" -> Op.AND;
            case "pandn" -> Op.AND_NOT;
            case "por" -> Op.OR;
            case "pxor" -> Op.XOR;
            default -> {
                if (i.row.kind == Row.Kind.VEC && PACKED.contains(name)) {
                    yield Op.PACKED;
                }
                boolean shift = i.row.kind == Row.Kind.VEC1I && SHIFTS.contains(name);
                yield shift ? Op.SHIFT : Op.NONE;
            }
        };
    }

    static boolean knows(Insn i) {
        return op(i) != Op.NONE;
    }

    /** True if something can be seen or an exception come out of the middle in a hot region. */
    static boolean faults(Insn i) {
        if (i.mem || !knows(i)) {
            return FlagUse.faults(i);
        }
        return switch (op(i)) {
            case ADD, SUBTRACT, MULTIPLY, DIVIDE, ROOT, FUSED, COMPARE -> true;
            case FROM_INTEGER, TO_INTEGER -> true;
            default -> false;
        };
    }

    /** True for comparisons of doubles that set the flags. */
    static boolean compares(Insn i) {
        return op(i) == Op.COMPARE;
    }

    /** True if it must know the rounding mode and which exceptions are masked. */
    static boolean floating(Insn i) {
        return switch (op(i)) {
            case ADD, SUBTRACT, MULTIPLY, DIVIDE, ROOT, FUSED, FROM_INTEGER, TO_INTEGER -> true;
            default -> false;
        };
    }

    /** The vector registers that it takes for doubles, as bits. */
    static int doubles(Insn i) {
        if (!floating(i) && op(i) != Op.COMPARE) {
            return 0;
        }
        int bits = 0;
        for (Operand o : i.row.operands) {
            int v = vector(i, o.kind());
            if (v >= 0) {
                bits |= 1 << v;
            }
        }
        return bits;
    }

    /** The number of the vector register of an operand, or -1. */
    static int vector(Insn i, Operand.Kind k) {
        return switch (k) {
            case VEC_REG -> i.reg;
            case VEC_VVVV -> i.vvvv;
            case VEC_RM -> i.mem ? -1 : i.rm;
            default -> -1;
        };
    }

    /** True if the first operand is a vector register. */
    private static boolean toVector(Insn i) {
        return !i.row.operands.isEmpty() && vector(i, i.row.operands.getFirst().kind()) >= 0;
    }

    /** The lowest quadword. */
    static long first(int v) {
        return v < 0 ? 0 : 1L << 16 + v;
    }

    static long low(int v) {
        return v < 0 ? 0 : 1L << 16 + v | 1L << 48 + v;
    }

    static long high(int v) {
        return v < 0 ? 0 : 1L << 32 + v;
    }

    /** The registers that are read, or written in part. */
    static long needed(Insn i) {
        Op op = op(i);
        long bits = 0;
        if (i.mem) {
            bits = general(i.base) | general(i.index);
        }
        boolean zero = op == Op.XOR && zeroes(i);
        boolean three =
                i.row.operands.size() > 1 && i.row.operands.get(1).kind() == Operand.Kind.VEC_VVVV;
        for (int n = 0; n < i.row.operands.size(); n++) {
            Operand.Kind k = i.row.operands.get(n).kind();
            int v = vector(i, k);
            if (v >= 0) {
                if (n > 0 && !zero || n == 0 && readsFirst(i, op, three) && !zero) {
                    bits |= low(v) | (i.wide ? high(v) : 0);
                }
            } else if (n > 0 && (k == Operand.Kind.REG || k == Operand.Kind.RM && !i.mem)) {
                bits |= general(k == Operand.Kind.REG ? i.reg : i.rm);
            }
        }
        return bits;
    }

    /** True if the first operand, a vector register, is an input or keeps a part. */
    private static boolean readsFirst(Insn i, Op op, boolean three) {
        return switch (op) {
            case MOVE, MOVE_LOW, DUPLICATE, FROM_GENERAL, BROADCAST, SHUFFLE, STORE, STORE_QUAD ->
                    false;
            case SHIFT -> false;
            case STORE_LOW, COMPARE, FUSED -> true;
            default -> !three;
        };
    }

    /** XOR of a register with itself. */
    static boolean zeroes(Insn i) {
        if (i.mem) {
            return false;
        }
        int n = i.row.operands.size();
        return vector(i, i.row.operands.get(n - 1).kind())
                == vector(i, i.row.operands.get(n - 2).kind());
    }

    /** The registers of which all bits are written whatever happens. */
    static long written(Insn i) {
        Op op = op(i);
        if (op == Op.TO_GENERAL || op == Op.MASK || op == Op.TO_INTEGER) {
            if (i.mem && op == Op.TO_GENERAL) {
                return 0;
            }
            return general(op == Op.TO_GENERAL ? i.rm : i.reg);
        }
        if (op == Op.ZERO_UPPER || op == Op.COMPARE || !toVector(i)) {
            return 0;
        }
        int v = vector(i, i.row.operands.getFirst().kind());
        return low(v) | (i.vex ? high(v) : 0);
    }

    /** The vector registers that one not known here changes in the CPU. */
    static long lost(Insn i) {
        if (op(i) == Op.ZERO_UPPER) {
            return 0xffffL << 32;
        }
        if (i.row.operands.isEmpty() || i.row.semantics.startsWith("X87")) {
            return 0;
        }
        int v = vector(i, i.row.operands.getFirst().kind());
        return low(v) | high(v);
    }

    private static long general(int register) {
        return register < 16 ? 1L << register : 0;
    }

    /** Bytes of the memory operand. */
    static int bytes(Insn i, int size) {
        return size == 16 && i.wide ? 32 : size;
    }

    /** Where {@link Cpu#vec} has a vector register. */
    static int at(int v) {
        return v * Cpu.VEC_STRIDE;
    }
}
