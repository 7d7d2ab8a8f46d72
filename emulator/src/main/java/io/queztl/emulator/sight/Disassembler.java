package io.queztl.emulator.sight;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import java.util.Locale;
import java.util.Set;
import java.util.StringJoiner;
import java.util.regex.Pattern;

/** Writes decoded instructions in Intel syntax, as the instruction table has them. */
public final class Disassembler {
    private static final String[] WIDE = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15"
    };
    private static final String[] HIGH_BYTES = {"ah", "ch", "dh", "bh"};
    private static final String[] LOW_BYTES = {"spl", "bpl", "sil", "dil"};
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    private static final int FIRST_HIGH_BYTE = 20;
    private static final int NOP = 0x90;
    private static final Pattern REPEATED =
            Pattern.compile("(MOVS|CMPS|STOS|LODS|SCAS|INS|OUTS)B?");

    /** The mnemonics that leave the operand size open. */
    private static final Set<String> WIDE_STRINGS =
            Set.of("MOVS", "CMPS", "STOS", "LODS", "SCAS", "INS", "OUTS");

    private Disassembler() {}

    /**
     * One instruction.
     *
     * @param start address of the block or part that its offsets count from
     */
    public static String text(Insn i, long start) {
        StringBuilder s = new StringBuilder();
        if (i.lock) {
            s.append("lock ");
        }
        if (i.rep != 0 && REPEATED.matcher(i.row.mnemonic).matches()) {
            s.append(i.rep == 0xf3 ? "rep " : "repne ");
        }
        if (i.row.opcode == NOP && i.row.map == 0 && i.rm == 0 && i.row.plusR) {
            return s.append("nop").toString();
        }
        s.append(i.row.mnemonic.toLowerCase(Locale.ROOT));
        if (WIDE_STRINGS.contains(i.row.mnemonic)) {
            s.append(i.operandSize == 2 ? 'w' : i.operandSize == 4 ? 'd' : 'q');
        }
        StringJoiner operands = new StringJoiner(", ", " ", "");
        operands.setEmptyValue("");
        boolean second = false;
        for (int n = 0; n < i.row.operands.size(); n++) {
            Operand o = i.row.operands.get(n);
            if (o.kind() == Operand.Kind.IMMEDIATE) {
                operands.add(number(second ? i.immediate2 : i.immediate));
                second = true;
            } else {
                operands.add(operand(i, o, n, start));
            }
        }
        return s.append(operands).toString();
    }

    private static String operand(Insn i, Operand o, int n, long start) {
        int register = i.register(n);
        return switch (o.kind()) {
            case RM -> i.mem ? memory(i, i.operandSize(n), start) : register(register, size(i, n));
            case REG, VVVV, OPCODE_REG, FIXED -> register(register, i.operandSize(n));
            case ONE -> "1";
            case IMMEDIATE -> number(i.immediate);
            case JUMP -> "0x%x".formatted(start + i.end + i.immediate);
            case FAR -> "0x%x:0x%x".formatted(i.immediate2, i.immediate);
            case OFFSET, MEMORY -> memory(i, i.operandSize(n), start);
            case VEC_REG, VEC_VVVV -> vector(i, register);
            case VEC_RM ->
                    i.mem ? memory(i, vectorSize(i, i.operandSize(n)), start) : vector(i, register);
            case MMX_REG -> "mm" + register;
            case MMX_RM -> i.mem ? memory(i, i.operandSize(n), start) : "mm" + register;
            case SEGMENT -> SEGMENTS[register];
            case CONTROL -> "cr" + register;
            case DEBUG -> "dr" + register;
        };
    }

    /** Size of a general register; control registers are as wide as the mode. */
    private static int size(Insn i, int n) {
        return i.row.registersOnly ? i.mode64 ? 8 : 4 : i.operandSize(n);
    }

    private static int vectorSize(Insn i, int size) {
        return i.wide && size >= 16 ? 2 * size : size;
    }

    private static String vector(Insn i, int index) {
        return (i.wide ? "ymm" : "xmm") + index / Cpu.VEC_STRIDE;
    }

    /** A general register, as {@link Cpu#reg(int, int)} counts them. */
    private static String register(int r, int size) {
        if (r >= FIRST_HIGH_BYTE) {
            return HIGH_BYTES[r - FIRST_HIGH_BYTE];
        }
        if (r >= 8) {
            return WIDE[r]
                    + switch (size) {
                        case 1 -> "b";
                        case 2 -> "w";
                        case 4 -> "d";
                        default -> "";
                    };
        }
        return switch (size) {
            case 1 -> r < 4 ? WIDE[r].charAt(1) + "l" : LOW_BYTES[r - 4];
            case 2 -> WIDE[r].substring(1);
            case 4 -> "e" + WIDE[r].substring(1);
            default -> WIDE[r];
        };
    }

    private static String memory(Insn i, int size, long start) {
        StringBuilder s = new StringBuilder();
        s.append(
                switch (size) {
                    case 1 -> "byte ptr ";
                    case 2 -> "word ptr ";
                    case 4 -> "dword ptr ";
                    case 8 -> "qword ptr ";
                    case 16 -> "xmmword ptr ";
                    case 32 -> "ymmword ptr ";
                    default -> "";
                });
        if (i.segmentOverride || i.segment == Cpu.FS || i.segment == Cpu.GS) {
            s.append(SEGMENTS[i.segment]).append(':');
        }
        if (i.base == Cpu.BLOCK_RIP) {
            return s.append("[rip: 0x%x]".formatted(start + i.displacement)).toString();
        }
        StringJoiner sum = new StringJoiner(" + ", "[", "");
        if (i.base < WIDE.length) {
            sum.add(register(i.base, i.addressSize));
        }
        if (i.row.vsib) {
            sum.add(vector(i, i.vectorIndex) + scale(i));
        } else if (i.index < WIDE.length) {
            sum.add(register(i.index, i.addressSize) + scale(i));
        }
        boolean registers = sum.length() > 1;
        if (!registers) {
            sum.add("0x%x".formatted(i.displacement));
        }
        s.append(sum);
        if (registers && i.displacement != 0) {
            s.append(i.displacement < 0 ? " - " : " + ")
                    .append("0x%x".formatted(Math.abs(i.displacement)));
        }
        return s.append(']').toString();
    }

    private static String scale(Insn i) {
        return i.scale == 0 ? "" : " * " + (1 << i.scale);
    }

    private static String number(long value) {
        return value < 0 && value >= Integer.MIN_VALUE
                ? "-0x%x".formatted(-value)
                : "0x%x".formatted(value);
    }
}
